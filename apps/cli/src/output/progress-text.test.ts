import type { SyncEvent, SyncPhase } from "@gitsync/engine";
import { expect, test } from "vitest";
import { afterEvent, progressText, watchRun } from "./progress-text.ts";

const MB = 1_000_000;
const phase = (name: SyncPhase): SyncEvent => ({ type: "phase", phase: name });
const moved = (side: "source" | "target", mb: number, objects?: number): SyncEvent => ({
  type: "progress",
  side,
  bytes: mb * MB,
  bytesPerSecond: 2 * MB,
  ...(objects === undefined ? {} : { objects }),
});
const said = (side: "source" | "target", text: string, isTransient: boolean): SyncEvent => ({
  type: "remote-message",
  side,
  text,
  isTransient,
});

/** What is shown after each event, 7 seconds into the run. */
function shown(...events: readonly SyncEvent[]): readonly string[] {
  let run = watchRun(1_000);
  return events.map((event) => {
    run = afterEvent(run, event);
    return progressText(run, 8_000);
  });
}

test("each phase has words of its own, and the time that has passed", () => {
  const phases = ["discover", "plan", "ancestry", "history", "fetch", "spool", "push"] as const;
  const texts = shown(...phases.map(phase), phase("verify"), phase("clean-up"), phase("report"));
  expect(texts).toEqual([
    "listing refs of both sides  0:07",
    "planning  0:07",
    "asking the source what is a fast-forward  0:07",
    "reading the source's history  0:07",
    "fetching  0:07",
    "fetching into a file  0:07",
    "pushing  0:07",
    "verifying  0:07",
    "removing temporary refs  0:07",
    "reading the report  0:07",
  ]);
});

test("both sides of a pack that streams are shown with their own rate", () => {
  const texts = shown(
    phase("fetch"),
    moved("source", 8, 30_509),
    phase("push"),
    moved("target", 7),
    moved("source", 9, 30_509),
  );
  expect(texts.slice(1)).toEqual([
    "fetching  source 8.0 MB 2.0 MB/s  30,509 objects  0:07",
    "pushing  source 8.0 MB 2.0 MB/s  30,509 objects  0:07",
    "pushing  source 8.0 MB 2.0 MB/s  target 7.0 MB 2.0 MB/s  30,509 objects  0:07",
    "pushing  source 9.0 MB 2.0 MB/s  target 7.0 MB 2.0 MB/s  30,509 objects  0:07",
  ]);
});

test("a part of a divided transfer is numbered, and nothing of the part before it is shown", () => {
  const batch = { type: "batch", done: 2, planned: 12, limitBytes: MB } as const;
  const texts = shown(
    phase("push"),
    moved("target", 7),
    batch,
    phase("fetch"),
    moved("source", 1),
    phase("clean-up"),
  );
  expect(texts.slice(3)).toEqual([
    "batch 3 of 12: fetching  0:07",
    "batch 3 of 12: fetching  source 1.0 MB 2.0 MB/s  0:07",
    "removing temporary refs  0:07",
  ]);
});

test("a server's counter is shown until it says something else, and a standstill is no rate", () => {
  const waiting = {
    type: "waiting",
    phase: "push",
    milliseconds: 2_000,
    sourceBytes: 1,
    targetBytes: 1,
  } as const;
  const texts = shown(
    phase("push"),
    moved("target", 7),
    said("target", "Resolving deltas:  45% (9/20)", true),
    waiting,
    said("target", "Resolving deltas: 100% (20/20), done.", false),
  );
  expect(texts.slice(2)).toEqual([
    "pushing  target 7.0 MB 2.0 MB/s  0:07  target: Resolving deltas:  45% (9/20)",
    "pushing  target 7.0 MB 0 bytes/s  0:07  target: Resolving deltas:  45% (9/20)",
    "pushing  target 7.0 MB 0 bytes/s  0:07",
  ]);
});

test("long runs are told in hours", () => {
  const run = afterEvent(watchRun(0), phase("push"));
  expect([progressText(run, 750_000), progressText(run, 3_723_000)]).toEqual([
    "pushing  12:30",
    "pushing  1:02:03",
  ]);
});
