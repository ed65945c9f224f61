/**
 * What every client does with a checked request: opens both remotes, runs, and closes them in every outcome.
 */

import { tmpdir } from "node:os";
import { trace } from "@opentelemetry/api";
import { AncestryCache } from "./ancestry-cache.ts";
import { StaticAuthProvider } from "./auth.ts";
import { addressPolicy } from "./egress/address-policy.ts";
import { SyncError } from "./errors.ts";
import { fetchPack } from "./fetch-pack.ts";
import { startMeasurement, type MeasurementInProgress } from "./measure.ts";
import { RunMeter } from "./meter.ts";
import { narrate } from "./narrate.ts";
import type { SyncObserver } from "./observer.ts";
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
import type { SourceRemote, TargetRemote } from "./remote/remote.ts";
import { DEFAULT_CHILD_ENVIRONMENT } from "./remote/stream/service-process.ts";
import {
  printEndpoint,
  type ResolvedEndpoint,
  type ResolvedFetchRequest,
  type ResolvedProbeRequest,
  type ResolvedSyncRequest,
} from "./request.ts";
import type { Run } from "./run.ts";
import type { FetchResult, ProbeResult, ProtocolMode, SyncResult } from "./schema/index.ts";
import { spansOf } from "./spans.ts";
import { sync } from "./sync.ts";
import { SpoolFolder } from "./transfer/spool.ts";
import { TargetMemory } from "./transfer/target-memory.ts";
import { VERSION } from "./version.ts";

/** How a run differs from a plain one. */
export interface RunKind {
  /** Only a plan: nothing is changed. */
  readonly dryRun: boolean;
  /** The target is filled for the first time: a ref that it has is left as it is. */
  readonly onlyNew: boolean;
}

export interface ClientCore {
  sync(request: ResolvedSyncRequest, call: CallOptions, kind: RunKind): Promise<SyncResult>;
  probe(request: ResolvedProbeRequest, call: CallOptions): Promise<ProbeResult>;
  fetch(request: ResolvedFetchRequest, call: CallOptions): Promise<FetchResult>;
  close(): Promise<void>;
}

const PUBLIC_ONLY: EgressPolicy = { addresses: "public" };

/** @throws {TypeError} for an egress rule or a limit that is not one. */
export function openCore(options: ClientOptions): ClientCore {
  const limits = resolveLimits(options.limits);
  const egress = options.egress ?? PUBLIC_ONLY;
  const policy = addressPolicy(egress);
  const ssh = options.ssh ?? "given";
  if (ssh === "user" && egress.addresses !== "any") {
    throw new TypeError("The user's ssh configuration may lead anywhere: it needs egress.addresses any");
  }
  const environment = options.childEnvironment ?? DEFAULT_CHILD_ENVIRONMENT;
  const tracer = options.tracer ?? trace.getTracer("@gitsync/engine", VERSION);
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
    tracer,
  };
  const span = spansOf(tracer);
  const ancestryCache = new AncestryCache();
  const targets = new TargetMemory();
  const spool = spoolOf(options.spool);

  const contextOf = ({ auth }: CallOptions): RemoteContext =>
    auth === undefined ? context : { ...context, auth };

  /** Open what a request names, do the work, and leave nothing open. */
  const between = async <Result>(
    ends: { readonly source: ResolvedEndpoint; readonly target: ResolvedEndpoint | undefined },
    protocol: ProtocolMode,
    call: CallOptions,
    work: (at: Workplace) => Promise<Result>,
  ): Promise<Result> => {
    const meter = new RunMeter();
    const remotes = contextOf(call);
    const source = openSource(remotes, ends.source, protocol, meter.traffic("source"));
    const target = ends.target && openTarget(remotes, ends.target, meter.traffic("target"));
    const measurement = startMeasurement(call.measure ?? false);
    const signal = call.signal ?? new AbortController().signal;
    const { observe, stop: endNarration } = narrate(call.observer, meter);
    try {
      return await work({ source, target, meter, measurement, signal, observe });
    } catch (error) {
      throw typed(error, call.signal);
    } finally {
      endNarration();
      measurement.stop();
      await Promise.allSettled([source.close(), target?.close()]);
    }
  };

  return {
    sync: (request, call, { dryRun, onlyNew }) =>
      between(request, request.policy.protocol, call, ({ source, target, measurement, ...at }) => {
        if (target === undefined) throw new Error("a sync has a target");
        const run: Run = {
          ...at,
          request,
          source,
          target,
          sourceLabel: printEndpoint(request.source),
          targetLabel: printEndpoint(request.target),
          limits,
          span,
          ancestryCache,
          heldBack: call.heldBack ?? [],
          approvedPlan: call.approvedPlan,
          pace: call.pace,
          targets,
          spool,
          batchStrategy: options.bootstrapStrategy ?? "first-parent",
          dryRun,
          onlyNew,
          packBytes: 0,
          packObjects: 0,
        };
        return sync(run, measurement);
      }),
    probe: (request, call) => between(request, request.protocol, call, (at) => probe({ ...at, request })),
    fetch: (request, call) =>
      between({ source: request.source, target: undefined }, request.protocol, call, (at) =>
        fetchPack({ ...at, request, limits }),
      ),
    close: () => context.dispatchers.close(),
  };
}

/** What a run works with. */
interface Workplace {
  readonly source: SourceRemote;
  readonly target: TargetRemote | undefined;
  readonly meter: RunMeter;
  readonly measurement: MeasurementInProgress;
  readonly signal: AbortSignal;
  readonly observe: SyncObserver;
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
