/** The route store in Postgres: rows under the route's lock, one transaction a step. */

import type { Pool } from "pg";
import type {
  JobState,
  RouteCondition,
  RouteDefinition,
  RouteStatus,
  RunProgress,
  RunReport,
  TargetKey,
} from "@gitsync/jobs";
import { firstIdAt } from "../ids.ts";
import { finishRun } from "./postgres-finish-run.ts";
import { cancelUnstarted } from "./postgres-jobs.ts";
import { jobFromRow, routeFromRow, type JobRow, type RouteRow } from "./postgres-records.ts";
import { lookAgain, retire, storeRoutes, takeWaking, wake } from "./postgres-schedule.ts";
import { startNextRun } from "./postgres-start-run.ts";
import { Transactions } from "./postgres-transaction.ts";
import { pushWait } from "./postgres-hosts.ts";
import { recordHint } from "./postgres-hint.ts";
import { countEach, pageSize } from "./query.ts";
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
import { KEPT } from "./kept.ts";

const JOBS = `
  select job.*, report.body as report, route.progress as progress
  from gitsync.job job
  left join gitsync.report report on report.run_id = job.run_id
  left join gitsync.route route on route.id = job.route and route.run_id = job.run_id`;

export class PostgresRouteStore implements RouteStore {
  readonly #pool: Pool;
  readonly #transactions: Transactions;

  /** The schema has to be migrated. `clock` replaces the server's. */
  constructor(pool: Pool, clock?: () => number) {
    this.#pool = pool;
    this.#transactions = new Transactions(pool, clock);
  }

  async now(): Promise<number> {
    return await this.#transactions.now();
  }

  async put(definition: RouteDefinition): Promise<void> {
    await this.putAll([definition]);
  }

  async putAll(definitions: readonly RouteDefinition[]): Promise<void> {
    await this.#transactions.run((transaction) => storeRoutes(transaction, definitions));
    await this.#forgetExpired(await this.now());
  }

