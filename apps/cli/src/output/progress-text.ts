/** What a watching person is told of a run: its phase, what passes each side, and how long it takes. Pure. */

import type { Side, SyncEvent, SyncPhase } from "@gitsync/engine";
import { formatBytes } from "./result-text.ts";

/** All that is shown of a run, as of its last event. Times are milliseconds from any start. */
export interface WatchedRun {
  readonly startedMs: number;
  readonly phase: SyncPhase | undefined;
  readonly sides: Readonly<Partial<Record<Side, SideProgress>>>;
  readonly objects: number | undefined;
  /** The part of a divided transfer that is under way, from 1. */
  readonly batch: { readonly part: number; readonly of: number } | undefined;
  /** A counter that a server keeps. */
  readonly counter: string;
}

interface SideProgress {
  readonly bytes: number;
  readonly bytesPerSecond: number;
}

/** Phases that move the objects of a part. */
const CARRYING: ReadonlySet<SyncPhase> = new Set(["fetch", "spool", "push"]);

const PHASES: Readonly<Record<SyncPhase, string>> = {
  discover: "listing refs of both sides",
  plan: "planning",
  ancestry: "asking the source what is a fast-forward",
  history: "reading the source's history",
  fetch: "fetching",
  spool: "fetching into a file",
  push: "pushing",
  verify: "verifying",
  "clean-up": "removing temporary refs",
  report: "reading the report",
};

export function watchRun(startedMs: number): WatchedRun {
  return {
    startedMs,
    phase: undefined,
    sides: {},
    objects: undefined,
    batch: undefined,
    counter: "",
  };
}

/** The run after an event. */
export function afterEvent(run: WatchedRun, event: SyncEvent): WatchedRun {
  switch (event.type) {
    case "phase": {
      // A pack streams: what its fetch said goes on while it is pushed.
      const goesOn = event.phase === "spool" || event.phase === "push";
      const batch = CARRYING.has(event.phase) ? run.batch : undefined;
      return goesOn
        ? { ...run, phase: event.phase, batch, counter: "" }
        : { ...run, phase: event.phase, batch, counter: "", sides: {}, objects: undefined };
    }
    case "progress": {
      const { side, bytes, bytesPerSecond } = event;
      const sides = { ...run.sides, [side]: { bytes, bytesPerSecond } };
      return { ...run, sides, objects: event.objects ?? run.objects };
    }
    case "batch":
      return { ...run, batch: { part: event.done + 1, of: event.planned } };
    case "remote-message":
      return { ...run, counter: event.isTransient ? `${event.side}: ${event.text}` : "" };
    case "waiting": {
      const still = (side: SideProgress | undefined): SideProgress | undefined =>
        side && { ...side, bytesPerSecond: 0 };
      const [source, target] = [still(run.sides.source), still(run.sides.target)];
      return { ...run, sides: { ...(source && { source }), ...(target && { target }) } };
    }
    case "retry":
    case "ref":
      return run;
  }
}

/** `batch 3 of 12: pushing  source 12.3 MiB 4.0 MiB/s  target 11.9 MiB 4.0 MiB/s  30,509 objects  0:42`. */
export function progressText(run: WatchedRun, nowMs: number): string {
  const { phase, sides, batch, objects, counter } = run;
  if (phase === undefined) return "";
  const parts = [`${batch === undefined ? "" : `batch ${batch.part} of ${batch.of}: `}${PHASES[phase]}`];
  for (const side of ["source", "target"] as const) {
    const moved = sides[side];
    if (moved !== undefined)
      parts.push(`${side} ${formatBytes(moved.bytes)} ${formatBytes(moved.bytesPerSecond)}/s`);
  }
  if (objects !== undefined) parts.push(`${objects.toLocaleString("en-US")} objects`);
  parts.push(clock(nowMs - run.startedMs));
  if (counter !== "") parts.push(counter);
  return parts.join("  ");
}

/** `0:07`, `12:30`, `1:02:03`. */
function clock(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1_000));
  const two = (value: number): string => String(value).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  const rest = two(seconds % 60);
  return minutes < 60 ? `${minutes}:${rest}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${rest}`;
}
