/** One trace from the hint to the run, on both stores; hints that were coalesced are links. */

import { context, SpanKind, trace } from "@opentelemetry/api";
import { targetKeyOf } from "@gitsync/jobs";
import { Lanes, openFleetStore, openRouteStore } from "@gitsync/producer";
import { createSilentLogger, parseConfig } from "@gitsync/runtime";
import { Sweeper } from "@gitsync/worker";
import { expect, test } from "vitest";
import { describeWith } from "../support/requirements.ts";
import { finishedSpans } from "../telemetry/finished-spans.ts";
import { BACKENDS } from "./support/backends.ts";
import { eventually } from "./support/eventually.ts";
import { startFleet } from "./support/fleet.ts";
import { clientAt, createGate, scriptedClient } from "./support/scripted-client.ts";
import { storeOfSuite } from "./support/suite-store.ts";

const TARGET = "https://target.test/docs.git";
const MIRROR = `version: 1
mirrors:
  - id: docs
    source: { url: "https://source.test/docs.git" }
    targets: [{ id: backup, url: "${TARGET}" }]
`;

const spans = finishedSpans();

/** Do something inside a span of its own trace, as a webhook does. */
async function inSpan<T>(
  name: string,
  action: () => Promise<T>,
): Promise<{ readonly traceId: string; readonly result: T }> {
  const span = trace.getTracer("test").startSpan(name, { root: true, kind: SpanKind.SERVER });
  const result = await context.with(trace.setSpan(context.active(), span), action);
  span.end();
  return { traceId: span.spanContext().traceId, result };
}

for (const kind of BACKENDS) {
  describeWith([kind.needs], `traces on ${kind.name}`, () => {
    const suite = storeOfSuite(kind);

    test("webhook, send and process are one trace; coalesced hints are links of the run that answers them", async () => {
      await using fleet = await startFleet(suite.backend);
      const gate = createGate();
      const client = clientAt(gate);
      const route = await fleet.route();
      const first = await inSpan("webhook receive", () => fleet.hint(route));
      const second = await inSpan("webhook receive", () => fleet.hint(route));
      await fleet.work({ client });
      gate.open();
      const report = await fleet.answer(second.result);
      expect(report.traceId).toBe(first.traceId);
      const ofTrace = (name: string, traceId: string) =>
        spans.find((span) => span.name === name && span.spanContext().traceId === traceId);
      const process = await eventually("the process span", () => ofTrace("process git-sync", first.traceId));
      const send = ofTrace("send git-sync", first.traceId);
      const receive = ofTrace("webhook receive", first.traceId);
      expect(process.parentSpanContext?.spanId).toBe(send?.spanContext().spanId);
      expect(send?.parentSpanContext?.spanId).toBe(receive?.spanContext().spanId);
      expect([send?.kind, process.kind]).toEqual([SpanKind.PRODUCER, SpanKind.CONSUMER]);
      expect(process.links.map((link) => link.context.traceId)).toEqual([second.traceId]);
      expect(process.attributes).toMatchObject({
        "messaging.system.name": "bullmq",
        "git_sync.route": route.id,
        "git_sync.mirror": route.id.split("/")[0],
        "git_sync.attempt": 1,
        "git_sync.runs": 1,
        "git_sync.transfer_mode": "nothing",
        "git_sync.refs.skipped": 1,
      });
    });

    test("each run of the schedule is a trace of its own", async () => {
      await using fleet = await startFleet(suite.backend);
      let time = Date.now();
      const { store } = suite.backend;
      const clock = { clock: () => time };
      const routes = await openRouteStore(store, clock);
      const processes = await openFleetStore(store, clock);
      const logger = createSilentLogger();
      const config = parseConfig(MIRROR, "mirrors.yaml");
      const lanes = new Lanes(store);
      const way = { store, routes, lanes, logger };
      const client = scriptedClient();
      const worker = { client, routes, fleet: processes, config: () => config, only: targetKeyOf(TARGET) };
      // Begun inside a span, as anything of a process may be.
      const { traceId } = await inSpan("start-up", async () => {
        await fleet.work(worker);
        for (let n = 1; n <= 3; n += 1) {
          const holder = `sweeper-${n}`;
          const sweeper = new Sweeper({ way, fleet: processes, holder, config: () => config, logger });
          sweeper.start();
          await eventually("a run", () => client.runs.length === n);
          await sweeper.close();
          await fleet.drained();
          time += 60 * 60_000;
        }
      });
      await lanes.close();
      const traces = (await routes.reports("docs/backup")).map(({ traceId }) => traceId);
      expect(traces).toHaveLength(3);
      expect(new Set([traceId, undefined, ...traces]).size).toBe(5);
    });
  });
}
