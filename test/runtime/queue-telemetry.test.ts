/** One trace across the queue, on both stores: names, kinds, attributes, status, and what is left out. */

import { once } from "node:events";
import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { InMemorySpanExporter } from "@opentelemetry/sdk-trace";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import {
  createQueueTelemetry,
  createSilentLogger,
  openQueueStore,
  parseQueueUrl,
  startTelemetry,
} from "@gitsync/runtime";
import type { Telemetry } from "@gitsync/runtime";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { startRedis } from "../support/redis.ts";
import { describeWith } from "../support/requirements.ts";
import { disposeTemplate, usedFolder } from "./support/embedded.ts";

const LANE = "sync.example.com";
const exporter = new InMemorySpanExporter();
let telemetry: Telemetry;

async function runTwoJobs(queueUrl: string): Promise<readonly ReadableSpan[]> {
  exporter.reset();
  const store = await openQueueStore(parseQueueUrl(queueUrl, {}), {
    logger: createSilentLogger(),
    role: "both",
    telemetry: createQueueTelemetry(),
  });
  const queue = store.createQueue(LANE);
  const tracer = trace.getTracer("test");
  // Made inside a span, as a server might: nothing of the worker may hang below it.
  const worker = tracer.startActiveSpan("start-up", (span) => {
    const made = store.createWorker(
      LANE,
      async (job, _token, _signal) => {
        tracer.startSpan("git.sync").end();
        if (job.name === "bad") throw new Error("pack of https://bot:hunter2@example.com/x.git is short");
        return { secretReport: "result-payload" };
      },
      { stalledInterval: 200, lockDuration: 400 },
    );
    span.end();
    return made;
  });
  const completed = once(worker, "completed");
  const failed = once(worker, "failed");
  await tracer.startActiveSpan("webhook receive", { kind: SpanKind.SERVER }, async (span) => {
    await queue.add("sync", {});
    span.end();
  });
  await completed;
  await queue.add("bad", {});
  await failed;
  const detached = once(worker, "completed");
  await queue.add("sync", {}, { telemetry: { omitContext: true } });
  await detached;
  await worker.close();
  await queue.close();
  await store.close();
  await expect.poll(() => exporter.getFinishedSpans().length, { timeout: 8_000 }).toBeGreaterThanOrEqual(11);
  return exporter.getFinishedSpans();
}

function expectOneTrace(spans: readonly ReadableSpan[]): void {
  const named = (name: string): readonly ReadableSpan[] => spans.filter((span) => span.name === name);
  const [receive] = named("webhook receive");
  const [send] = named("send git-sync");
  const [run, failing, detached] = named("process git-sync");
  const [sync] = named("git.sync");
  const names = new Set(spans.map(({ name }) => name));
  expect(names).toEqual(
    new Set(["start-up", "webhook receive", "send git-sync", "process git-sync", "git.sync"]),
  );
  const traceIds = [receive, send, run, sync].map((span) => span?.spanContext().traceId);
  expect(new Set(traceIds).size).toBe(1);
  expect(send).toMatchObject({
    kind: SpanKind.PRODUCER,
    parentSpanContext: { spanId: receive?.spanContext().spanId },
    attributes: {
      "messaging.system.name": "bullmq",
      "messaging.operation.type": "send",
      "messaging.operation.name": "add",
      "messaging.destination.name": LANE,
    },
  });
  expect(run).toMatchObject({
    kind: SpanKind.CONSUMER,
    parentSpanContext: { spanId: send?.spanContext().spanId },
    status: { code: SpanStatusCode.UNSET },
    attributes: {
      "messaging.system.name": "bullmq",
      "messaging.operation.type": "process",
      "messaging.operation.name": "process",
      "messaging.destination.name": LANE,
      "messaging.message.id": expect.any(String),
    },
  });
  expect(sync?.parentSpanContext?.spanId).toBe(run?.spanContext().spanId);
  expect(detached).toBeDefined();
  expect(detached?.parentSpanContext).toBeUndefined();
  expect(failing).toMatchObject({ status: { code: SpanStatusCode.ERROR } });
  expect(failing?.status.message).toBe("pack of https://[secret]@example.com/x.git is short");
  const everything = JSON.stringify(
    spans.map(({ attributes, events, status }) => ({ attributes, events, status })),
  );
  expect(everything).not.toMatch(/hunter2|result-payload|bullmq\.job/);
}

describeWith(["postgres", "redis"], "the queue's telemetry", () => {
  beforeAll(async () => {
    vi.stubEnv("OTEL_BSP_SCHEDULE_DELAY", "100");
    telemetry = await startTelemetry({ serviceName: "git-sync-worker", version: "0.0.0", env: {}, exporter });
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await telemetry.shutdown();
    trace.disable();
    context.disable();
    propagation.disable();
    await disposeTemplate();
  });

  test("makes one trace from receiver to worker on Redis", async () => {
    await using redis = await startRedis();
    expectOneTrace(await runTwoJobs(redis.url));
  });

  test("makes one trace from receiver to worker on PostgreSQL", async () => {
    await using folder = await usedFolder();
    expectOneTrace(await runTwoJobs(`embedded:${folder.path}`));
  });

  test("starts a trace of its own for a job whose metadata is not readable", () => {
    const { contextManager } = createQueueTelemetry();
    expect(contextManager.fromMetadata(ROOT_CONTEXT, "not json")).toBe(ROOT_CONTEXT);
  });
});
