import { setTimeout as wait } from "node:timers/promises";
import { createProducer, newId, type Producer } from "@gitsync/producer";
import { createSilentLogger, parseConfig } from "@gitsync/runtime";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { BACKENDS, type Backend, type BackendKind } from "../fleet/support/backends.ts";
import { convergedResult, someRoute } from "../fleet/support/routes.ts";
import { describeWith } from "../support/requirements.ts";
import { codeOf, startGateway, type Served } from "./support/serve.ts";

const CONFIG = parseConfig(
  `
version: 1
mirrors:
  - id: docs
    source: { url: https://source.test/docs.git }
    targets: [{ id: one, url: https://target.test/docs.git }, { id: two, url: https://target.test/docs-2.git }]
  - id: site
    source: { url: https://source.test/site.git }
    targets: [{ id: one, url: https://target.test/site.git }]
`,
  "mirrors.yaml",
);

interface Mirror {
  readonly id: string;
  readonly state: string;
  readonly routes: readonly {
    readonly id: string;
    readonly state: string;
    readonly waiting?: { reason: string };
  }[];
}

for (const kind of BACKENDS) describeWith([kind.needs], `mirrors on ${kind.name}`, () => mirrors(kind));

function mirrors(kind: BackendKind): void {
  let backend: Backend;
  let producer: Producer;
  let served: Served;

  beforeAll(async () => {
    backend = await kind.open();
    producer = await createProducer({ store: backend.store, logger: createSilentLogger() });
  });
  beforeEach(async () => {
    await backend.reset();
    await served?.[Symbol.asyncDispose]();
    served = await startGateway({ producer, config: () => CONFIG });
  });
  afterAll(async () => {
    await served?.[Symbol.asyncDispose]();
    await producer?.close();
    await backend?.[Symbol.asyncDispose]();
  });

  async function get<T>(path: string): Promise<T> {
    const response = await fetch(served.url + path);
    expect(response.status, path).toBe(200);
    return (await response.json()) as T;
  }
  const post = (path: string): Promise<Response> => fetch(served.url + path, { method: "POST" });

  test("configured mirrors are shown before anything is stored, and stored ones that are not configured here", async () => {
    await producer.routes.put(someRoute({ id: "elsewhere/backup" }));
    await producer.routes.put(someRoute({ id: "adhoc-1" }));
    const { mirrors: all } = await get<{ mirrors: Mirror[] }>("/v1/mirrors");
    expect(all.map(({ id, state, routes }) => [id, state, routes.map((route) => route.id)])).toEqual([
      ["docs", "never-synced", ["docs/one", "docs/two"]],
      ["elsewhere", "never-synced", ["elsewhere/backup"]],
      ["site", "never-synced", ["site/one"]],
    ]);
    expect(await get("/v1/mirrors/elsewhere")).toMatchObject({ id: "elsewhere", runs: [] });
  });

  test("pages follow one another, and a state selects", async () => {
    const first = await get<{ mirrors: Mirror[]; cursor: string }>("/v1/mirrors?limit=1");
    expect([first.mirrors.map(({ id }) => id), first.cursor]).toEqual([["docs"], "docs"]);
    const second = await get<{ mirrors: Mirror[] }>(`/v1/mirrors?limit=1&cursor=${first.cursor}`);
    expect(second).toEqual({ mirrors: [expect.objectContaining({ id: "site" })] });
    expect(await get("/v1/mirrors?state=ok")).toEqual({ mirrors: [] });
    expect((await get<{ mirrors: Mirror[] }>("/v1/mirrors?state=never-synced")).mirrors).toHaveLength(2);
  });

  test("a sync is asked of every route; its run, its error and its lag are shown", async () => {
    const accepted = await post("/v1/mirrors/docs/sync");
    expect(accepted.status).toBe(202);
    const { jobs } = (await accepted.json()) as { jobs: { id: string; route: string }[] };
    expect(jobs.map(({ route }) => route)).toEqual(["docs/one", "docs/two"]);
    expect(await producer.job(jobs[0]?.id ?? "")).toMatchObject({ trigger: "person", state: "waiting" });

    const target = CONFIG.mirrors[0]?.targets[0]?.url ?? "";
    const runId = newId();
    const start = { runId, workerId: "w", attempt: 1, skip: [], known: ["docs/one", "docs/two"] };
    const targetKey = (await producer.route("docs/one"))?.definition.targetKey;
    if (targetKey === undefined) expect.fail(target);
    const run = await producer.routes.startRun(targetKey, start);
    if (run.type !== "run") expect.fail("nothing to run");
    expect(await get("/v1/mirrors/docs")).toMatchObject({
      state: "syncing",
      routes: [{ id: "docs/one", state: "syncing", running: { runId } }, { waiting: { reason: "queued" } }],
    });
    const error = { code: "AUTH_DENIED", message: "no", remedy: "check the token" };
    const report = {
      runId,
      jobId: jobs[0]?.id ?? "",
      route: "docs/one",
      attempt: 1,
      startedAt: run.startedAt,
    };
    await producer.routes.finishRun(
      {
        ...report,
        finishedAt: run.startedAt + 5,
        outcome: "permanent",
        final: true,
        error,
        result: convergedResult(),
      },
      { condition: "failing", failures: "count", jobState: "failed", waitMs: 60_000 },
    );
    const shown = await get<Mirror & { runs: unknown[] }>("/v1/mirrors/docs");
    expect(shown).toMatchObject({
      state: "failing",
      routes: [
        {
          state: "failing",
          lastError: error,
          failuresInARow: 1,
          lagMs: expect.any(Number),
          waiting: { reason: "back-off", until: expect.any(Number) },
          nextAttemptAt: expect.any(Number),
        },
        { state: "never-synced" },
      ],
    });
    expect(shown.runs).toEqual([
      {
        ...report,
        finishedAt: run.startedAt + 5,
        outcome: "permanent",
        final: true,
        error,
        counts: convergedResult().counts,
      },
    ]);
  });

  test("a job may be asked for by mirror, and by target where there are several", async () => {
    const ask = (body: unknown) =>
      fetch(`${served.url}/v1/jobs`, {
        method: "POST",
        body: JSON.stringify(body),
        headers: { "content-type": "application/json" },
      });
    const one = await ask({ mirror: "docs", target: "two" });
    expect(one.status).toBe(202);
    expect(await one.json()).toMatchObject({ route: "docs/two", state: "waiting", coalesced: false });
    expect(await (await ask({ mirror: "site" })).json()).toMatchObject({ route: "site/one" });
    for (const [body, code] of [
      [{ mirror: "docs" }, "400 request-invalid"],
      [{ mirror: "docs", target: "three" }, "400 request-invalid"],
      [{ mirror: "docs", target: "" }, "400 request-invalid"],
      [{ mirror: "docs", source: { url: "https://example.com/x" } }, "400 request-invalid"],
      [{ mirror: 7 }, "400 request-invalid"],
      [{ mirror: "nowhere" }, "404 mirror-not-found"],
    ] as const) {
      expect(await codeOf(await ask(body)), JSON.stringify(body)).toBe(code);
    }
  });

  test("a paused mirror takes hints and starts nothing until it is resumed", async () => {
    const paused = (await (await post("/v1/mirrors/docs/pause")).json()) as Mirror;
    expect(paused).toMatchObject({
      state: "paused",
      routes: [{ waiting: { reason: "paused" } }, { state: "paused" }],
    });
    expect((await post("/v1/mirrors/docs/sync")).status).toBe(202);
    expect((await producer.route("docs/one"))?.paused).toBe(true);
    const resumed = (await (await post("/v1/mirrors/docs/resume")).json()) as Mirror;
    expect(resumed).toMatchObject({ state: "never-synced", routes: [{ waiting: { reason: "queued" } }, {}] });
    expect((await producer.route("docs/two"))?.paused).toBe(false);
  });

  test("what was done shows at once in the list, too", async () => {
    await get("/v1/mirrors");
    await post("/v1/mirrors/site/pause");
    const { mirrors: all } = await get<{ mirrors: Mirror[] }>("/v1/mirrors");
    expect(all.map(({ state }) => state)).toEqual(["never-synced", "paused"]);
  });

  test("a mirror that is not there is not found; a query that is not understood is refused", async () => {
    for (const path of ["/sync", "/pause", "/resume"]) {
      expect(await codeOf(await post(`/v1/mirrors/nowhere${path}`)), path).toBe("404 mirror-not-found");
    }
    expect(await codeOf(await fetch(`${served.url}/v1/mirrors/nowhere`))).toBe("404 mirror-not-found");
    for (const query of ["state=lost", "limit=0", "limit=1001", "nope=1", "cursor="]) {
      expect(await codeOf(await fetch(`${served.url}/v1/mirrors?${query}`)), query).toBe("400 query-invalid");
    }
  });

  test("a fleet that takes seconds to read is shown all the same, and read once for all who ask meanwhile", async () => {
    let looks = 0;
    const slow = new Proxy(producer, {
      get: (target, name) => {
        if (name === "allRoutes") {
          return async function* () {
            looks += 1;
            await wait(2_300);
            yield* target.allRoutes();
          };
        }
        const member: unknown = Reflect.get(target, name);
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
    await using busy = await startGateway({ producer: slow, config: () => CONFIG });
    const ask = async (afterMs: number): Promise<number> => {
      await wait(afterMs);
      return (await fetch(`${busy.url}/v1/mirrors`)).status;
    };
    expect(await Promise.all([ask(0), ask(1_200)])).toEqual([200, 200]);
    expect(looks).toBe(1);
  });

  test("while the store is away everything is 503 within moments", async () => {
    await post("/v1/mirrors/docs/sync");
    await backend.whileAway(async () => {
      for (const asked of [
        () => fetch(`${served.url}/v1/mirrors`),
        () => fetch(`${served.url}/v1/mirrors/docs`),
        () => post("/v1/mirrors/docs/sync"),
      ]) {
        const begun = performance.now();
        expect(await codeOf(await asked())).toBe("503 queue-unavailable");
        expect(performance.now() - begun).toBeLessThan(4_000);
      }
    });
  });
}
