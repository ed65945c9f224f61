/** Rules of hints and pages that both stores share. */

import type { JobState, Trigger } from "@gitsync/jobs";

const DEFAULT_PAGE = 50;
const MAX_PAGE = 200;

/** How many entries a page has. */
export function pageSize(limit: number | undefined): number {
  return Math.min(MAX_PAGE, Math.max(1, Math.trunc(limit ?? DEFAULT_PAGE)));
}

/** Whether a hint ends the back-off of a job: news does, the clock does not. */
export function pullsForward(trigger: Trigger): boolean {
  return trigger === "person" || trigger === "webhook";
}

const JOB_STATES: readonly JobState[] = ["waiting", "delayed", "active", "completed", "failed", "cancelled"];

/** A number for each state of a job. */
export async function countEach(
  count: (state: JobState) => Promise<number> | number,
): Promise<Readonly<Record<JobState, number>>> {
  const [waiting = 0, delayed = 0, active = 0, completed = 0, failed = 0, cancelled = 0] = await Promise.all(
    JOB_STATES.map(async (state) => count(state)),
  );
  return { waiting, delayed, active, completed, failed, cancelled };
}
