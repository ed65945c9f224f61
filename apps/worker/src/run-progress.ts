/** Tells the store how far a run is: at each phase, and at most once a second in between. */

import type { Side, SyncEvent, SyncPhase } from "@gitsync/engine";
import type { RunProgress } from "@gitsync/jobs";

const EVERY_MS = 1_000;

/** In these phases bytes are those of packs that go on to the target; in others, of questions. */
const CARRYING: ReadonlySet<SyncPhase> = new Set(["fetch", "spool", "push"]);

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
  /** Of packs before the present one. */
  #before: PackBytes = { source: 0, target: 0 };
  /** All objects of the packs so far, and those of the packs before the present one. */
  #objects: number | undefined;
  #objectsBefore = 0;

  /** `write` may fail: progress is worth nothing once it is old. */
  constructor(write: (progress: RunProgress) => Promise<void>) {
    this.#write = write;
  }

  /** What came from the source in all packs; zero when nothing had to. */
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
      if (event.phase === "fetch") this.#begin("source");
      if (event.phase === "push") this.#begin("target");
      this.#send();
    }
    if (event.type === "progress" && CARRYING.has(this.#progress.phase)) {
      const { side, bytes, bytesPerSecond, objects } = event;
      if (side === "source" && objects !== undefined) this.#objects = this.#objectsBefore + objects;
      this.#progress = {
        ...this.#progress,
        bytesPerSecond: Math.trunc(bytesPerSecond),
        [`${side}Bytes`]: this.#before[side] + bytes,
      };
      if (performance.now() - this.#writtenAt >= EVERY_MS) this.#send();
    }
  }

  /** A side begins with the next pack. */
  #begin(side: Side): void {
    this.#before = { ...this.#before, [side]: this.bytes[side] };
    if (side === "source") this.#objectsBefore = this.#objects ?? 0;
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
