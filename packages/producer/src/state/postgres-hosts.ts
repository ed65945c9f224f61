/** What is known of hosts on Postgres: who uses them, how long they are left alone, how often a target is pushed to. */

import { SILENT_MS } from "./fleet-store.ts";
import {
  FAILURES_TO_OPEN,
  FIRST_PAUSE_MS,
  FULL_MS,
  LONGEST_PAUSE_MS,
  partyName,
  PROBE_MS,
  PUSH_WINDOW_MS,
} from "./host-rules.ts";
import type { Transaction } from "./postgres-transaction.ts";
import type { HostFindings, PushRate, RunStart } from "./route-store.ts";

interface HostRow {
  readonly name: string;
  readonly blocked_until: number;
  readonly failures: number;
  readonly in_flight: number;
}

/** The hosts of some routes, locked where something is counted, so that no two runs take the last place of one. */
export interface LockedHosts {
  /** When the hosts may be used, the target's last; `undefined` when that is now. */
  heldUntil(hosts: readonly string[]): number | undefined;
  /** The run uses them from now on. */
  enter(hosts: readonly string[]): Promise<void>;
}

/**
 * Look at what is known of hosts and of pushes to the target. Hosts with a limit, and those that failed too often, are
 * locked, in order of their names.
 */
export async function lockHosts(
  transaction: Transaction,
  target: string,
  names: readonly string[],
  start: RunStart,
): Promise<LockedHosts> {
  const { client } = transaction;
  const { hostLimits = {}, pushesPerMinute = {} } = start;
  const sorted = [...new Set(names)].toSorted();
  const limited = sorted.filter((host) => hostLimits[host] !== undefined);
  const now = await transaction.now();
  const look = async (): Promise<readonly HostRow[]> => {
    const { rows } = await client.query<HostRow>(
      `select name, blocked_until, failures, (select count(*)::integer from gitsync.host_use
         join gitsync.process on process.id = worker_id and beat_at >= $2 where host = name) as in_flight
       from gitsync.host where name = any($1)`,
      [sorted, now - SILENT_MS],
    );
    return rows;
  };
  let rows = await look();
  // Runs of other hosts have nothing to wait for: a fleet that shares one source would start them one by one.
  if (limited.length > 0 || rows.some(isTried)) {
    const insert = "insert into gitsync.host (name) select unnest($1::text[]) on conflict (name) do nothing";
    await client.query(insert, [limited]);
    const lock = `select 1 from gitsync.host where name = any($1) and (name = any($2) or failures >= $3)
      order by name for update`;
    await client.query(lock, [sorted, limited, FAILURES_TO_OPEN]);
    rows = await look();
  }
  const isPaced = names.some((host) => pushesPerMinute[host] !== undefined);
  const pushes = isPaced ? await pushesTo(transaction, target) : [];
  const known = new Map(rows.map((row) => [row.name, row]));
  const freeAt = (host: string): number => {
    const { blocked_until: until = 0, in_flight: inFlight = 0 } = known.get(host) ?? {};
    const limit = hostLimits[host];
    return until <= now && limit !== undefined && inFlight >= limit ? now + FULL_MS : until;
  };
  const mayPushAt = (host: string | undefined): number => {
    const rate = host === undefined ? undefined : pushesPerMinute[host];
    const oldest = rate === undefined ? undefined : pushes[rate - 1];
    return oldest === undefined ? 0 : oldest.at + PUSH_WINDOW_MS;
  };
  return {
    heldUntil: (hosts) => {
      const latest = Math.max(mayPushAt(hosts.at(-1)), ...hosts.map(freeAt));
      return latest > now ? latest : undefined;
    },
    enter: async (hosts) => {
      await enterHosts(transaction, hosts, start);
      if (rows.some(isTried)) await tryHosts(transaction, hosts);
    },
  };
}

/** It failed too often: one run tries it, and the others wait for what that one finds. */
function isTried({ failures }: HostRow): boolean {
  return failures >= FAILURES_TO_OPEN;
}

