/** The route store in Redis: hashes and sorted sets, changed by scripts only. */

import type {
  JobState,
  RouteCondition,
  RouteDefinition,
  RouteStatus,
  RunProgress,
  RunReport,
  TargetKey,
} from "@gitsync/jobs";
import { newId, newToken } from "../ids.ts";
import { definitionDigest } from "./definition-digest.ts";
import { CANCELLED, CANCELLED_WAIT_MS, KEPT, MAX_HINTS } from "./kept.ts";
import { listJobs, readJob, waitingJobs } from "./redis-jobs.ts";
import { routeFromHash, wakingRoute } from "./redis-records.ts";
import type { ScriptRunner } from "./redis-script-runner.ts";
import { hostsOf } from "./host-rules.ts";
import { countEach, pageSize, pullsForward } from "./query.ts";
import { routeStatus } from "./route-record.ts";
import type {
  CancelOutcome,
  HintReceipt,
  JobPage,
  JobQuery,
  JobRecord,
  NewHint,
  NextLook,
  NextRun,
  PushRate,
  RoutePage,
  RouteStore,
  RunEnd,
  RunStart,
  StateChange,
  WaitingJobsQuery,
  WakingRoute,
} from "./route-store.ts";

export class RedisRouteStore implements RouteStore {
  readonly #scripts: ScriptRunner;

  constructor(scripts: ScriptRunner) {
    this.#scripts = scripts;
  }

  async now(): Promise<number> {
    return Number(await this.#scripts.run("now"));
  }

  async put(definition: RouteDefinition): Promise<void> {
    await this.putAll([definition]);
  }

  async putAll(definitions: readonly RouteDefinition[]): Promise<void> {
    // Commands of one connection are sent together and answered in order.
    await Promise.all(
      definitions.map(async (definition) => {
        const { id, targetKey, tenant, keepMs } = definition;
        const digest = definitionDigest(definition) ?? "";
        await this.#scripts.run(
          "put",
          id,
          JSON.stringify(definition),
          targetKey,
          tenant,
          keepMs ?? 0,
          digest,
          JSON.stringify(hostsOf(definition)),
        );
      }),
    );
  }

