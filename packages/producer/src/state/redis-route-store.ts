/** The route store in Redis: hashes and sorted sets, changed by scripts only. */

import { createHash } from "node:crypto";
import type { Redis } from "ioredis";
import type {
  JobState,
  RouteDefinition,
  RouteStatus,
  RunProgress,
  RunReport,
  TargetKey,
} from "@gitsync/jobs";
import { newId, newToken } from "../ids.ts";
import { CANCELLED, CANCELLED_WAIT_MS, KEPT, MAX_HINTS } from "./kept.ts";
import { jobFromHash, routeFromHash } from "./redis-records.ts";
import { SCRIPTS, type ScriptName } from "./redis-scripts.ts";
import { pageSize, pullsForward } from "./query.ts";
import { routeStatus } from "./route-record.ts";
import type {
  CancelOutcome,
  HintReceipt,
  JobPage,
  JobQuery,
  JobRecord,
  NewHint,
  NextRun,
  RoutePage,
  RouteStore,
  RunEnd,
  RunStart,
} from "./route-store.ts";

export class RedisRouteStore implements RouteStore {
  readonly #redis: Redis;
  readonly #root: string;
  readonly #clock: (() => number) | undefined;
  readonly #digests = new Map<ScriptName, string>();

  /** `prefix` is the queue's, hash tag included. `clock` replaces the server's. */
  constructor(redis: Redis, prefix: string, clock?: () => number) {
    this.#redis = redis;
    this.#root = `${prefix}:state`;
    this.#clock = clock;
  }

