/** One run of one route: sync, judge, report, record. */

import { isSyncError, type Client, type SyncEvent } from "@gitsync/engine";
import { condenseResult, hostOf, nextDueAt, type RunReport } from "@gitsync/jobs";
import type { HostFindings, NextRun, RouteStore, RunEnd } from "@gitsync/producer";
import type { Logger, Metrics, SecretRegistry } from "@gitsync/runtime";
import { hostFindings } from "./host-findings.ts";
import type { CancelWatch } from "./cancel-watch.ts";
import type { FleetCredentials } from "./credentials/fleet-credentials.ts";
import type { KnownRoutes } from "./known-routes.ts";
import { judgeError, judgeResult, judgeStarts, type RunVerdict } from "./job-outcome.ts";
import { heldBackRefs, quarantineAfter } from "./quarantine.ts";
import { pushPace } from "./push-pace.ts";
import { countRun } from "./run-metrics.ts";
import { RunProgressWriter } from "./run-progress.ts";
import { describeRun, linkHints, processSpan, snakeCased, traceIdOf } from "./run-telemetry.ts";
import { stopReason } from "./stop-reason.ts";
import { storableResult, storableRouteError } from "./storable.ts";

export interface RunContext {
  readonly routes: RouteStore;
  readonly client: Client;
  readonly credentials: FleetCredentials | undefined;
  readonly logger: Logger;
  readonly secrets: SecretRegistry;
  readonly metrics: Metrics;
  readonly known: KnownRoutes;
  readonly cancellations: CancelWatch;
  readonly onEvent: ((route: string, event: SyncEvent) => void) | undefined;
}

export interface StartedRun {
  readonly run: Extract<NextRun, { readonly type: "run" }>;
  readonly runId: string;
  readonly queueJobId: string;
  /** Of the queue's job, from 1. */
  readonly attempt: number;
  /** Aborted with a `StopReason`. */
  readonly signal: AbortSignal;
}

/** Run it to its end and record that. The verdict says what becomes of the queue's job. */
export async function runRoute(context: RunContext, started: StartedRun): Promise<RunVerdict> {
  const { run, runId, queueJobId, attempt } = started;
  const { route } = run;
  const span = processSpan();
  linkHints(span, run.hints);
  const progress = new RunProgressWriter((now) => context.routes.progress(route.id, runId, now));
  const { verdict, hosts, failedAt } = await verdictOf(context, started, progress);
  const traceId = traceIdOf(span);
  const finishedAt = Math.max(run.startedAt, await context.routes.now());
  const report: RunReport = {
    runId,
    jobId: run.jobIds[0] ?? queueJobId,
    route: route.id,
    attempt,
    startedAt: run.startedAt,
    finishedAt,
    outcome: verdict.outcome,
    final: verdict.final,
    triggers: [...new Set(run.hints.map(({ trigger }) => trigger))],
    ...(verdict.error && { error: storableRouteError(verdict.error, context.secrets) }),
    ...(verdict.result && { result: storableResult(condenseResult(verdict.result), context.secrets) }),
    ...(traceId === undefined ? {} : { traceId }),
  };
  const recorded = await context.routes.finishRun(report, { ...endOf(started, verdict, finishedAt), hosts });
  describeRun(span, route, report, progress.pack);
  const expectsHints = context.known.expectsHints(route.id);
  const { result } = verdict;
  countRun(context.metrics, { run, report, result, pack: progress.bytes, failedAt, expectsHints });
  const fields = {
    queue_job_id: queueJobId,
    target: route.targetKey,
    duration_ms: finishedAt - run.startedAt,
    superseded: !recorded,
  };
  context.logger.info({ ...fields, report: snakeCased(report) }, "Sync run finished");
  if (report.error?.code === "RUN_CRASHED") {
    context.logger.error(
      { route: route.id, run_id: runId },
      "Runs of this route keep ending without a trace",
    );
  }
  return verdict;
}

function endOf({ run }: StartedRun, verdict: RunVerdict, now: number): RunEnd {
  const { every, id } = run.route;
  const { counts } = verdict.result ?? {};
  const changed = counts !== undefined && counts.applied + counts.deleted > 0;
  const end: RunEnd = {
    ...verdict.end,
    ...(verdict.settles && { synced: run.requested }),
    ...(changed && { changed }),
    ...(verdict.result && { quarantine: quarantineAfter(run.quarantine, verdict.result.refs, now) }),
  };
  if (every === undefined || !verdict.final) return end;
  const lastChangeAt = changed ? now : run.lastChangeAt;
  const due = nextDueAt(id, every, { now, lastChangeAt, random: Math.random() });
  // Somebody who cancels wants quiet until the route is due again.
  const quiet = verdict.outcome === "cancelled" ? { waitMs: due - now } : {};
  return { ...end, ...quiet, nextDueAt: due };
}

/** How a run ended, and what it learned of its hosts. */
interface EndedRun {
  readonly verdict: RunVerdict;
  readonly hosts: HostFindings;
  readonly failedAt?: "source" | "target" | undefined;
}

async function verdictOf(
  context: RunContext,
  started: StartedRun,
  progress: RunProgressWriter,
): Promise<EndedRun> {
  const crashed = judgeStarts(started.run.starts);
  return crashed === undefined ? await sync(context, started, progress) : { verdict: crashed, hosts: {} };
}

async function sync(
  context: RunContext,
  started: StartedRun,
  progress: RunProgressWriter,
): Promise<EndedRun> {
  const { run, runId, attempt, signal } = started;
  const { id, source, target, scope, policy } = run.route;
  const cancelled = new AbortController();
  const stop = AbortSignal.any([signal, cancelled.signal]);
  const unwatch = context.cancellations.watch(runId, cancelled);
  const observer = (event: SyncEvent): void => {
    progress.observe(event);
    // The last moment at which cancelling leaves the target untouched.
    if (event.type === "phase" && event.phase === "push") void context.cancellations.look();
    context.onEvent?.(id, event);
  };
  const facts = { attempt, random: Math.random };
  const perMinute = context.known.limits.pushesPerMinute[hostOf(target.url)];
  try {
    stop.throwIfAborted();
    const result = await context.client.sync(
      { source, target, scope, policy, collectStats: true },
      {
        signal: stop,
        observer,
        heldBack: heldBackRefs(run.quarantine, run.startedAt),
        ...(run.approvedPlan !== undefined && { approvedPlan: run.approvedPlan }),
        ...(perMinute !== undefined && { pace: pushPace(context.routes, run.route.targetKey, perMinute) }),
        ...(context.credentials && { auth: context.credentials.forRoute(run.route) }),
      },
    );
    return { verdict: judgeResult(result, facts), hosts: hostFindings(run.route, undefined, undefined) };
  } catch (error) {
    const verdict = judgeError(error, { ...facts, stopped: stopReason(stop) });
    return { verdict, hosts: hostFindings(run.route, error, verdict.blockMs), failedAt: sideOf(error) };
  } finally {
    unwatch();
  }
}

/** The side that a failure names. */
function sideOf(thrown: unknown): "source" | "target" | undefined {
  const side = isSyncError(thrown) ? thrown.details["side"] : undefined;
  return side === "source" || side === "target" ? side : undefined;
}
