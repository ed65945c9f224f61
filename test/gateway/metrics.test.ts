import { createHmac } from "node:crypto";
import { createProducer, newId, openFleetStore, readFleetFigures } from "@gitsync/producer";
import { createSilentLogger, parseConfig, Secret, startMetrics } from "@gitsync/runtime";
import { expect, test } from "vitest";
import { BACKENDS, type BackendKind } from "../fleet/support/backends.ts";
import { describeWith } from "../support/requirements.ts";
import { codeOf, startGateway } from "./support/serve.ts";

const CONFIG = parseConfig(
  `
version: 1
webhooks: { github: { secrets: [{ env: GITHUB }] } }
mirrors:
  - id: docs
    source: { url: https://source.test/docs.git, repositoryId: "7" }
    targets: [{ id: one, url: https://target.test/docs.git }]
  - id: site
    source: { url: https://source.test/site.git }
    targets: [{ id: one, url: https://target.test/site.git }]
`,
  "mirrors.yaml",
);
const TOKEN = "canary-api-token";
const AUTHORIZED = { authorization: `Bearer ${TOKEN}` };

for (const kind of BACKENDS) describeWith([kind.needs], `metrics on ${kind.name}`, () => figures(kind));

function figures(kind: BackendKind): void {
  test(
    "the fleet's figures and the deliveries, for whoever has the token",
    { timeout: 120_000 },
    async () => {
      await using backend = await kind.open();
      const producer = await createProducer({ store: backend.store, logger: createSilentLogger() });
      const state = await openFleetStore(backend.store);
      const metrics = await startMetrics({ serviceName: "gateway", version: "0", env: {} });
      await using served = await startGateway({
        producer,
        config: () => CONFIG,
        token: new Secret(TOKEN),
        metrics,
        figures: () => readFleetFigures(producer.routes, state),
        readSecret: () => Promise.resolve(new Secret("hook secret")),
      });
      const deliver = (body: string, secret = "hook secret") =>
        fetch(`${served.url}/hooks/github`, {
          method: "POST",
          body,
          headers: {
            "x-hub-signature-256": `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`,
          },
        });
      const read = async (): Promise<readonly string[]> => {
        const response = await fetch(`${served.url}/metrics`, { headers: AUTHORIZED });
        expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
        return (await response.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
      };

      expect(await codeOf(await fetch(`${served.url}/metrics`))).toBe("401 token-missing");
      expect(await read()).toEqual([
        'git_sync_queue_depth{state="waiting"} 0',
        'git_sync_queue_depth{state="delayed"} 0',
        'git_sync_queue_depth{state="active"} 0',
      ]);

      for (const body of ['{"repository":{"id":7}}', '{"repository":{"id":7}}', '{"repository":{"id":8}}'])
        await deliver(body);
      await deliver("{}", "another secret");
      await fetch(`${served.url}/hooks/generic`, { method: "POST", body: "{}" });
      await fetch(`${served.url}/hooks/nonsense`, { method: "POST", body: "{}" });
      const target = (await producer.route("docs/one"))?.definition.targetKey ?? expect.fail();
      const runId = newId();
      const run = await producer.routes.startRun(target, {
        runId,
        workerId: "w",
        attempt: 1,
        skip: [],
        known: ["docs/one"],
      });
      if (run.type !== "run") expect.fail("nothing to run");
      await producer.routes.finishRun(
        {
          runId,
          jobId: run.jobIds[0] ?? "",
          route: "docs/one",
          attempt: 1,
          startedAt: run.startedAt,
          finishedAt: run.startedAt,
          outcome: "converged",
          final: true,
        },
        { synced: run.requested, condition: "ok", failures: "reset", jobState: "completed" },
      );
      await producer.enqueueRoute("docs/one");

      const lines = () => read().then((all) => all.map((line) => line.replace(/ \d{9,}(\.\d+)?$/u, " TIME")));
      await expect
        .poll(lines, { timeout: 5_000 })
        .toEqual(expect.arrayContaining(['git_sync_queue_depth{state="waiting"} 1']));
      await expect
        .poll(lines, { timeout: 5_000 })
        .toEqual(
          expect.arrayContaining([
            'git_sync_mirrors{state="ok"} 1',
            'git_sync_mirror_last_success_timestamp_seconds{route="docs/one"} TIME',
            'git_sync_webhooks_total{provider="github",outcome="accepted"} 2',
            'git_sync_webhooks_total{provider="github",outcome="repository-unknown"} 1',
            'git_sync_webhooks_total{provider="github",outcome="signature-invalid"} 1',
            'git_sync_webhooks_total{provider="generic",outcome="hook-not-configured"} 1',
          ]),
        );
      const lag = (await read()).find((line) =>
        line.startsWith('git_sync_mirror_lag_seconds{route="docs/one"}'),
      );
      expect(Number(lag?.split(" ")[1])).toBeGreaterThan(0);
      expect((await read()).join("\n")).not.toContain("nonsense");
      await producer.close();
      await metrics.shutdown();
    },
  );
}
