/**
 * Whatever the fleet talks to may take everything and answer nothing: a hint is refused within two seconds, and a
 * process that is told to end ends within its grace, with status 0.
 */

import { writeFile } from "node:fs/promises";
import { createProducer, isProducerError } from "@gitsync/producer";
import { createSilentLogger, openQueueStore, parseQueueUrl } from "@gitsync/runtime";
import { describe, test, type ExpectStatic } from "vitest";
import { addressOf, cliFolder, startCli } from "../cli/git-sync.ts";
import { postmasterOf } from "../runtime/support/embedded.ts";
import { startNodeGitServer } from "../support/git-server.ts";
import type { RunningProcess } from "../support/process.ts";
import { descendantsOf } from "../support/process-tree.ts";
import { startRedis } from "../support/redis.ts";
import { describeWith } from "../support/requirements.ts";
import { openBlackHole } from "./support/black-hole.ts";
import { configOfPairs, makePairs } from "./support/mirrored-pairs.ts";

/** A worker's grace of 25 s, and what closing may take beyond it: jobs, queues, telemetry, the store. */
const ENDS_MS = 55_000;
/** What an enqueue may take in all, and a busy machine. */
const REFUSED_MS = 2_500;

interface HangingStore extends AsyncDisposable {
  readonly url: string;
  /** From now on it takes everything and answers nothing. */
  hang(): void;
}

const STORES = [
  {
    name: "Redis",
    needs: "redis",
    open: async (): Promise<HangingStore> => {
      const redis = await startRedis();
      return {
        url: redis.url,
        hang: () => redis.pause(),
        [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose](),
      };
    },
  },
  {
    name: "PostgreSQL",
    needs: "postgres",
    open: async (): Promise<HangingStore> => {
      const folder = cliFolder("hanging-queue");
      const stopped: number[] = [];
      return {
        url: `embedded:${folder.path}`,
        hang: () => {
          const server = postmasterOf(folder.path);
          for (const pid of [server, ...descendantsOf(server).map((child) => child.pid)]) {
            process.kill(pid, "SIGSTOP");
            stopped.push(pid);
          }
        },
        [Symbol.asyncDispose]: async () => {
          for (const pid of stopped) resumeIfThere(pid);
          await folder[Symbol.asyncDispose]();
        },
      };
    },
  },
] as const;

/** What hangs besides the store, or instead of it. */
interface Hanging {
  readonly push?: boolean;
  readonly notify?: boolean;
  readonly collector?: boolean;
}

describe.concurrent("what hangs", { timeout: 240_000 }, () => {
  for (const kind of STORES) {
    describeWith(["git", kind.needs], `with the queue on ${kind.name}`, () => {
      test("the queue: a hint is refused in time, worker and gateway end in time", async ({ expect }) => {
        await using store = await kind.open();
        await using started = await startHanging(store.url, "up", {});
        await using queue = await openQueueStore(parseQueueUrl(store.url, {}), {
          logger: createSilentLogger(),
          role: "producer",
        }).then((open) => ({ open, [Symbol.asyncDispose]: () => open.close(1_000) }));
        const producer = await createProducer({ store: queue.open });
        store.hang();
        for (const ask of [
          () => producer.enqueueRoute("m0/t"),
          () =>
            producer.enqueueSync({
              source: { url: "https://a.test/a.git" },
              target: { url: "https://b.test/b.git" },
            }),
        ]) {
          const at = performance.now();
          const refused = await ask().catch((error: unknown) => error);
          expect(isProducerError(refused) && refused.code).toBe("QUEUE_UNAVAILABLE");
          expect(performance.now() - at).toBeLessThan(REFUSED_MS);
        }
        const at = performance.now();
        const answer = await fetch(`${await addressOf(started.process)}/v1/mirrors/m0/sync`, {
          method: "POST",
        });
        expect(answer.status).toBe(503);
        expect(performance.now() - at).toBeLessThan(REFUSED_MS);
        await expectEnd(expect, started.process);
      });

      test("everything at once: the worker ends in time", async ({ expect }) => {
        await using store = await kind.open();
        const all = { push: true, notify: true, collector: true };
        await using started = await startHanging(store.url, "worker", all);
        await started.hangs;
        store.hang();
        await expectEnd(expect, started.process);
      });
    });
  }

  describeWith(["git", "redis"], "one after the other", () => {
    test.for([
      ["the target, in the middle of a push", { push: true }],
      ["the endpoint of notifications", { notify: true }],
      ["the collector of traces and metrics", { collector: true }],
    ] as const)("%s: the worker ends in time", async ([, hanging], { expect }) => {
      await using redis = await startRedis();
      await using started = await startHanging(redis.url, "worker", hanging);
      await started.hangs;
      await expectEnd(expect, started.process);
    });
  });
});

async function expectEnd(expect: ExpectStatic, running: RunningProcess): Promise<void> {
  const at = performance.now();
  running.signal("SIGTERM");
  expect(await running.exited).toEqual({ code: 0, signal: null });
  expect(performance.now() - at).toBeLessThan(ENDS_MS);
}

/** A process of the fleet with one mirror. `hangs` resolves when what is to hang was asked, and does. */
async function startHanging(
  queueUrl: string,
  command: "worker" | "up",
  hanging: Hanging,
): Promise<{ readonly process: RunningProcess; readonly hangs: Promise<unknown> } & AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(cliFolder("hangs"));
  const pairs = await makePairs(folder.join("served"), 1);
  const server = stack.use(await startNodeGitServer(folder.join("served")));
  const hangs: Promise<unknown>[] = [];
  if (hanging.push === true) {
    const { promise, resolve } = Promise.withResolvers<void>();
    hangs.push(promise);
    server.intercept((request) => {
      if (request.isListing || request.service !== "git-receive-pack") return undefined;
      resolve();
      return { type: "stall", at: 0 };
    });
  }
  let further = "";
  if (hanging.notify === true) {
    const hole = stack.use(await openBlackHole());
    hangs.push(hole.asked);
    further = `notify: { heartbeat: "${hole.url}/alive" }\n`;
  }
  const env: Record<string, string> = { GITSYNC_QUEUE_URL: queueUrl };
  if (hanging.collector === true) {
    const hole = stack.use(await openBlackHole());
    hangs.push(hole.asked);
    Object.assign(env, {
      OTEL_EXPORTER_OTLP_ENDPOINT: hole.url,
      OTEL_BSP_SCHEDULE_DELAY: "100",
      OTEL_METRIC_EXPORT_INTERVAL: "1000",
      OTEL_METRIC_EXPORT_TIMEOUT: "1000",
    });
  }
  const config = folder.join("mirrors.yaml");
  await writeFile(config, configOfPairs(server.url, pairs, { further }));
  const listen = command === "up" ? ["--listen", "127.0.0.1:0"] : [];
  const running = stack.use(startCli([command, "--config", config, ...listen], { folder: folder.path, env }));
  await running.waitForLine(/Worker takes jobs/u, { timeoutMs: 60_000 });
  const owned = stack.move();
  return {
    process: running,
    hangs: Promise.all(hangs),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function resumeIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGCONT");
  } catch {
    // Its supervisor has killed it.
  }
}
