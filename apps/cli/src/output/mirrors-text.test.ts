import type { MirrorView, RouteView } from "@gitsync/producer";
import { expect, test } from "vitest";
import { durationText, mirrorsText, mirrorText } from "./mirrors-text.ts";

const NOW = Date.UTC(2026, 0, 1, 12);
const base = {
  id: "docs/backup",
  source: "https://example.com/docs.git",
  target: "ssh://git@backup.example.com/docs.git",
  tenant: "docs-team",
  lagMs: 0,
  failuresInARow: 0,
  quarantine: [],
} as const;
const error = {
  code: "AUTH_DENIED",
  message: "The server refused the credentials",
  remedy: "check the token",
};

const ROUTES: readonly RouteView[] = [
  { ...base, state: "ok", lastSuccessAt: NOW - 90_000, waiting: { reason: "idle" } },
  {
    ...base,
    id: "docs/second",
    state: "failing",
    lagMs: 7_200_000,
    lastError: error,
    failuresInARow: 8,
    waiting: { reason: "back-off", until: NOW + 600_000 },
    nextAttemptAt: NOW + 600_000,
  },
  {
    ...base,
    id: "docs/third",
    state: "syncing",
    lagMs: 450,
    running: { runId: "r", workerId: "w", jobId: "j", startedAt: NOW - 450 },
  },
];
const MIRROR: MirrorView = { id: "docs", state: "failing", lagMs: 7_200_000, routes: ROUTES };

test("the fleet at a glance", () => {
  expect(mirrorsText([], NOW)).toBe("no mirrors\n");
  expect(`\n${mirrorsText([MIRROR], NOW)}`).toMatchInlineSnapshot(`
    "
    ROUTE        STATE    LAG    LAST SUCCESS  NEXT    WAITING FOR
    docs/backup  ok       -      1m ago        -       -
    docs/second  failing  2h     never         in 10m  its next attempt (AUTH_DENIED)
    docs/third   syncing  450ms  never         now     -
    3 routes: 1 ok, 1 syncing, 1 failing
    "
  `);
});

test("a row stays one line on a terminal, and what is due is next", () => {
  const due = { ...base, state: "ok", waiting: { reason: "idle", until: NOW }, nextAttemptAt: NOW } as const;
  const lines = mirrorsText([{ ...MIRROR, routes: [due, ...ROUTES] }], NOW, 40).split("\n");
  expect(lines.slice(0, -2).every((line) => line.length <= 40)).toBe(true);
  expect(lines[3]).toBe("docs/second  failing  2h     never     …");
  expect(mirrorsText([{ ...MIRROR, routes: [due] }], NOW)).toMatch(/^docs\/backup .* soon +-$/mu);
});

test("one mirror", () => {
  const run = {
    runId: "r",
    jobId: "j",
    route: "docs/second",
    attempt: 8,
    startedAt: NOW - 5_000,
    finishedAt: NOW - 4_250,
    outcome: "permanent",
    final: true,
    error,
    traceId: "0af7651916cd43dd8448eb211c80319c",
  } as const;
  const quarantine = Array.from({ length: 21 }, (_, n) => ({
    targetRef: `refs/heads/${n}`,
    sourceHash: "a".repeat(40),
    code: "protected",
    reason: "the branch is protected",
    since: NOW,
    until: NOW + 3_600_000,
  }));
  const refused = mirrorText({ ...MIRROR, routes: [{ ...base, state: "degraded", quarantine }] }, [], NOW);
  expect(refused).toContain(
    "left out: refs/heads/0 [protected] the branch is protected; tried again in 1h\n",
  );
  expect(refused).toMatch(/^left out: 1 more$/mu);
  expect(`\n${mirrorText({ ...MIRROR, routes: ROUTES.slice(1, 2) }, [run], NOW)}`).toMatchInlineSnapshot(`
    "
    route:    docs/second
    state:    failing
    source:   https://example.com/docs.git
    target:   ssh://git@backup.example.com/docs.git
    tenant:   docs-team
    lag:      2h
    success:  never
    next:     in 10m
    waiting:  its next attempt
    failures: 8 in a row
    error:    The server refused the credentials [AUTH_DENIED]
    remedy:   check the token

    RUN                   ROUTE        BY  TOOK   OUTCOME      APPLIED  TRACE
    2026-01-01T11:59:55Z  docs/second  -   750ms  AUTH_DENIED  -        0af7651916cd43dd8448eb211c80319c
    "
  `);
});

test("durations have one unit", () => {
  expect([-5, 0, 999, 1_000, 59_999, 60_000, 3_600_000, 86_400_000 * 3].map(durationText)).toEqual([
    "0ms",
    "0ms",
    "999ms",
    "1s",
    "59s",
    "1m",
    "1h",
    "3d",
  ]);
});
