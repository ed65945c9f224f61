/** Jobs in Redis as they are read: one hash each, listed by state and by route. */

import { firstIdAt } from "../ids.ts";
import { pageSize } from "./query.ts";
import { jobFromHash } from "./redis-records.ts";
import type { ScriptRunner } from "./redis-script-runner.ts";
import type { JobPage, JobQuery, JobRecord, WaitingJobsQuery } from "./route-store.ts";

export async function readJob(scripts: ScriptRunner, id: string): Promise<JobRecord | undefined> {
  const hash = await scripts.redis.hgetall(scripts.key(`job:${id}`));
  const runId = hash["runId"];
  if (hash["id"] === undefined) return undefined;
  if (runId === undefined) return jobFromHash(hash, null, []);
  const [report, running] = await Promise.all([
    scripts.redis.get(scripts.key(`report:${runId}`)),
    scripts.redis.hmget(scripts.key(`route:${hash["route"]}`), "runId", "progress"),
  ]);
  return jobFromHash(hash, report, running);
}

/** A page of jobs, the newest first. */
export async function listJobs(scripts: ScriptRunner, query: JobQuery): Promise<JobPage> {
  const limit = pageSize(query.limit);
  const [lists, filter] =
    query.routes === undefined
      ? [[query.state === undefined ? "jobs" : `jobs:${query.state}`]]
      : [query.routes.map((route) => `jobs-of:${route}`), query.state];
  const jobs: JobRecord[] = [];
  let cursor = query.cursor;
  for (;;) {
    const ids = await newestIds(scripts, lists, cursor, limit);
    for (const id of ids) {
      cursor = id;
      const job = await readJob(scripts, id);
      if (job !== undefined && (filter === undefined || job.state === filter)) jobs.push(job);
      if (jobs.length === limit) return { jobs, cursor };
    }
    if (ids.length < limit) return { jobs };
  }
}

/** The newest ids below `before` of all these lists together. */
async function newestIds(
  scripts: ScriptRunner,
  lists: readonly string[],
  before: string | undefined,
  limit: number,
): Promise<readonly string[]> {
  const from = before === undefined ? "+" : `(${before}`;
  const found = await Promise.all(
    lists.map((list) => scripts.redis.zrevrangebylex(scripts.key(list), from, "-", "LIMIT", 0, limit)),
  );
  return found.flat().toSorted().toReversed().slice(0, limit);
}

/** Jobs that wait since before a time, the oldest first. */
export async function waitingJobs(
  scripts: ScriptRunner,
  { before, limit, after }: WaitingJobsQuery,
): Promise<readonly JobRecord[]> {
  const from = after === undefined ? "-" : `(${after}`;
  const key = scripts.key("jobs:waiting");
  const ids = await scripts.redis.zrangebylex(key, from, `(${firstIdAt(before)}`, "LIMIT", 0, limit);
  const jobs = await Promise.all(ids.map((id) => readJob(scripts, id)));
  return jobs.filter((job) => job !== undefined);
}
