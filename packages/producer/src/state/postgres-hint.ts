/** Writing a hint on Postgres. */

import type { Hint, TargetKey } from "@gitsync/jobs";
import { newToken } from "../ids.ts";
import { MAX_HINTS } from "./kept.ts";
import { setJobState } from "./postgres-jobs.ts";
import type { JobRow, RouteRow } from "./postgres-records.ts";
import type { Transaction } from "./postgres-transaction.ts";
import { wakeAt } from "./postgres-schedule.ts";
import { pullsForward } from "./query.ts";
import type { HintReceipt, NewHint } from "./route-store.ts";
import { DELIVERY_KEEP_MS } from "./waking.ts";

/** The step behind `RouteStore.hint`. */
export async function recordHint(
  transaction: Transaction,
  id: string,
  hint: NewHint,
): Promise<HintReceipt | undefined> {
  const { client } = transaction;
  const { rows } = await client.query<RouteRow>("select * from gitsync.route where id = $1 for update", [id]);
  const route = rows[0];
  const now = await transaction.now();
  if (route === undefined || route.retired || (route.expires_at ?? now) < now) return undefined;
  const requested = newToken();
  const coalesced = route.requested !== null && route.requested !== route.synced;
  const requestedAt = Math.max(now, route.last_started_at ?? 0);
  const waking = {
    ...route,
    requested,
    not_before: pullsForward(hint.trigger) ? null : route.not_before,
    due_at: hint.nextDueAt ?? route.due_at,
  };
  await client.query(
    `update gitsync.route set requested = $2, requested_at = $3,
       first_unsynced_at = case when $4 then first_unsynced_at else $3 end,
       first_since_start = case when run_id is null then null else coalesce(first_since_start, $3) end,
       not_before = $6, due_at = $7, wake_at = $8, expires_at = case when keep_ms > 0 then $5 + keep_ms end
     where id = $1`,
    [id, requested, requestedAt, coalesced, now, waking.not_before, waking.due_at, wakeAt(waking, now)],
  );
  await keepHint(transaction, id, {
    at: requestedAt,
    trigger: hint.trigger,
    ...(hint.traceparent === undefined ? {} : { traceparent: hint.traceparent }),
  });
  await client.query("insert into gitsync.lane (name) values ($1) on conflict do nothing", [hint.lane]);
  const job = await openJob(transaction, route, hint, { now, requestedAt });
  const redelivered = hint.delivery !== undefined && !(await isFirst(transaction, id, hint.delivery));
  const pending = await client.query<{ count: number }>(
    "select count(*)::integer as count from gitsync.job where tenant = $1 and state in ('waiting', 'delayed')",
    [route.tenant],
  );
  return {
    ...job,
    requested,
    requestedAt,
    coalesced,
    paused: route.paused,
    redelivered,
    targetKey: route.target_key as TargetKey,
    tenantPending: pending.rows[0]?.count ?? 0,
  };
}

/** Whether this delivery hints the route for the first time within a day. */
async function isFirst(transaction: Transaction, route: string, delivery: string): Promise<boolean> {
  const { client } = transaction;
  const now = await transaction.now();
  const { rowCount } = await client.query(
    `insert into gitsync.delivery (route, id, seen_at) values ($1, $2, $3)
     on conflict (route, id) do update set seen_at = excluded.seen_at where delivery.seen_at < $4`,
    [route, delivery, now, now - DELIVERY_KEEP_MS],
  );
  await client.query(
    `delete from gitsync.delivery where ctid = any(array(
       select ctid from gitsync.delivery where seen_at < $1 order by seen_at limit 20 for update skip locked))`,
    [now - DELIVERY_KEEP_MS],
  );
  return rowCount === 1;
}

async function keepHint({ client }: Transaction, route: string, hint: Hint): Promise<void> {
  // The delete does not see the hint that is added beside it.
  await client.query(
    `with added as (insert into gitsync.hint (route, body) values ($1, $3))
     delete from gitsync.hint where route = $1
     and seq <= (select seq from gitsync.hint where route = $1 order by seq desc offset $2 limit 1)`,
    [route, MAX_HINTS - 1, JSON.stringify(hint)],
  );
}

/** The job that answers the hint: one that waits already, or the one handed in. */
async function openJob(
  transaction: Transaction,
  route: RouteRow,
  hint: NewHint,
  times: { readonly now: number; readonly requestedAt: number },
): Promise<Pick<HintReceipt, "jobId" | "state">> {
  const { client } = transaction;
  const waiting = await client.query<JobRow>(
    "select * from gitsync.job where route = $1 and state in ('waiting', 'delayed') order by id desc limit 1",
    [route.id],
  );
  const found = waiting.rows[0];
  if (found !== undefined) {
    const pulled = found.state === "delayed" && pullsForward(hint.trigger);
    if (pulled) await setJobState(transaction, "id = $1", [found.id], "waiting");
    return { jobId: found.id, state: pulled ? "waiting" : found.state };
  }
  await client.query(
    `insert into gitsync.job (id, route, target_key, lane, tenant, trigger, state, created_at, requested_at)
     values ($1, $2, $3, $4, $5, $6, 'waiting', $7, $8)`,
    [
      hint.jobId,
      route.id,
      route.target_key,
      hint.lane,
      route.tenant,
      hint.trigger,
      times.now,
      times.requestedAt,
    ],
  );
  return { jobId: hint.jobId, state: "waiting" };
}