  async configured(): Promise<ReadonlyMap<string, string>> {
    const { rows } = await this.#pool.query<{ id: string; digest: string }>(
      "select id, digest from gitsync.route where digest is not null",
    );
    return new Map(rows.map((row) => [row.id, row.digest]));
  }

  async retire(routes: readonly string[]): Promise<void> {
    for (const route of routes) await this.#transactions.run((transaction) => retire(transaction, route));
  }

  async takeWaking(limit: number): Promise<readonly WakingRoute[]> {
    return await this.#transactions.run((transaction) => takeWaking(transaction, limit));
  }

  async lookAgain(looks: readonly NextLook[]): Promise<void> {
    await this.#transactions.run((transaction) => lookAgain(transaction, looks));
  }

  async hint(route: string, hint: NewHint): Promise<HintReceipt | undefined> {
    return await this.#transactions.run((transaction) => recordHint(transaction, route, hint));
  }

  async stateChanges(limit: number): Promise<readonly StateChange[]> {
    const { rows } = await this.#pool.query<RouteRow>(
      "select * from gitsync.route where condition <> told and not retired order by id limit $1",
      [limit],
    );
    return rows.flatMap((row) => {
      const status = routeStatus(routeFromRow(row));
      return status.condition === undefined ? [] : [{ status, before: row.told, after: status.condition }];
    });
  }

  async markTold(route: string, condition: RouteCondition): Promise<void> {
    await this.#pool.query("update gitsync.route set told = $2 where id = $1", [route, condition]);
  }

  async forgive(route: string): Promise<void> {
    await this.#pool.query("update gitsync.route set quarantine = null, not_before = null where id = $1", [
      route,
    ]);
  }

  async approve(route: string, plan: string): Promise<boolean> {
    const { rowCount } = await this.#pool.query(
      "update gitsync.route set approved = $2 where id = $1 and not retired",
      [route, plan],
    );
    return rowCount === 1;
  }

  async setPaused(route: string, paused: boolean): Promise<boolean> {
    return await this.#transactions.run(async (transaction) => {
      const { rowCount } = await transaction.client.query(
        "update gitsync.route set paused = $2 where id = $1 and not retired",
        [route, paused],
      );
      await wake(transaction, [route]);
      return rowCount === 1;
    });
  }

  async startRun(target: TargetKey, start: RunStart): Promise<NextRun> {
    return await this.#transactions.run((transaction) => startNextRun(transaction, target, start));
  }

  async pushWait(target: TargetKey, push: PushRate): Promise<number> {
    return await this.#transactions.run((transaction) => pushWait(transaction, target, push));
  }

  async progress(route: string, runId: string, progress: RunProgress): Promise<void> {
    await this.#pool.query("update gitsync.route set progress = $3 where id = $1 and run_id = $2", [
      route,
      runId,
      JSON.stringify(progress),
    ]);
  }

  async finishRun(report: RunReport, end: RunEnd): Promise<boolean> {
    return await this.#transactions.run((transaction) => finishRun(transaction, report, end));
  }

  async cancelledRuns(runIds: readonly string[]): Promise<readonly string[]> {
    if (runIds.length === 0) return [];
    const { rows } = await this.#pool.query<{ run_id: string }>(
      "select distinct run_id from gitsync.job where cancel and state = 'active' and run_id = any($1)",
      [runIds],
    );
    return rows.map((row) => row.run_id);
  }

  async cancelJob(id: string): Promise<CancelOutcome> {
    return await this.#transactions.run(async (transaction) => {
      const { client } = transaction;
      // The route's lock first, as every other step takes it.
      await client.query(
        "select 1 from gitsync.route where id = (select route from gitsync.job where id = $1) for update",
        [id],
      );
      const { rows } = await client.query<JobRow>("select * from gitsync.job where id = $1 for update", [id]);
      const job = rows[0];
      if (job === undefined) return "missing";
      if (job.state === "active") {
        await client.query("update gitsync.job set cancel = true where id = $1", [id]);
        return "stopping";
      }
      if (job.state !== "waiting" && job.state !== "delayed") return "finished";
      await cancelUnstarted(transaction, job);
      return "cancelled";
    });
  }

  async job(id: string): Promise<JobRecord | undefined> {
    const { rows } = await this.#pool.query<JobRow>(`${JOBS} where job.id = $1`, [id]);
    return rows[0] && jobFromRow(rows[0]);
  }

  async jobs(query: JobQuery = {}): Promise<JobPage> {
    const limit = pageSize(query.limit);
    const { rows } = await this.#pool.query<JobRow>(
      `${JOBS} where ($1::text is null or job.state = $1) and ($2::text[] is null or job.route = any($2))
       and ($3::text is null or job.id < $3) order by job.id desc limit $4`,
      [query.state, query.routes, query.cursor, limit],
    );
    const last = rows.at(-1);
    return {
      jobs: rows.map(jobFromRow),
      ...(rows.length === limit && last !== undefined ? { cursor: last.id } : {}),
    };
  }

  async waitingJobs({ before, limit, after }: WaitingJobsQuery): Promise<readonly JobRecord[]> {
    const { rows } = await this.#pool.query<JobRow>(
      `${JOBS} where job.state = 'waiting' and job.id < $1 and ($2::text is null or job.id > $2) order by job.id limit $3`,
      [firstIdAt(before), after, limit],
    );
    return rows.map(jobFromRow);
  }

  async jobCounts(): Promise<Readonly<Record<JobState, number>>> {
    const { rows } = await this.#pool.query<{ state: JobState; count: number }>(
      "select state, count(*)::integer as count from gitsync.job group by state",
    );
    return await countEach((state) => rows.find((row) => row.state === state)?.count ?? 0);
  }

  async route(id: string): Promise<RouteStatus | undefined> {
    const { rows } = await this.#pool.query<RouteRow>(
      "select * from gitsync.route where id = $1 and not retired and (expires_at is null or expires_at >= $2)",
      [id, await this.now()],
    );
    return rows[0] && routeStatus(routeFromRow(rows[0]));
  }

  async routes(query: { readonly limit?: number; readonly cursor?: string } = {}): Promise<RoutePage> {
    const limit = pageSize(query.limit);
    const { rows } = await this.#pool.query<RouteRow>(
      `select * from gitsync.route where ($1::text is null or id > $1) and not retired and (expires_at is null or expires_at >= $2)
       order by id limit $3`,
      [query.cursor, await this.now(), limit],
    );
    const last = rows.at(-1);
    return {
      routes: rows.map((row) => routeStatus(routeFromRow(row))),
      ...(rows.length === limit && last !== undefined ? { cursor: last.id } : {}),
    };
  }

  async reports(route: string, limit: number = KEPT.reports): Promise<readonly RunReport[]> {
    const { rows } = await this.#pool.query<{ body: string }>(
      "select body from gitsync.report where route = $1 order by seq desc limit $2",
      [route, limit],
    );
    return rows.map((row) => JSON.parse(row.body));
  }

  async #forgetExpired(now: number): Promise<void> {
    await this.#pool.query(
      `with gone as (delete from gitsync.route where expires_at < $1 returning id),
         reports as (delete from gitsync.report where route in (select id from gone))
       delete from gitsync.job where route in (select id from gone) and state in ('waiting', 'delayed')`,
      [now],
    );
  }

  async lanes(): Promise<readonly string[]> {
    const { rows } = await this.#pool.query<{ name: string }>("select name from gitsync.lane order by name");
    return rows.map((row) => row.name);
  }
}
