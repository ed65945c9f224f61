/** A worker that no longer reaches its store while others do: nothing fails, nothing answers. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createProducer } from "@gitsync/producer";
import { createSilentLogger, openQueueStore, parseQueueUrl, type QueueStore } from "@gitsync/runtime";
import { createWorker } from "@gitsync/worker";
import { describe, test } from "vitest";
import { startRedis } from "../support/redis.ts";
import { describeWith } from "../support/requirements.ts";
import { startChaosProxy } from "../support/tcp-chaos-proxy.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { eventually } from "./support/eventually.ts";
import { faultsOf } from "./support/oracle.ts";
import { someRoute } from "./support/routes.ts";
import { clientAt, createGate, scriptedClient, targetRunsOf } from "./support/scripted-client.ts";

/** The lock of a job, and the passes of the check for jobs without one. */
const RECOVERY_MS = 45_000;

interface TwoWays extends AsyncDisposable {
  readonly direct: QueueStore;
  readonly through: QueueStore;
  /** From now on the second way swallows everything. */
  cut(): void;
}

const open = (url: string): Promise<QueueStore> =>
  openQueueStore(parseQueueUrl(url, {}), { logger: createSilentLogger(), role: "both" });

async function twoWays(
  server: AsyncDisposable,
  direct: QueueStore,
  place: number | string,
  urlAt: (port: number) => string,
): Promise<TwoWays> {
  await using stack = new AsyncDisposableStack();
  stack.use(server);
  stack.defer(() => direct.close());
  const proxy = stack.use(await startChaosProxy(place));
  const through = await open(urlAt(proxy.port));
  stack.defer(() => through.close(1_000));
  const owned = stack.move();
  return {
    direct,
    through,
    cut: () => proxy.hold(),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const STORES = [
  {
    name: "Redis",
    needs: "redis",
    open: async () => {
      const redis = await startRedis();
      const urlAt = (port: number): string => `redis://127.0.0.1:${port}`;
      return await twoWays(redis, await open(redis.url), redis.port, urlAt);
    },
  },
  {
    name: "PostgreSQL",
    needs: "postgres",
    open: async () => {
      const folder = temporaryFolder("cut-off");
      const direct = await open(`embedded:${folder.path}`);
      const password = encodeURIComponent(readFileSync(folder.join("password"), "utf8").trim());
      const urlAt = (port: number): string => `postgres://gitsync:${password}@127.0.0.1:${port}/postgres`;
      return await twoWays(folder, direct, join(folder.path, "run/server/.s.PGSQL.5432"), urlAt);
    },
  },
] as const;

describe.concurrent("a worker that is cut off from its store", () => {
  for (const kind of STORES) {
    describeWith([kind.needs], `on ${kind.name}`, () => {
      test("stops its run before another one gets the job", async ({ expect }) => {
        await using store = await kind.open();
        const logger = createSilentLogger();
        const producer = await createProducer({ store: store.direct, logger });
        const gate = createGate();
        const [cutOff, other] = [clientAt(gate), scriptedClient()];
        const first = createWorker({ store: store.through, client: cutOff, logger, graceMs: 200 });
        const second = createWorker({ store: store.direct, client: other, logger, graceMs: 200 });
        const route = someRoute();
        await producer.routes.put(route);
        const hint = await producer.enqueueRoute(route.id);
        await first.start();
        await eventually("the run", () => cutOff.runs.length === 1);
        await second.start();
        store.cut();
        const signal = AbortSignal.timeout(RECOVERY_MS + 10_000);
        expect(await producer.waitForRun(route.id, hint.requestedAt, { signal })).toMatchObject({
          outcome: "converged",
        });
        expect(cutOff.runs).toMatchObject([{ reason: "lock-lost", endedAt: expect.any(Number) }]);
        const [taken] = other.runs;
        expect(taken?.startedAt).toBeGreaterThan(cutOff.runs[0]?.endedAt ?? Infinity);
        const runs = [...targetRunsOf(cutOff), ...targetRunsOf(other)];
        expect(await faultsOf({ producer, runs })).toEqual([]);
        await Promise.all([first.close(), second.close()]);
        await producer.close();
      });
    });
  }
});
