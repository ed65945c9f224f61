/** Rules of hints and pages that both stores share. */

import type { Trigger } from "@gitsync/jobs";

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