  async configured(): Promise<ReadonlyMap<string, string>> {
    return new Map(Object.entries(await this.#scripts.redis.hgetall(this.#scripts.key("configured"))));
  }

  async retire(routes: readonly string[]): Promise<void> {
    await Promise.all(routes.map(async (route) => this.#scripts.run("retire", route, newId())));
  }

  async takeWaking(limit: number): Promise<readonly WakingRoute[]> {
    const reply = await this.#scripts.run("takeWaking", limit);
    return Array.isArray(reply) ? reply.map((row) => wakingRoute(texts(row))) : [];
  }

  async lookAgain(looks: readonly NextLook[]): Promise<void> {
    await Promise.all(looks.map(async ({ route, at }) => this.#scripts.run("lookAgain", route, at)));
  }

  async hint(route: string, hint: NewHint): Promise<HintReceipt | undefined> {
    const requested = newToken();
    const { jobId, lane, trigger, traceparent, delivery, nextDueAt } = hint;
    const stored = JSON.stringify({ at: 0, trigger, ...(traceparent === undefined ? {} : { traceparent }) });
    const pull = pullsForward(trigger) ? "1" : "";
    const facts = [MAX_HINTS, delivery ?? "", nextDueAt ?? ""];
    const reply = await this.#scripts.run(
      "hint",
      route,
      jobId,
      lane,
      trigger,
      requested,
      stored,
      pull,
      ...facts,
    );
    if (!Array.isArray(reply)) return undefined;
    const [job, state, at, dirty, paused, target, pending, redelivered] = reply;
    return {
      jobId: String(job),
      state: state as JobState,
      requested,
      requestedAt: Number(at),
      coalesced: dirty === 1,
      paused: paused === 1,
      redelivered: redelivered === 1,
      targetKey: target as TargetKey,
      tenantPending: Number(pending),
    };
  }

  async stateChanges(limit: number): Promise<readonly StateChange[]> {
    const { redis } = this.#scripts;
    const ids = (await redis.smembers(this.#scripts.key("untold"))).toSorted().slice(0, limit);
    const changes = await Promise.all(
      ids.map(async (id): Promise<StateChange | undefined> => {
        const hash = await redis.hgetall(this.#scripts.key(`route:${id}`));
        const record = routeFromHash(hash);
        if (record?.condition === undefined) return undefined;
        const before = (hash["told"] ?? "ok") as RouteCondition;
        return { status: routeStatus(record), before, after: record.condition };
      }),
    );
    const gone = ids.filter((_, index) => changes[index] === undefined);
    if (gone.length > 0) await redis.srem(this.#scripts.key("untold"), ...gone);
    return changes.filter((change) => change !== undefined);
  }

  async markTold(route: string, condition: RouteCondition): Promise<void> {
    await this.#scripts.run("markTold", route, condition);
  }

  async forgive(route: string): Promise<void> {
    await this.#scripts.redis.hdel(this.#scripts.key(`route:${route}`), "quarantine", "notBefore");
  }

  async approve(route: string, plan: string): Promise<boolean> {
    return (await this.#scripts.run("approve", route, plan)) === 1;
  }

  async setPaused(route: string, paused: boolean): Promise<boolean> {
    return (await this.#scripts.run("setPaused", route, paused ? "1" : "")) === 1;
  }

  async startRun(target: TargetKey, start: RunStart): Promise<NextRun> {
    const { runId, workerId, attempt, skip, known = [], hostLimits = {}, pushesPerMinute = {} } = start;
    const cancellation = [KEPT.reports, CANCELLED_WAIT_MS, JSON.stringify(CANCELLED)];
    const reply = await this.#scripts.run(
      "startRun",
      target,
      runId,
      workerId,
      attempt,
      JSON.stringify(skip),
      ...cancellation,
      ...[known, hostLimits, pushesPerMinute].map((value) => JSON.stringify(value)),
    );
    if (!Array.isArray(reply)) throw new TypeError("Cannot read the answer of startRun");
    if (reply[0] === "idle") {
      return {
        type: "idle",
        ...(reply[1] !== "" && { heldForMs: Number(reply[1]) }),
        ...(reply[2] === "1" && { foreign: true }),
      };
    }
    const [, definition, requested, startedAt, starts, jobIds, hints, lastChangeAt, quarantine, approved] =
      reply;
    return {
      type: "run",
      route: JSON.parse(String(definition)),
      requested: String(requested),
      startedAt: Number(startedAt),
      starts: Number(starts),
      jobIds: texts(jobIds),
      hints: texts(hints).map((hint) => JSON.parse(hint)),
      lastChangeAt: lastChangeAt === "" ? undefined : Number(lastChangeAt),
      quarantine: JSON.parse(String(quarantine)),
      approvedPlan: approved === "" ? undefined : String(approved),
    };
  }

  async pushWait(target: TargetKey, push: PushRate): Promise<number> {
    return Number(await this.#scripts.run("pushWait", target, push.perMinute, push.take ? "1" : ""));
  }

  async progress(route: string, runId: string, progress: RunProgress): Promise<void> {
    await this.#scripts.run("progress", route, runId, JSON.stringify(progress));
  }

  async finishRun(report: RunReport, end: RunEnd): Promise<boolean> {
    const error = report.error === undefined ? "" : JSON.stringify(report.error);
    const kept = [KEPT.reports, KEPT.completedMs, KEPT.otherMs, KEPT.jobs];
    const { route, runId } = report;
    // Lua cannot tell an empty list from an empty object, so lists cross it as text.
    const quarantine = end.quarantine === undefined ? {} : { quarantine: JSON.stringify(end.quarantine) };
    const texts = [JSON.stringify(report), JSON.stringify({ ...end, ...quarantine }), error, newToken()];
    return (await this.#scripts.run("finishRun", route, runId, ...texts, ...kept)) === 1;
  }

  async cancelledRuns(runIds: readonly string[]): Promise<readonly string[]> {
    if (runIds.length === 0) return [];
    const flags = await this.#scripts.redis.smismember(this.#scripts.key("cancels"), ...runIds);
    return runIds.filter((_, index) => flags[index] === 1);
  }

  async cancelJob(id: string): Promise<CancelOutcome> {
    return (await this.#scripts.run(
      "cancelJob",
      id,
      newId(),
      KEPT.reports,
      CANCELLED_WAIT_MS,
      JSON.stringify(CANCELLED),
    )) as CancelOutcome;
  }

  async job(id: string): Promise<JobRecord | undefined> {
    return await readJob(this.#scripts, id);
  }

  async jobs(query: JobQuery = {}): Promise<JobPage> {
    return await listJobs(this.#scripts, query);
  }

  async waitingJobs(query: WaitingJobsQuery): Promise<readonly JobRecord[]> {
    return await waitingJobs(this.#scripts, query);
  }

  async jobCounts(): Promise<Readonly<Record<JobState, number>>> {
    return await countEach(async (state) => this.#scripts.redis.zcard(this.#scripts.key(`jobs:${state}`)));
  }

  async route(id: string): Promise<RouteStatus | undefined> {
    const record = routeFromHash(await this.#scripts.redis.hgetall(this.#scripts.key(`route:${id}`)));
    return record && routeStatus(record);
  }

  async routes(query: { readonly limit?: number; readonly cursor?: string } = {}): Promise<RoutePage> {
    const limit = pageSize(query.limit);
    const from = query.cursor === undefined ? "-" : `(${query.cursor}`;
    const ids = await this.#scripts.redis.zrangebylex(
      this.#scripts.key("routes"),
      from,
      "+",
      "LIMIT",
      0,
      limit,
    );
    const found = await Promise.all(ids.map((id) => this.route(id)));
    const gone = ids.filter((_, index) => found[index] === undefined);
    if (gone.length > 0) await this.#scripts.redis.zrem(this.#scripts.key("routes"), ...gone);
    const last = ids.at(-1);
    return {
      routes: found.filter((route) => route !== undefined),
      ...(ids.length === limit && last !== undefined ? { cursor: last } : {}),
    };
  }

  async reports(route: string, limit: number = KEPT.reports): Promise<readonly RunReport[]> {
    const runs = await this.#scripts.redis.lrange(this.#scripts.key(`reports:${route}`), 0, limit - 1);
    if (runs.length === 0) return [];
    const texts = await this.#scripts.redis.mget(runs.map((run) => this.#scripts.key(`report:${run}`)));
    return texts.filter((text) => text !== null).map((text) => JSON.parse(text));
  }

  async lanes(): Promise<readonly string[]> {
    return (await this.#scripts.redis.smembers(this.#scripts.key("lanes"))).toSorted();
  }
}

function texts(reply: unknown): readonly string[] {
  return Array.isArray(reply) ? reply.map(String) : [];
}
