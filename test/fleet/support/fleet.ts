/** A producer and workers on one backend, taken apart with the test. */

import type { Client } from "@gitsync/engine";
import { createProducer, type EnqueuedSync, type Producer } from "@gitsync/producer";
import { createSilentLogger } from "@gitsync/runtime";
import { createWorker, type Worker, type WorkerOptions } from "@gitsync/worker";
import type { RouteDefinition, RunReport } from "@gitsync/jobs";
import type { Backend } from "./backends.ts";
import { eventually } from "./eventually.ts";
import { faultsOf } from "./oracle.ts";
import { someRoute } from "./routes.ts";
import { isScripted, targetRunsOf } from "./scripted-client.ts";

/** Disposing it fails the test when two runs of a target were under way at once. */
export interface Fleet extends AsyncDisposable {
  readonly producer: Producer;
  /** Start a worker; it is closed with the fleet. */
  work(options: Pick<WorkerOptions, "client"> & Partial<WorkerOptions>): Promise<Worker>;
  /** Store a route that no other test has. */
  route(facts?: Partial<RouteDefinition>): Promise<RouteDefinition>;
  hint(route: RouteDefinition, trigger?: "person" | "webhook" | "schedule"): Promise<EnqueuedSync>;
  /** The run that answers a hint. */
  answer(hint: EnqueuedSync, timeoutMs?: number): Promise<RunReport>;
  /** Resolves when no job of any lane waits or runs. */
  drained(): Promise<void>;
  /** What the oracle finds of the runs so far and of the state; ask at rest. */
  faults(): Promise<readonly string[]>;
}

export async function startFleet(backend: Backend): Promise<Fleet> {
  await backend.reset();
  const { store } = backend;
  const logger = createSilentLogger();
  const producer = await createProducer({ store, logger });
  const workers: Worker[] = [];
  const clients = new Set<Client>();
  const runs = () => [...clients].filter(isScripted).flatMap(targetRunsOf);
  return {
    producer,
    work: async (options) => {
      const worker = createWorker({ store, logger, graceMs: 200, ...options });
      workers.push(worker);
      clients.add(options.client);
      await worker.start();
      return worker;
    },
    route: async (facts) => {
      const route = someRoute(facts);
      await producer.routes.put(route);
      return route;
    },
    hint: (route, trigger = "webhook") => producer.enqueueRoute(route.id, { trigger }),
    answer: (hint, timeoutMs = 15_000) =>
      producer.waitForRun(hint.route, hint.requestedAt, { signal: AbortSignal.timeout(timeoutMs) }),
    drained: async () => {
      for (const lane of await producer.routes.lanes()) {
        const queue = store.createQueue(lane);
        await eventually(`${lane} drained`, async () => {
          const counts = await queue.getJobCounts("active", "waiting", "prioritized", "delayed");
          return Object.values(counts).every((count) => count === 0);
        });
        await queue.close();
      }
    },
    faults: () => faultsOf({ producer, runs: runs() }),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(workers.map((worker) => worker.close()));
      await producer.close();
      const faults = await faultsOf({ runs: runs() });
      if (faults.length > 0) throw new Error(faults.join("; "));
    },
  };
}
