/** Mirrors as text: the fleet at a glance, or everything about one. */

import type { RunReport } from "@gitsync/jobs";
import type { MirrorView, RouteView, Waiting } from "@gitsync/producer";
import { factsText, tableText, timeText } from "./table.ts";

const TITLES = ["ROUTE", "STATE", "LAG", "LAST SUCCESS", "NEXT", "WAITING FOR"];

/** One line per route; every line ends with a line feed. `now` is the store's. */
export function mirrorsText(mirrors: readonly MirrorView[], now: number): string {
  if (mirrors.length === 0) return "no mirrors\n";
  return tableText(
    TITLES,
    mirrors.flatMap(({ routes }) => routes.map((route) => rowOf(route, now))),
  );
}

/** Everything about one mirror. */
export function mirrorText(mirror: MirrorView, runs: readonly RunReport[], now: number): string {
  const routes = mirror.routes.map((route) =>
    factsText([
      ["route", route.id],
      ["state", route.state],
      ["source", route.source],
      ["target", route.target],
      ["tenant", route.tenant],
      ["lag", lagOf(route)],
      ["success", route.lastSuccessAt === undefined ? "never" : timeText(route.lastSuccessAt)],
      ["next", nextOf(route, now)],
      ["waiting", route.waiting && waitingText(route.waiting)],
      ["failures", route.failuresInARow === 0 ? undefined : `${route.failuresInARow} in a row`],
      ["error", route.lastError && `${route.lastError.message} [${route.lastError.code}]`],
      ["remedy", route.lastError?.remedy],
    ]),
  );
  const table = tableText(
    ["RUN", "ROUTE", "TOOK", "OUTCOME", "APPLIED", "TRACE"],
    runs.map((run) => [
      timeText(run.startedAt),
      run.route,
      durationText(run.finishedAt - run.startedAt),
      run.error?.code ?? run.outcome,
      String(run.result?.counts.applied ?? "-"),
      run.traceId ?? "-",
    ]),
  );
  return `${routes.join("\n")}${runs.length === 0 ? "" : `\n${table}`}`;
}

function rowOf(route: RouteView, now: number): readonly string[] {
  return [
    route.id,
    route.state,
    lagOf(route),
    route.lastSuccessAt === undefined ? "never" : `${durationText(now - route.lastSuccessAt)} ago`,
    nextOf(route, now),
    route.lastError !== undefined && route.state === "failing"
      ? `${waitingText(route.waiting)} (${route.lastError.code})`
      : waitingText(route.waiting),
  ];
}

/** What a route waits for, in words. */
function waitingText(waiting: Waiting | undefined): string {
  switch (waiting?.reason) {
    case "paused":
      return "somebody to resume it";
    case "host": {
      const { host = "a host", credential } = waiting;
      return credential === undefined ? host : `${host}, for ${credential}`;
    }
    case "back-off":
      return "its next attempt";
    case "queued":
      return "its turn";
    case "idle":
    case undefined:
      return "-";
  }
}

function lagOf({ lagMs }: RouteView): string {
  return lagMs === 0 ? "-" : durationText(lagMs);
}

function nextOf({ running, waiting, nextAttemptAt }: RouteView, now: number): string {
  if (running !== undefined) return "now";
  if (nextAttemptAt !== undefined) return `in ${durationText(nextAttemptAt - now)}`;
  return waiting?.reason === "queued" ? "soon" : "-";
}

/** `850ms`, `12s`, `3m`, `5h`, `2d`: one unit, rounded down. */
export function durationText(ms: number): string {
  const units = [
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["m", 60_000],
    ["s", 1_000],
  ] as const;
  const whole = Math.max(0, Math.trunc(ms));
  const unit = units.find(([, size]) => whole >= size);
  return unit === undefined ? `${whole}ms` : `${Math.trunc(whole / unit[1])}${unit[0]}`;
}
