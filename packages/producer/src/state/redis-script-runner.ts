/** Runs the scripts of the state on Redis, and names its keys. */

import { createHash } from "node:crypto";
import type { Redis } from "ioredis";
import { SCRIPTS, type ScriptName } from "./redis-scripts.ts";

export type ScriptArgument = string | number;

export class ScriptRunner {
  readonly redis: Redis;
  readonly #root: string;
  readonly #clock: (() => number) | undefined;
  readonly #digests = new Map<ScriptName, string>();

  /** `prefix` is the queue's, hash tag included. `clock` replaces the server's. */
  constructor(redis: Redis, prefix: string, clock?: () => number) {
    this.redis = redis;
    this.#root = `${prefix}:state`;
    this.#clock = clock;
  }

  key(name: string): string {
    return `${this.#root}:${name}`;
  }

  /** Run a script by its digest; the text goes over only where the server does not know it (yet, or after a restart). */
  async run(name: ScriptName, ...args: readonly ScriptArgument[]): Promise<unknown> {
    const clock = this.#clock === undefined ? "" : this.#clock();
    try {
      return await this.redis.evalsha(this.#digest(name), 1, this.#root, clock, ...args);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
      return await this.redis.eval(SCRIPTS[name], 1, this.#root, clock, ...args);
    }
  }

  #digest(name: ScriptName): string {
    const known = this.#digests.get(name);
    if (known !== undefined) return known;
    const digest = createHash("sha1").update(SCRIPTS[name]).digest("hex");
    this.#digests.set(name, digest);
    return digest;
  }
}
