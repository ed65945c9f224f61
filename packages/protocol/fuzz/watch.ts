// Runs a job in a thread and notices when it hangs or dies, with the input that did it.

import { Worker } from "node:worker_threads";
import { MAX_MUTANT_LENGTH } from "./mutate.ts";
import { SharedInput } from "./shared-input.ts";
import type { Finding, FuzzJob, FuzzProgress } from "./trial.ts";
import type { ThreadMessage } from "./fuzz-thread.ts";

/** How to watch. */
export interface WatchOptions {
  readonly onProgress?: (progress: FuzzProgress) => void;
  /** A thread that is at one input for this long hangs. Default: 20 s. */
  readonly hangMs?: number;
  /** Megabytes of objects that the parsers may keep alive. Default: 512. */
  readonly heapMegabytes?: number;
}

/** How a job ended: with a bad input, or when its time was over. */
export type FuzzOutcome =
  | { readonly type: "passed"; readonly progress: FuzzProgress }
  | { readonly type: "found"; readonly finding: Finding };

/** Recordings may be longer than mutants. */
const ROOM = 4 * MAX_MUTANT_LENGTH;

/** Run a job to its end. Rejects only when the job itself is wrong, never for what a parser does. */
export async function watch(job: FuzzJob, options: WatchOptions = {}): Promise<FuzzOutcome> {
  const { onProgress, hangMs = 20_000, heapMegabytes = 512 } = options;
  const shared = SharedInput.withRoomFor(ROOM);
  const thread = new Worker(new URL("fuzz-thread.ts", import.meta.url), {
    workerData: { job, buffer: shared.buffer },
    resourceLimits: { maxOldGenerationSizeMb: heapMegabytes },
  });
  const { promise, resolve, reject } = Promise.withResolvers<FuzzOutcome>();
  const found = (fault: string): void => resolve({ type: "found", finding: { ...shared.get(), fault } });

  let turn = 0;
  let changedAt = performance.now();
  const timer = setInterval(() => {
    if (shared.turn !== turn) {
      turn = shared.turn;
      changedAt = performance.now();
    } else if (turn > 0 && performance.now() - changedAt > hangMs) {
      found(`did not come back within ${hangMs} ms`);
    }
  }, 250);

  thread.on("message", (message: ThreadMessage) => {
    if (message.type === "progress") onProgress?.(message.progress);
    else if (message.type === "done") resolve({ type: "passed", progress: message.progress });
    else if (message.type === "finding") resolve({ type: "found", finding: message.finding });
  });
  thread.on("error", (error: unknown) => {
    if (shared.turn === 0) reject(new Error("Cannot begin to fuzz", { cause: error }));
    else found(error instanceof Error ? (error.stack ?? error.message) : String(error));
  });
  thread.on("exit", (status) => found(`ended the thread with status ${status}`));

  try {
    return await promise;
  } finally {
    clearInterval(timer);
    await thread.terminate();
  }
}
