/**
 * What travels through the queue: a key, never refs, ids or a payload.
 *
 * "This target may be stale" is all a job says. The worker reads both sides after the job became active,
 * so a duplicate, a replay or a reordered job is harmless.
 */

import { frozen, validateAgainst, type FromSchema } from "@gitsync/engine/schema";

export const syncJobDataSchema = frozen({
  type: "object",
  title: "A sync job",
  properties: {
    v: { type: "integer", minimum: 1, maximum: 1, description: "version of this shape" },
    target: { type: "string", minLength: 1, maxLength: 8_192, description: "target key" },
  },
  required: ["v", "target"],
  additionalProperties: false,
});

/** The data of a job in the queue. */
export type SyncJobData = FromSchema<typeof syncJobDataSchema>;

/** The name that every sync job has in the queue. */
export const SYNC_JOB_NAME = "sync";

/** A job's data as read from a queue: untrusted until it passed here. `undefined` when it is not a sync job. */
export function parseSyncJobData(data: unknown): SyncJobData | undefined {
  return validateAgainst(syncJobDataSchema, data).length === 0 ? (data as SyncJobData) : undefined;
}

/** Who asked; the lower number is served first. */
export const PRIORITY_BANDS = Object.freeze({ person: 1, webhook: 2, schedule: 3, backfill: 4 });
export type Trigger = keyof typeof PRIORITY_BANDS;

const BAND_WIDTH = 100_000;

/**
 * The queue priority of a job: its band, then how much the tenant already has waiting, so that a tenant
 * with a thousand jobs does not delay one with two. Never 0, which would overtake every band.
 */
export function jobPriority(trigger: Trigger, tenantPending: number): number {
  return (
    PRIORITY_BANDS[trigger] * BAND_WIDTH + Math.min(Math.max(0, Math.trunc(tenantPending)), BAND_WIDTH - 1)
  );
}

/** Attempts of one job before it is given up; the route stays dirty, and the next hint runs it again. */
export const MAX_ATTEMPTS = 8;

/** Wait before attempt `attempt + 1`, in whole milliseconds: full jitter over 2 s doubling, at most 15 min. */
export function retryDelayMs(attempt: number, random: () => number): number {
  return Math.trunc(random() * Math.min(15 * 60_000, 2_000 * 2 ** Math.max(0, attempt - 1)));
}

/** How a job can be. */
export const JOB_STATES = ["waiting", "delayed", "active", "completed", "failed", "cancelled"] as const;
export type JobState = (typeof JOB_STATES)[number];
