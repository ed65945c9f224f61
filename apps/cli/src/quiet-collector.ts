/**
 * Gives memory back to the system once a process has had nothing to do for a while.
 *
 * V8 grows its heap with the work and shrinks it only when it collects all of it, which in a process that idles may
 * not happen for hours: a worker would hold on to what its busiest minute needed.
 */

import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const QUIET_MS = 10_000;
/** A collection takes a tenth of a second of a processor, so little things do not each bring one about. */
const QUIET_AGAIN_MS = 60_000;

/** Enough for an idle worker to collect every few seconds only, which takes processor time, too. */
const QUIET_NEW_SPACE_BYTES = 4_000_000;
const LOOK_MS = 5_000;
/** Its default. */
const V8_GROWTH_FACTOR = 2;

/** What is done with the heap. */
export interface Heap {
  /** Give back what nobody holds, and stay small until `grow`. */
  shrink(): void;
  /** There is work again. */
  grow(): void;
}

export class QuietCollector {
  readonly #heap: Heap;
  /** Runs until the process has been quiet for long enough; none: it was, and nothing has happened since. */
  #timer: NodeJS.Timeout | undefined;

  constructor(heap: Heap = v8Heap()) {
    this.#heap = heap;
    this.#wait(QUIET_MS);
  }

  /** Something happened. Cheap enough to be called for everything that does. */
  touch(): void {
    if (this.#timer !== undefined) {
      this.#timer.refresh();
      return;
    }
    this.#heap.grow();
    this.#wait(QUIET_AGAIN_MS);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#heap.shrink();
    }, ms);
    this.#timer.unref();
  }
}

/**
 * V8's collection for when memory runs out, which also lets go of the space for new objects. An idle worker still asks
 * its lanes for jobs, and that alone would have the space grow back to what it was, twice 32 MB.
 */
function v8Heap(): Heap {
  // A context has the function if the flag is set while it is made; nobody else gets it.
  setFlagsFromString("--expose-gc");
  const gc: unknown = runInNewContext("gc");
  setFlagsFromString("--no-expose-gc");
  let watch: NodeJS.Timeout | undefined;
  return {
    shrink: () => {
      if (isCollection(gc)) gc({ type: "major", execution: "sync", flavor: "last-resort" });
      // V8 reads its factor at each collection.
      const hold = (): void => {
        if (newSpaceBytes() < QUIET_NEW_SPACE_BYTES) return;
        setFlagsFromString("--semi-space-growth-factor=1");
        clearInterval(watch);
      };
      watch = setInterval(hold, LOOK_MS).unref();
    },
    grow: () => {
      clearInterval(watch);
      setFlagsFromString(`--semi-space-growth-factor=${V8_GROWTH_FACTOR}`);
    },
  };
}

function newSpaceBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space")?.space_size ?? 0;
}

function isCollection(value: unknown): value is NodeJS.GCFunction {
  return typeof value === "function";
}
