/** An engine whose answers a test writes; the classes of failure cannot be had from real servers at will. */

import { SyncError, type CallOptions, type Client, type SyncRequest, type SyncResult } from "@gitsync/engine";
import type { SeenTargetRun } from "./oracle.ts";
import { convergedResult } from "./routes.ts";

export type SyncAnswer = (request: SyncRequest, options: CallOptions) => Promise<SyncResult> | SyncResult;

/** One call of `sync` as it was seen. */
export interface SeenRun {
  readonly source: string;
  readonly target: string;
  readonly startedAt: number;
  endedAt?: number;
  /** Set when the run was aborted. */
  reason?: unknown;
}

export interface ScriptedClient extends Client {
  readonly runs: readonly SeenRun[];
  /** How many runs of one target were under way at once, at most. */
  readonly maxPerTarget: number;
  /** How many runs were under way at once, at most. */
  readonly maxAtOnce: number;
}

/** A client that answers `sync` as told; without a word, with a converged result. */
export function scriptedClient(answer: SyncAnswer = () => convergedResult()): ScriptedClient {
  const runs: SeenRun[] = [];
  const active = new Set<SeenRun>();
  let [maxPerTarget, maxAtOnce] = [0, 0];
  const unused = (): Promise<never> => Promise.reject(new Error("only sync is scripted"));
  return {
    runs,
    get maxPerTarget() {
      return maxPerTarget;
    },
    get maxAtOnce() {
      return maxAtOnce;
    },
    probe: unused,
    plan: unused,
    replicate: unused,
    close: () => Promise.resolve(),
    async sync(request, options = {}) {
      const target = request.target.url;
      const run: SeenRun = { source: request.source.url, target, startedAt: performance.now() };
      runs.push(run);
      active.add(run);
      maxAtOnce = Math.max(maxAtOnce, active.size);
      maxPerTarget = Math.max(maxPerTarget, [...active].filter((other) => other.target === target).length);
      options.signal?.addEventListener("abort", () => (run.reason = options.signal?.reason));
      try {
        return await answer(request, options);
      } finally {
        active.delete(run);
        run.endedAt = performance.now();
      }
    },
  };
}

export function isScripted(client: Client): client is ScriptedClient {
  return "maxPerTarget" in client;
}

/** Its runs as the oracle wants to see them. */
export function targetRunsOf({ runs }: ScriptedClient): readonly SeenTargetRun[] {
  return runs.map(({ target, startedAt, endedAt = performance.now(), reason }) => ({
    target,
    startedAt,
    endedAt,
    lostLock: reason === "lock-lost",
  }));
}

/** A point where runs wait until the test lets them on; an aborted run leaves as the engine would. */
export interface Gate {
  readonly wait: (signal: AbortSignal | undefined) => Promise<void>;
  open(): void;
}

export function createGate(): Gate {
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    open: resolve,
    wait: async (signal) => {
      const aborted = Promise.withResolvers<never>();
      const onAbort = (): void => aborted.reject(new SyncError("ABORTED", "The run was aborted"));
      if (signal?.aborted === true) onAbort();
      signal?.addEventListener("abort", onAbort, { once: true });
      await Promise.race([promise, aborted.promise]);
    },
  };
}

/** A client whose runs wait at a gate and converge. */
export function clientAt(gate: Gate): ScriptedClient {
  return scriptedClient(async (_, { signal }) => {
    await gate.wait(signal);
    return convergedResult();
  });
}