/** The newest first. */
async function pushesTo(
  transaction: Transaction,
  target: string,
): Promise<readonly { readonly at: number }[]> {
  const { rows } = await transaction.client.query<{ at: number }>(
    "select at from gitsync.push where target_key = $1 and at > $2 order by at desc",
    [target, (await transaction.now()) - PUSH_WINDOW_MS],
  );
  return rows;
}

async function tryHosts(transaction: Transaction, hosts: readonly string[]): Promise<void> {
  await transaction.client.query(
    `update gitsync.host set blocked_until = greatest(blocked_until, $2), reason = 'unreachable'
     where name = any($1) and failures >= $3`,
    [hosts, (await transaction.now()) + PROBE_MS, FAILURES_TO_OPEN],
  );
}

async function enterHosts(
  transaction: Transaction,
  hosts: readonly string[],
  { runId, workerId }: RunStart,
): Promise<void> {
  const { client } = transaction;
  await client.query(
    "insert into gitsync.host_use (run_id, host, worker_id) select $1, unnest($2::text[]), $3",
    [runId, hosts, workerId],
  );
}

/** A run uses its hosts no more. */
export async function leaveHosts({ client }: Transaction, runId: string): Promise<void> {
  await client.query("delete from gitsync.host_use where run_id = $1", [runId]);
}

/** Distinguishes our locks of targets from other advisory locks. */
const PUSH_LOCKS = 716_822;

/** The step behind `RouteStore.pushWait`. */
export async function pushWait(
  transaction: Transaction,
  target: string,
  { perMinute, take }: PushRate,
): Promise<number> {
  const { client } = transaction;
  await client.query("select pg_advisory_xact_lock($1, hashtext($2))", [PUSH_LOCKS, target]);
  const now = await transaction.now();
  const since = now - PUSH_WINDOW_MS;
  const { rows } = await client.query<{ at: number }>(
    "select at from gitsync.push where target_key = $1 and at > $2 order by at desc offset $3 limit 1",
    [target, since, perMinute - 1],
  );
  const [before] = rows;
  if (before !== undefined) return before.at - since;
  if (take) {
    await client.query("delete from gitsync.push where target_key = $1 and at <= $2", [target, since]);
    await client.query("insert into gitsync.push (target_key, at) values ($1, $2)", [target, now]);
  }
  return 0;
}

/** Write down what a run learned of its hosts. */
export async function recordHosts(transaction: Transaction, findings: HostFindings = {}): Promise<void> {
  const { answered = [], failed, blocked } = findings;
  const { client } = transaction;
  if (answered.length > 0) {
    await client.query(
      `update gitsync.host set failures = 0,
         blocked_until = case when reason = 'unreachable' then 0 else blocked_until end
       where name in (select name from gitsync.host where name = any($1) and failures > 0 order by name for update)`,
      [answered],
    );
  }
  if (failed !== undefined) await recordFailure(transaction, failed);
  if (blocked !== undefined) {
    await client.query(
      `insert into gitsync.host as host (name, blocked_until, reason) values ($1, $2, 'rate-limited')
       on conflict (name) do update set blocked_until = excluded.blocked_until, reason = excluded.reason
       where host.blocked_until < excluded.blocked_until`,
      [partyName(blocked.host, blocked.credential), (await transaction.now()) + blocked.ms],
    );
  }
}

async function recordFailure(transaction: Transaction, host: string): Promise<void> {
  const { client } = transaction;
  await client.query(
    `insert into gitsync.host as host (name, failures) values ($1, 1)
     on conflict (name) do update set failures = host.failures + 1`,
    [host],
  );
  // What was waited for is over: the block of the run that tried ends here, too.
  await client.query(
    `update gitsync.host set
       blocked_until = greatest(case when reason = 'rate-limited' then blocked_until else 0 end,
         $2::double precision + least($3::double precision, $4 * power(2, least(failures - $5, 20)))),
       reason = 'unreachable'
     where name = $1 and failures >= $5`,
    [host, await transaction.now(), LONGEST_PAUSE_MS, FIRST_PAUSE_MS, FAILURES_TO_OPEN],
  );
}
