/** Gives back at once what killed processes were working on. */

import type { Client } from "pg";

/** A job that was put back to waiting. */
export interface ReleasedJob {
  readonly queue: string;
  readonly id: string;
}

/**
 * Put every active job back to waiting, as BullMQ's sweep for stalled jobs does once a lock has run out (20 s and
 * more after the kill). Deduplication keys and stored follow-ups lie in tables of their own and stay. Call it only
 * while no process works on this database; nothing is done while another client is connected, or before the
 * schema exists.
 *
 * Source: BullMQ 6.7 `move_stalled_jobs_to_wait` in `0002_functions.sql`.
 */
export async function releaseOrphanedJobs(client: Client): Promise<readonly ReleasedJob[]> {
  const { rows: facts } = await client.query<{ others: number; has_schema: boolean }>(
    `SELECT to_regclass('bullmq.job') IS NOT NULL AS has_schema,
            (SELECT count(*)::int FROM pg_stat_activity
              WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()) AS others`,
  );
  if (facts[0]?.has_schema !== true || facts[0].others > 0) return [];
  await client.query("BEGIN");
  try {
    await client.query("SET LOCAL search_path TO bullmq");
    const { rows } = await client.query<{ queue: string; id: string }>(
      `UPDATE job
          SET state = 'waiting', lock_token = NULL, locked_until_ms = NULL, stalled_marked = false,
              stalled_count = stalled_count + 1, seq = nextval('job_seq')
        WHERE state = 'active'
    RETURNING queue, id`,
    );
    await client.query(
      `SELECT publish_event(queue, 'stalled', jsonb_build_object('jobId', id))
         FROM unnest($1::text[], $2::text[]) AS released(queue, id)`,
      [rows.map(({ queue }) => queue), rows.map(({ id }) => id)],
    );
    await client.query("COMMIT");
    return rows;
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  }
}
