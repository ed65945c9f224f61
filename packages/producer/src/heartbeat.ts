/** Says every few seconds that a process lives, what it can do and what it is configured for. */

import type { Logger } from "@gitsync/runtime";
import { Deadline } from "./deadline.ts";
import { BEAT_MS, type FleetStore, type ProcessBeat } from "./state/fleet-store.ts";

export class Heartbeat {
  readonly #fleet: FleetStore;
  readonly #say: () => ProcessBeat;
  readonly #logger: Logger;
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> | undefined;

  /** `say` is asked before each beat. */
  constructor(fleet: FleetStore, say: () => ProcessBeat, logger: Logger) {
    this.#fleet = fleet;
    this.#say = say;
    this.#logger = logger;
  }

  /** Resolves after the first beat; rejects when the store did not take that one. */
  async start(): Promise<void> {
    await this.#fleet.beat(this.#say());
    this.#timer = setInterval(() => {
      this.#beating ??= this.#beat().finally(() => (this.#beating = undefined));
    }, BEAT_MS);
    this.#timer.unref();
  }

  /** Say that the process ends. A store that is away finds out by the silence. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#beating;
    await new Deadline(BEAT_MS).within(this.#fleet.leave(this.#say().id)).catch(() => undefined);
  }

  async #beat(): Promise<void> {
    try {
      await new Deadline(BEAT_MS).within(this.#fleet.beat(this.#say()));
    } catch (error) {
      this.#logger.debug({ err: error }, "Cannot say that this process lives");
    }
  }
}
