/** Mirrors as text: the fleet at a glance, or everything about one. */

import { ROUTE_STATES, type RunReport } from "@gitsync/jobs";
import type { MirrorView, RouteView, Waiting } from "@gitsync/producer";
import { factsText, tableText, timeText } from "./table.ts";

const TITLES = ["ROUTE", "STATE", "LAG", "LAST SUCCESS", "NEXT", "WAITING FOR"];

/** Refs that are named when the target refuses them; `--json` has all. */
const LEFT_OUT = 20;

/** One line per route, and how many there are of each state; every line ends with a line feed. `now` is the store's. */
export function mirrorsText(mirrors: readonly MirrorView[], now: number, columns?: number): string {
  if (mirrors.length === 0) return "no mirrors\n";
  const routes = mirrors.flatMap((mirror) => mirror.routes);
  const table = tableText(
    TITLES,
    routes.map((route) => rowOf(route, now)),
    columns,
  );
  const counts = ROUTE_STATES.flatMap((state) => {
    const count = routes.filter((route) => route.state === state).length;
    return count === 0 ? [] : [`${count} ${state}`];
  });
  return `${table}${routes.length} ${routes.length === 1 ? "route" : "routes"}: ${counts.join(", ")}\n`;
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
      ...route.quarantine
        .slice(0, LEFT_OUT)
        .map(
          ({ targetRef, code, reason, until }) =>
            [
              "left out",
              `${targetRef} [${code}] ${reason}; tried again in ${durationText(until - now)}`,
            ] as const,
        ),
      [
        "left out",
        route.quarantine.length > LEFT_OUT ? `${route.quarantine.length - LEFT_OUT} more` : undefined,
      ],
    ]),
  );
  const table = tableText(
    ["RUN", "ROUTE", "BY", "TOOK", "OUTCOME", "APPLIED", "TRACE"],
    runs.map((run) => [
      timeText(run.startedAt),
      run.route,
      run.triggers?.join("+") || "-",
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
  if (nextAttemptAt !== undefined && nextAttemptAt > now) return `in ${durationText(nextAttemptAt - now)}`;
  if (nextAttemptAt !== undefined) return "soon";
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