  async now(): Promise<number> {
    return Number(await this.#run("now"));
  }

  async put(definition: RouteDefinition): Promise<void> {
    const { id, targetKey, tenant, keepMs } = definition;
    await this.#run("put", id, JSON.stringify(definition), targetKey, tenant, keepMs ?? 0);
  }

  async hint(route: string, hint: NewHint): Promise<HintReceipt | undefined> {
    const requested = newToken();
    const { jobId, lane, trigger, traceparent } = hint;
    const stored = JSON.stringify({ at: 0, trigger, ...(traceparent === undefined ? {} : { traceparent }) });
    const pull = pullsForward(trigger) ? "1" : "";
    const reply = await this.#run("hint", route, jobId, lane, trigger, requested, stored, pull, MAX_HINTS);
    if (!Array.isArray(reply)) return undefined;
    const [job, state, at, dirty, paused, target, pending] = reply;
    return {
      jobId: String(job),
      state: state as JobState,
      requested,
      requestedAt: Number(at),
      coalesced: dirty === 1,
      paused: paused === 1,
      targetKey: target as TargetKey,
      tenantPending: Number(pending),
    };
  }

  async setPaused(route: string, paused: boolean): Promise<boolean> {
    return (await this.#run("setPaused", route, paused ? "1" : "")) === 1;
  }

  async startRun(target: TargetKey, start: RunStart): Promise<NextRun> {
    const { runId, workerId, attempt, skip } = start;
    const cancellation = [KEPT.reports, CANCELLED_WAIT_MS, JSON.stringify(CANCELLED)];
    const reply = await this.#run(
      "startRun",
      target,
      runId,
      workerId,
      attempt,
      JSON.stringify(skip),
      ...cancellation,
    );
    if (!Array.isArray(reply)) throw new TypeError("Cannot read the answer of startRun");
    if (reply[0] === "idle")
      return reply[1] === "" ? { type: "idle" } : { type: "idle", heldForMs: Number(reply[1]) };
    const [, definition, requested, startedAt, starts, jobIds, hints] = reply;
    return {
      type: "run",
      route: JSON.parse(String(definition)),
      requested: String(requested),
      startedAt: Number(startedAt),
      starts: Number(starts),
      jobIds: texts(jobIds),
      hints: texts(hints).map((hint) => JSON.parse(hint)),
    };
  }

  async progress(route: string, runId: string, progress: RunProgress): Promise<void> {
    await this.#run("progress", route, runId, JSON.stringify(progress));
  }

  async finishRun(report: RunReport, end: RunEnd): Promise<boolean> {
    const error = report.error === undefined ? "" : JSON.stringify(report.error);
    const kept = [KEPT.reports, KEPT.completedMs, KEPT.otherMs, KEPT.jobs];
    const { route, runId } = report;
    const texts = [JSON.stringify(report), JSON.stringify(end), error, newToken()];
    return (await this.#run("finishRun", route, runId, ...texts, ...kept)) === 1;
  }

  async cancelledRuns(runIds: readonly string[]): Promise<readonly string[]> {
    if (runIds.length === 0) return [];
    const flags = await this.#redis.smismember(this.#key("cancels"), ...runIds);
    return runIds.filter((_, index) => flags[index] === 1);
  }

  async cancelJob(id: string): Promise<CancelOutcome> {
    return (await this.#run(
      "cancelJob",
      id,
      newId(),
      KEPT.reports,
      CANCELLED_WAIT_MS,
      JSON.stringify(CANCELLED),
    )) as CancelOutcome;
  }

  async job(id: string): Promise<JobRecord | undefined> {
    const hash = await this.#redis.hgetall(this.#key(`job:${id}`));
    const runId = hash["runId"];
    if (hash["id"] === undefined) return undefined;
    if (runId === undefined) return jobFromHash(hash, null, []);
    const [report, running] = await Promise.all([
      this.#redis.get(this.#key(`report:${runId}`)),
      this.#redis.hmget(this.#key(`route:${hash["route"]}`), "runId", "progress"),
    ]);
    return jobFromHash(hash, report, running);
  }

  async jobs(query: JobQuery = {}): Promise<JobPage> {
    const limit = pageSize(query.limit);
    const [key, filter] =
      query.route === undefined
        ? [query.state === undefined ? "jobs" : `jobs:${query.state}`]
        : [`jobs-of:${query.route}`, query.state];
    const jobs: JobRecord[] = [];
    let cursor = query.cursor;
    for (;;) {
      const from = cursor === undefined ? "+" : `(${cursor}`;
      const ids = await this.#redis.zrevrangebylex(this.#key(key ?? "jobs"), from, "-", "LIMIT", 0, limit);
      for (const id of ids) {
        cursor = id;
        const job = await this.job(id);
        if (job !== undefined && (filter === undefined || job.state === filter)) jobs.push(job);
        if (jobs.length === limit) return { jobs, cursor };
      }
      if (ids.length < limit) return { jobs };
    }
  }

  async route(id: string): Promise<RouteStatus | undefined> {
    const record = routeFromHash(await this.#redis.hgetall(this.#key(`route:${id}`)));
    return record && routeStatus(record);
  }

  async routes(query: { readonly limit?: number; readonly cursor?: string } = {}): Promise<RoutePage> {
    const limit = pageSize(query.limit);
    const from = query.cursor === undefined ? "-" : `(${query.cursor}`;
    const ids = await this.#redis.zrangebylex(this.#key("routes"), from, "+", "LIMIT", 0, limit);
    const found = await Promise.all(ids.map((id) => this.route(id)));
    const gone = ids.filter((_, index) => found[index] === undefined);
    if (gone.length > 0) await this.#redis.zrem(this.#key("routes"), ...gone);
    const last = ids.at(-1);
    return {
      routes: found.filter((route) => route !== undefined),
      ...(ids.length === limit && last !== undefined ? { cursor: last } : {}),
    };
  }

  async reports(route: string, limit: number = KEPT.reports): Promise<readonly RunReport[]> {
    const runs = await this.#redis.lrange(this.#key(`reports:${route}`), 0, limit - 1);
    if (runs.length === 0) return [];
    const texts = await this.#redis.mget(runs.map((run) => this.#key(`report:${run}`)));
    return texts.filter((text) => text !== null).map((text) => JSON.parse(text));
  }

  async lanes(): Promise<readonly string[]> {
    return (await this.#redis.smembers(this.#key("lanes"))).toSorted();
  }

  #key(name: string): string {
    return `${this.#root}:${name}`;
  }

  /** Run a script by its digest; the text goes over only where the server does not know it (yet, or after a restart). */
  async #run(name: ScriptName, ...args: readonly (string | number)[]): Promise<unknown> {
    const clock = this.#clock === undefined ? "" : this.#clock();
    try {
      return await this.#redis.evalsha(this.#digest(name), 1, this.#root, clock, ...args);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
      return await this.#redis.eval(SCRIPTS[name], 1, this.#root, clock, ...args);
    }
  }

  #digest(name: ScriptName): string {
    const known = this.#digests.get(name);
    if (known !== undefined) return known;
    const digest = createHash("sha1").update(SCRIPTS[name]).digest("hex");
    this.#digests.set(name, digest);
    return digest;
  }
}

function texts(reply: unknown): readonly string[] {
  return Array.isArray(reply) ? reply.map(String) : [];
}
