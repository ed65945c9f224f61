import { createProducer, newId, type Producer } from "@gitsync/producer";
import { createSilentLogger, parseConfig } from "@gitsync/runtime";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { BACKENDS, type Backend, type BackendKind } from "../fleet/support/backends.ts";
import { convergedResult } from "../fleet/support/routes.ts";
import { describeWith } from "../support/requirements.ts";
import { codeOf, startGateway, type Served } from "./support/serve.ts";

const CONFIG = parseConfig(
  `
version: 1
traceUrlTemplate: "https://jaeger.test/trace/{traceId}"
mirrors:
  - id: docs
    source: { url: https://source.test/docs.git }
    targets: [{ id: one, url: https://target.test/docs.git }, { id: two, url: https://target.test/docs-2.git }]
`,
  "mirrors.yaml",
);
const PLAN = "0123456789abcdef";
const TRACE = "0af7651916cd43dd8448eb211c80319c";

for (const kind of BACKENDS) describeWith([kind.needs], `approval on ${kind.name}`, () => approval(kind));

function approval(kind: BackendKind): void {
  let backend: Backend;
  let producer: Producer;
  let served: Served;
  beforeAll(async () => {
    backend = await kind.open();
    producer = await createProducer({ store: backend.store, logger: createSilentLogger() });
    served = await startGateway({ producer, config: () => CONFIG });
  });
  beforeEach(() => backend.reset());
  afterAll(async () => {
    await served?.[Symbol.asyncDispose]();
    await producer?.close();
    await backend?.[Symbol.asyncDispose]();
  });

  const approve = (body: unknown, mirror = "docs"): Promise<Response> =>
    fetch(`${served.url}/v1/mirrors/${mirror}/approve`, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
    });

  /** The last run of `docs/one` blocked a mass delete. */
  async function block(): Promise<void> {
    await fetch(`${served.url}/v1/mirrors/docs/sync`, { method: "POST" });
    await run((result) => ({ ...result, execution: { ...result.execution, blockedPlan: PLAN } }));
  }

  async function run(
    found: (result: ReturnType<typeof convergedResult>) => ReturnType<typeof convergedResult>,
  ) {
    const target = (await producer.route("docs/one"))?.definition.targetKey ?? expect.fail();
    const runId = newId();
    const asked = { runId, workerId: "w", attempt: 1, skip: [], known: ["docs/one"] };
    const started = await producer.routes.startRun(target, asked);
    if (started.type !== "run") return expect.fail("nothing to run");
    const { startedAt, requested, jobIds } = started;
    await producer.routes.finishRun(
      {
        runId,
        jobId: jobIds[0] ?? "",
        route: "docs/one",
        attempt: 1,
        startedAt,
        finishedAt: startedAt,
        outcome: "degraded",
        final: true,
        result: found(convergedResult()),
        traceId: TRACE,
      },
      { synced: requested, condition: "degraded", failures: "reset", jobState: "completed" },
    );
    return started;
  }

  test("of the blocked plan starts a run that may carry it out", async () => {
    await block();
    const answer = await approve({ plan: PLAN, target: "one" });
    expect(answer.status).toBe(202);
    expect(await answer.json()).toMatchObject({ route: "docs/one", state: "waiting" });
    const started = await run((result) => result);
    expect(started?.approvedPlan).toBe(PLAN);
  });

  test("of another plan, of a route that blocked none, and of nothing is refused", async () => {
    await block();
    for (const [body, code] of [
      [{ plan: "f".repeat(16), target: "one" }, "409 plan-outdated"],
      [{ plan: PLAN, target: "two" }, "409 plan-outdated"],
      [{ plan: PLAN }, "400 request-invalid"],
      [{ target: "one" }, "400 request-invalid"],
      [{ plan: PLAN, target: "one", force: true }, "400 request-invalid"],
      [[], "400 request-invalid"],
    ] as const) {
      expect(await codeOf(await approve(body)), JSON.stringify(body)).toBe(code);
    }
    expect(await codeOf(await approve({ plan: PLAN }, "nowhere"))).toBe("404 mirror-not-found");
  });

  test("a run's trace is shown where the configuration says", async () => {
    await block();
    const traceUrl = `https://jaeger.test/trace/${TRACE}`;
    const shown = { traceId: TRACE, traceUrl };
    const get = async (path: string): Promise<Record<string, unknown>> =>
      (await (await fetch(served.url + path)).json()) as Record<string, unknown>;
    expect(await get("/v1/mirrors/docs")).toMatchObject({ runs: [shown] });
    const { jobs } = (await get("/v1/jobs?mirror=docs")) as {
      jobs: readonly { id: string; route: string }[];
    };
    const job = jobs.find(({ route }) => route === "docs/one");
    expect(job).toMatchObject(shown);
    expect(await get(`/v1/jobs/${job?.id}`)).toMatchObject(shown);
  });
}
