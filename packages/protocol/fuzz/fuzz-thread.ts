// The thread in which inputs are tried. It may hang or run out of memory: whoever started it watches.

import { setImmediate } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { Corpus } from "./corpus.ts";
import { CoverageCounter } from "./coverage.ts";
import { explore } from "./explore.ts";
import { judge } from "./judge.ts";
import { minimise } from "./minimise.ts";
import { seededRandom } from "./random.ts";
import { SharedInput } from "./shared-input.ts";
import { sweep } from "./sweep.ts";
import type { FuzzTarget } from "./target.ts";
import { type Finding, FindingError, type FuzzJob, type FuzzProgress, Trials } from "./trial.ts";

/** What this thread says. */
export type ThreadMessage =
  | { readonly type: "progress"; readonly progress: FuzzProgress }
  | { readonly type: "done"; readonly progress: FuzzProgress }
  | { readonly type: "finding"; readonly finding: Finding };

/** Less than what is taken for a hang. */
const SHORTEN_MS = 5000;

const { job, buffer } = workerData as { readonly job: FuzzJob; readonly buffer: SharedArrayBuffer };
const say = (message: ThreadMessage): void => parentPort?.postMessage(message);

// Counting begins before the parsers are loaded, else their functions would not be counted.
using counter =
  job.explore === undefined ? undefined : new CoverageCounter(new URL("../src/", import.meta.url));
const { TARGETS: targets } = (await import(job.targets)) as { readonly TARGETS: readonly FuzzTarget[] };
const random = seededRandom(job.seed);
const trials = new Trials(targets, new SharedInput(buffer), random);

try {
  const progress = work();
  // A rejection that nobody handled ends the thread now, before it can say that all is well.
  await setImmediate();
  say({ type: "done", progress });
} catch (error) {
  if (!(error instanceof FindingError)) throw error;
  say({ type: "finding", finding: shortened(error.finding) });
}

function work(): FuzzProgress {
  if (job.explore === undefined || counter === undefined) {
    const only = job.only === undefined ? targets : targets.filter((target) => target.name === job.only);
    return sweep(targets, only, trials, random, job.milliseconds);
  }
  const { target: name, corpus } = job.explore;
  const index = targets.findIndex((candidate) => candidate.name === name);
  const target = targets[index];
  if (target === undefined) throw new RangeError(`There is no parser called ${name}`);
  return explore({
    target,
    index,
    trials,
    random,
    milliseconds: job.milliseconds,
    counter,
    corpus: new Corpus(corpus),
    onProgress: (progress) => say({ type: "progress", progress }),
  });
}

/** The same finding with a shorter input, when a shorter one does it. */
function shortened(finding: Finding): Finding {
  const make = Object.values(targets[finding.target]?.ways ?? {})[finding.way];
  if (make === undefined) return finding;
  const breaks = (bytes: Uint8Array): boolean => {
    try {
      judge(make, bytes, seededRandom(1));
      return false;
    } catch {
      return true;
    }
  };
  return { ...finding, bytes: minimise(finding.bytes, breaks, performance.now() + SHORTEN_MS) };
}
