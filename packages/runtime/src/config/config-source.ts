/**
 * The configuration that is in force, and how it changes while a process runs: when a file of it changes, or on
 * demand. A file with faults changes nothing: what was in force stays so, and the fault is kept to be shown.
 */

import { stat } from "node:fs/promises";
import { errorText, RuntimeError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { DEFAULT_FLEET_CONFIG, type FleetConfig } from "./fleet-config.ts";
import { loadConfig, type ConfigPlaces } from "./load-config.ts";

const LOOK_EVERY_MS = 5_000;

/** Told of a configuration once it is in force. Must not throw. */
export type ConfigListener = (config: FleetConfig, before: FleetConfig) => void;

export interface ConfigSourceOptions {
  /** `undefined`: there is no file, and nothing ever changes. */
  readonly file: string | undefined;
  readonly logger: Pick<Logger, "info" | "error">;
  /** Time between two looks at the files. Default: 5 s. */
  readonly lookEveryMs?: number;
  /** Refuses a configuration that this process cannot take over while it runs, by throwing. */
  readonly accept?: (config: FleetConfig, before: FleetConfig) => void;
}

export interface ConfigSource {
  /** What is in force now. */
  current(): FleetConfig;
  /** What is wrong with the newest files, while an older configuration stays in force. */
  fault(): string | undefined;
  /** @returns a function that ends it. */
  onChange(listener: ConfigListener): () => void;
  /** Look again now, whether or not anything seems to have changed. Never rejects. */
  reload(): Promise<void>;
  close(): void;
}

/**
 * Load a configuration and keep looking at its files.
 *
 * @throws {RuntimeError} `CONFIG_INVALID` when the first load fails; later failures are only told.
 */
export async function openConfigSource(options: ConfigSourceOptions): Promise<ConfigSource> {
  const { file } = options;
  if (file === undefined) return new FixedConfig();
  const { config } = await loadConfig(file);
  return new WatchedConfig(file, options, config);
}

class FixedConfig implements ConfigSource {
  current(): FleetConfig {
    return DEFAULT_FLEET_CONFIG;
  }

  fault(): undefined {
    return undefined;
  }

  onChange(): () => void {
    return () => {};
  }

  reload(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}
}

class WatchedConfig implements ConfigSource {
  readonly #file: string;
  readonly #options: ConfigSourceOptions;
  readonly #listeners = new Set<ConfigListener>();
  #config: FleetConfig;
  /** Where the newest configuration lies, also one with faults: it has to be seen when they are mended. */
  #watched: readonly string[] = [];
  /** Of the files as they were before they were read last; absent when they have to be read again. */
  #stamp: string | undefined;
  #fault: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Loads one after the other, so that the newest wins. */
  #last: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(file: string, options: ConfigSourceOptions, config: FleetConfig) {
    this.#file = file;
    this.#options = options;
    this.#config = config;
    this.#lookLater();
  }

  current(): FleetConfig {
    return this.#config;
  }

  fault(): string | undefined {
    return this.#fault;
  }

  onChange(listener: ConfigListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  reload(): Promise<void> {
    this.#last = this.#last.then(() => this.#load());
    return this.#last;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #lookLater(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#look(), this.#options.lookEveryMs ?? LOOK_EVERY_MS);
    // Whoever only watches does not keep a process alive.
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    if ((await stampOf(this.#watched)) !== this.#stamp) await this.reload();
    this.#lookLater();
  }

  async #load(): Promise<void> {
    if (this.#closed) return;
    const { logger, accept } = this.#options;
    const before = this.#config;
    const watched = this.#watched;
    // Taken first: a file that changes while it is read is read again.
    const stamp = await stampOf(watched);
    const places: ConfigPlaces = { files: new Set(), folders: new Set() };
    try {
      const { config } = await loadConfig(this.#file, places);
      accept?.(config, before);
      this.#config = config;
      this.#fault = undefined;
    } catch (error) {
      this.#refuse(error);
    }
    // What was not watched while it was read may have changed meanwhile.
    this.#watched = [...places.files, ...places.folders];
    this.#stamp = this.#watched.join("\0") === watched.join("\0") ? stamp : undefined;
    const config = this.#config;
    if (config.hash === before.hash) return;
    logger.info(
      { file: this.#file, config_hash: config.hash, mirrors: config.mirrors.length },
      "Configuration changed",
    );
    for (const listener of this.#listeners) listener(config, before);
  }

  #refuse(error: unknown): void {
    const fault = errorText(error);
    const isKnown = this.#stamp === undefined && this.#fault === fault;
    this.#fault = fault;
    if (isKnown) return;
    const faults = error instanceof RuntimeError ? error.details["faults"] : undefined;
    this.#options.logger.error(
      { file: this.#file, error: fault, ...(faults !== undefined && { faults }) },
      "Configuration not changed: the new one cannot be used, the one before stays in force",
    );
  }
}

/** Changes when one of the files does: its content, or what a link of its name leads to. */
async function stampOf(paths: readonly string[]): Promise<string> {
  const stamps = await Promise.all(
    paths.map(async (path) => {
      try {
        const { dev, ino, size, mtimeNs } = await stat(path, { bigint: true });
        return [dev, ino, size, mtimeNs].join(" ");
      } catch (error) {
        return errorText(error);
      }
    }),
  );
  return stamps.join("\n");
}
