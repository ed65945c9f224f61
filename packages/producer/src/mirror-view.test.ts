import { targetKeyOf, type RouteStatus } from "@gitsync/jobs";
import { describe, expect, test } from "vitest";
import { mirrorViews, routeView, unstoredRoute, type Moment } from "./mirror-view.ts";

const NOW = 1_000_000;
const MOMENT: Moment = { now: NOW, blocks: [] };

function route(id: string, facts: Partial<RouteStatus> = {}): RouteStatus {
  const url = `https://target.test/${id}`;
  const definition = {
    id,
    source: { url: "https://source.test/a" },
    target: { url },
    scope: {},
    policy: {},
    targetKey: targetKeyOf(url),
    tenant: "team",
  };
  return { ...unstoredRoute(definition), ...facts };
}

const running = { runId: "r", workerId: "w", jobId: "j", startedAt: NOW - 5 };
const dirty = { requested: "b", synced: "a", firstUnsyncedAt: NOW - 7_000 };

describe("why a route waits", () => {
  test.for<readonly [what: string, facts: Partial<RouteStatus>, waiting: unknown]>([
    ["nobody asked", {}, { reason: "idle" }],
    ["it is up to date", { requested: "a", synced: "a" }, { reason: "idle" }],
    ["it is asked for", dirty, { reason: "queued" }],
    ["its time has come", { ...dirty, notBefore: NOW }, { reason: "queued" }],
    ["it failed", { ...dirty, notBefore: NOW + 1 }, { reason: "back-off", until: NOW + 1 }],
    ["it is paused, whatever else", { ...dirty, paused: true, notBefore: NOW + 1 }, { reason: "paused" }],
    ["it runs", { ...dirty, running }, undefined],
  ])("%s", ([, facts, waiting]) => {
    const view = routeView(route("a/b", facts), MOMENT);
    expect(view.waiting).toEqual(waiting);
    expect(view.nextAttemptAt).toBe((waiting as { until?: number } | undefined)?.until);
  });

  test.for<readonly [host: string, until: number, notBefore: number | undefined, waiting: unknown]>([
    ["source.test", NOW + 9, undefined, { reason: "host", host: "source.test", until: NOW + 9 }],
    ["target.test", NOW + 9, NOW + 3, { reason: "host", host: "target.test", until: NOW + 9 }],
    ["target.test", NOW + 9, NOW + 12, { reason: "back-off", until: NOW + 12 }],
    ["target.test", NOW, undefined, { reason: "queued" }],
    ["another.test", NOW + 9, undefined, { reason: "queued" }],
  ])("of %s until %i, with a back-off until %j", ([host, until, notBefore, waiting]) => {
    const blocks = [{ host, until, reason: "rate-limited" }] as const;
    const view = routeView(route("a/b", { ...dirty, notBefore }), { now: NOW, blocks });
    expect(view.waiting).toEqual(waiting);
  });

  test("of a credential at a host, whoever has that one", () => {
    const blocks = [
      { host: "target.test", credential: "bot", until: NOW + 9, reason: "rate-limited" },
    ] as const;
    const waitingWith = (targetCredential: string) => {
      const status = route("a/b", dirty);
      const definition = { ...status.definition, targetCredential };
      return routeView({ ...status, definition }, { now: NOW, blocks }).waiting;
    };
    expect(waitingWith("bot")).toEqual({
      reason: "host",
      host: "target.test",
      credential: "bot",
      until: NOW + 9,
    });
    expect(waitingWith("other")).toEqual({ reason: "queued" });
    expect(routeView(route("a/b", dirty), { now: NOW, blocks }).waiting).toEqual({ reason: "queued" });
  });

  test("lag counts from the oldest hint that is open, and is none when nothing is", () => {
    expect(routeView(route("a/b", dirty), MOMENT).lagMs).toBe(7_000);
    expect(routeView(route("a/b", { ...dirty, synced: "b" }), MOMENT).lagMs).toBe(0);
    expect(routeView(route("a/b", { ...dirty, firstUnsyncedAt: NOW + 5 }), MOMENT).lagMs).toBe(0);
  });
});

describe("a mirror", () => {
  const viewOf = (...facts: readonly Partial<RouteStatus>[]) =>
    mirrorViews(
      facts.map((each, index) => route(`a/${index}`, each)),
      MOMENT,
    )[0];

  test.for<readonly [states: readonly RouteStatus["state"][], worst: RouteStatus["state"]]>([
    [["ok", "failing", "paused"], "failing"],
    [["ok", "unknown", "degraded"], "unknown"],
    [["syncing", "degraded"], "degraded"],
    [["ok", "syncing", "never-synced"], "syncing"],
    [["ok", "paused"], "paused"],
    [["ok", "ok"], "ok"],
  ])("of %j is %s", ([states, worst]) => {
    expect(viewOf(...states.map((state) => ({ state })))?.state).toBe(worst);
  });

  test("succeeded when the last of its routes did, and never while one did not", () => {
    expect(viewOf({ lastSuccessAt: 5 }, { lastSuccessAt: 3 })?.lastSuccessAt).toBe(3);
    expect(viewOf({ lastSuccessAt: 5 }, {})?.lastSuccessAt).toBeUndefined();
  });

  test("mirrors and routes are in order, and routes without a mirror are left out", () => {
    const views = mirrorViews(
      ["b/2", "adhoc-1", "b/1", "a/9"].map((id) => route(id)),
      MOMENT,
    );
    expect(views.map(({ id, routes }) => [id, routes.map((each) => each.id)])).toEqual([
      ["a", ["a/9"]],
      ["b", ["b/1", "b/2"]],
    ]);
  });
});
