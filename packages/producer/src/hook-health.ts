/** Whether webhooks of a mirror come: from the runs that are kept, who asked for each, and what it changed. Pure. */

import type { RunReport } from "@gitsync/jobs";

/** Times are milliseconds of the store's clock. */
export interface HookHealth {
  /**
   * `ok`: webhooks come. `missing`: since the last one, or ever, the schedule found changes that no webhook told of.
   * `quiet`: none came, and nothing changed.
   */
  readonly state: "ok" | "missing" | "quiet";
  /** Start of the last run that a webhook asked for. */
  readonly lastHeardAt?: number;
  /** Runs that changed a target, and those of them that only the schedule asked for. */
  readonly changes: number;
  readonly missed: number;
}

/** `reports` are those of one mirror's routes, in any order. */
export function hookHealth(reports: readonly RunReport[]): HookHealth {
  const heard = reports.filter(({ triggers }) => triggers?.includes("webhook"));
  const changes = reports.filter(hasChanged);
  const missed = changes.filter(({ triggers = [] }) => triggers.every((trigger) => trigger === "schedule"));
  const lastHeardAt = heard.length === 0 ? undefined : Math.max(...heard.map(({ startedAt }) => startedAt));
  const isMissing = missed.some(({ startedAt }) => startedAt > (lastHeardAt ?? 0));
  return {
    state: isMissing ? "missing" : lastHeardAt === undefined ? "quiet" : "ok",
    ...(lastHeardAt !== undefined && { lastHeardAt }),
    changes: changes.length,
    missed: missed.length,
  };
}

/** A retry answers no hint of its own: nobody can tell who asked. */
function hasChanged({ result, triggers = [] }: RunReport): boolean {
  return triggers.length > 0 && result !== undefined && result.counts.applied + result.counts.deleted > 0;
}
