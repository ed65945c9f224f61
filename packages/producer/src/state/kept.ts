/** How much is kept of what happened. One place, so that both stores forget alike. */

import { MAX_REPORTS, type RouteError } from "@gitsync/jobs";

const DAY_MS: number = 24 * 60 * 60 * 1000;

/** Hints that are remembered until a run takes them. */
export const MAX_HINTS = 32;

export interface Kept {
  /** Reports of each route. */
  readonly reports: number;
  /** Records of jobs that were completed; of a busy fleet they are the most. */
  readonly completedMs: number;
  /** Records of jobs that failed or were cancelled: evidence. */
  readonly otherMs: number;
  /** Records of each finished state, on a store that keeps them in memory. */
  readonly jobs: number;
}

export const KEPT: Kept = Object.freeze({
  reports: MAX_REPORTS,
  completedMs: DAY_MS,
  otherMs: 14 * DAY_MS,
  jobs: 10_000,
});

/** A route whose only request was cancelled is left alone until it is hinted, or for this long. */
export const CANCELLED_WAIT_MS: number = DAY_MS;

/** What the report of a job says whose route left the configuration. */
export const RETIRED: RouteError = Object.freeze({
  code: "ROUTE_NOT_FOUND",
  message: "The route left the configuration",
  remedy: "put it back",
});

/** What the report of a cancelled job says. */
export const CANCELLED: RouteError = Object.freeze({
  code: "ABORTED",
  message: "Cancelled before it ran",
  remedy: "run it again",
});
