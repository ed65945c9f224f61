/** Tells the store how far a run is: at each phase, and at most once a second in between. */

import type { SyncEvent } from "@gitsync/engine";
import type { RunProgress } from "@gitsync/jobs";

const EVERY_MS = 1_000;

export interface PackSize {
  readonly bytes: number;
  readonly objects?: number;
}

export interface PackBytes {
  readonly source: number;
  readonly target: number;
}

export class RunProgressWriter {
  readonly #write: (progress: RunProgress) => Promise<void>;
  #progress: RunProgress = { phase: "discover", sourceBytes: 0, targetBytes: 0, bytesPerSecond: 0 };
  #writtenAt = 0;
  #writing = false;
  #objects: number | undefined;

  /** `write` may fail: progress is worth nothing once it is old. */
  constructor(write: (progress: RunProgress) => Promise<void>) {
    this.#write = write;
  }

  /** What came from the source; zero when nothing had to. */
  get pack(): PackSize {
    return {
      bytes: this.#progress.sourceBytes,
      ...(this.#objects === undefined ? {} : { objects: this.#objects }),
    };
  }

  /** Bytes of packs that passed each side. */
  get bytes(): PackBytes {
    return { source: this.#progress.sourceBytes, target: this.#progress.targetBytes };
  }

  observe(event: SyncEvent): void {
    if (event.type === "phase") {
      this.#progress = { ...this.#progress, phase: event.phase };
      this.#send();
    }
    if (event.type === "progress") {
      const { side, bytes, bytesPerSecond, objects } = event;
      if (side === "source") this.#objects = objects ?? this.#objects;
      this.#progress = {
        ...this.#progress,
        bytesPerSecond: Math.trunc(bytesPerSecond),
        [`${side}Bytes`]: bytes,
      };
      if (performance.now() - this.#writtenAt >= EVERY_MS) this.#send();
    }
  }

  #send(): void {
    // One at a time: a store that is slow must not collect a queue of stale news.
    if (this.#writing) return;
    this.#writing = true;
    this.#writtenAt = performance.now();
    void this.#write(this.#progress)
      .catch(() => undefined)
      .finally(() => (this.#writing = false));
  }
}
