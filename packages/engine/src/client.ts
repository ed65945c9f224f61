/** The library's front door: a client holds connections and limits; each call carries its own request. */

import { tmpdir } from "node:os";
import { trace } from "@opentelemetry/api";
import { AncestryCache } from "./ancestry-cache.ts";
import { StaticAuthProvider } from "./auth.ts";
import { addressPolicy } from "./egress/address-policy.ts";
import { SyncError } from "./errors.ts";
import { startMeasurement } from "./measure.ts";
import { RunMeter } from "./meter.ts";
import {
  resolveLimits,
  type CallOptions,
  type ClientOptions,
  type EgressPolicy,
  type SpoolOptions,
} from "./options.ts";
import { probe } from "./probe.ts";
import { guardedDispatchers, type GuardedDispatchers } from "./remote/http/guarded-dispatcher.ts";
import { openSource, openTarget, type RemoteContext } from "./remote/open-remotes.ts";
import { DEFAULT_CHILD_ENVIRONMENT } from "./remote/stream/service-process.ts";
import {
  printEndpoint,
  resolveProbeRequest,
  resolveSyncRequest,
  type ResolvedSyncRequest,
} from "./request.ts";
import type {
  PlanRequest,
  PlanResult,
  ProbeRequest,
  ProbeResult,
  SyncRequest,
  SyncResult,
} from "./schema/index.ts";
import { spansOf } from "./spans.ts";
import { sync } from "./sync.ts";
import { SpoolFolder } from "./transfer/spool.ts";
import { TargetMemory } from "./transfer/target-memory.ts";
import { VERSION } from "./version.ts";

export interface Client {
  /** List a source, and a target when one is named. Changes nothing. */
  probe(request: ProbeRequest, options?: CallOptions): Promise<ProbeResult>;
  /** Say what {@link Client.sync} would do, without changing anything or downloading file content. */
  plan(request: PlanRequest, options?: CallOptions): Promise<PlanResult>;
  /** Make the target equal to the source under the request's policy. */
  sync(request: SyncRequest, options?: CallOptions): Promise<SyncResult>;
  /** {@link Client.sync} with `policy.mode` `replicate`: the target's own history does not count. */
  replicate(request: SyncRequest, options?: CallOptions): Promise<SyncResult>;
  /** Close idle connections. Runs that are under way are not ended; cancel them by their signal. */
  close(): Promise<void>;
}

const PUBLIC_ONLY: EgressPolicy = { addresses: "public" };

/**
 * Make a client. Cheap; connections are opened when needed and shared by its calls.
 *
 * @throws {TypeError} for an egress rule or a limit that is not one.
 */
export function createClient(options: ClientOptions = {}): Client {
  const limits = resolveLimits(options.limits);
  const egress = options.egress ?? PUBLIC_ONLY;
  const policy = addressPolicy(egress);
  const ssh = options.ssh ?? "given";
  if (ssh === "user" && egress.addresses !== "any") {
    throw new TypeError("The user's ssh configuration may lead anywhere: it needs egress.addresses any");
  }
  const environment = options.childEnvironment ?? DEFAULT_CHILD_ENVIRONMENT;
  const context: RemoteContext = {
    egress,
    policy,
    limits,
    dispatchers:
      options.dispatcher === undefined
        ? guardedDispatchers(egress, policy, limits)
        : borrowed(options.dispatcher),
    auth: options.auth ?? new StaticAuthProvider(),
    agent:
      options.userAgent === undefined ? `git-sync/${VERSION}` : `${options.userAgent} git-sync/${VERSION}`,
    environment,
    helperEnvironment: options.helperEnvironment ?? environment,
    ssh,
  };
  const span = spansOf(options.tracer ?? trace.getTracer("@gitsync/engine", VERSION));
  const ancestryCache = new AncestryCache();
  const targets = new TargetMemory();
  const spool = spoolOf(options.spool);

  const contextOf = ({ auth }: CallOptions): RemoteContext =>
    auth === undefined ? context : { ...context, auth };

  const run = async (
    request: ResolvedSyncRequest,
    call: CallOptions,
    dryRun: boolean,
  ): Promise<SyncResult> => {
    const meter = new RunMeter();
    const remotes = contextOf(call);
    const source = openSource(remotes, request.source, request.policy.protocol, meter.traffic("source"));
    const target = openTarget(remotes, request.target, meter.traffic("target"));
    const measurement = startMeasurement(call.measure ?? false);
    try {
      return await sync(
        {
          request,
          source,
          target,
          sourceLabel: printEndpoint(request.source),
          targetLabel: printEndpoint(request.target),
          limits,
          signal: call.signal ?? new AbortController().signal,
          meter,
          observe: call.observer ?? (() => {}),
          span,
          ancestryCache,
          targets,
          spool,
          batchStrategy: options.bootstrapStrategy ?? "first-parent",
          dryRun,
          packBytes: 0,
          packObjects: 0,
        },
        measurement,
      );
    } catch (error) {
      throw typed(error, call.signal);
    } finally {
      measurement.stop();
      await Promise.allSettled([source.close(), target.close()]);
    }
  };

  return {
    probe: async (untrusted, call = {}) => {
      const request = resolveProbeRequest(untrusted);
      const meter = new RunMeter();
      const remotes = contextOf(call);
      const source = openSource(remotes, request.source, request.protocol, meter.traffic("source"));
      const target = request.target && openTarget(remotes, request.target, meter.traffic("target"));
      const measurement = startMeasurement(call.measure ?? false);
      try {
        const signal = call.signal ?? new AbortController().signal;
        return await probe({ request, source, target, signal, meter, measurement });
      } catch (error) {
        throw typed(error, call.signal);
      } finally {
        measurement.stop();
        await Promise.allSettled([source.close(), target?.close()]);
      }
    },
    plan: async (request, call = {}) => run(resolveSyncRequest(request), call, true),
    sync: async (request, call = {}) => run(resolveSyncRequest(request), call, false),
    replicate: async (request, call = {}) =>
      run(resolveSyncRequest({ ...request, policy: { ...request.policy, mode: "replicate" } }), call, false),
    close: () => context.dispatchers.close(),
  };
}

/** Whatever a run threw, a caller's abort is always `ABORTED`. */
function typed(error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted !== true || (error instanceof SyncError && error.code === "ABORTED")) return error;
  const result = error instanceof SyncError ? error.result : undefined;
  const aborted = new SyncError("ABORTED", "The run was cancelled", {}, { cause: error });
  return result === undefined ? aborted : aborted.withResult(result);
}

const SPOOL_BYTES = 4 * 1024 ** 3;

function spoolOf({ directory, maxBytes, use = "needed" }: SpoolOptions = {}): SpoolFolder | undefined {
  if (use === "never") return undefined;
  return new SpoolFolder({
    directory: directory ?? tmpdir(),
    maxBytes: maxBytes ?? SPOOL_BYTES,
    isAlwaysUsed: use === "always",
  });
}

function borrowed(dispatcher: NonNullable<ClientOptions["dispatcher"]>): GuardedDispatchers {
  return { shared: () => dispatcher, fresh: () => dispatcher, close: () => Promise.resolve() };
}
