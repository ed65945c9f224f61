/** Cuts a result down to what is worth keeping and logging. */

import type { RefResult, SyncResult } from "@gitsync/engine";
import { MAX_REPORT_REFS } from "./route.ts";

const NOTEWORTHY: readonly RefResult["outcome"][] = [
  "unknown",
  "refused",
  "lease-lost",
  "not-attempted",
  "applied",
  "planned",
  "unchanged",
];

/** The same result with at most {@link MAX_REPORT_REFS} refs, the noteworthy first, and `truncated` when some went. */
export function condenseResult(result: SyncResult): SyncResult {
  const blocked = (ref: RefResult): boolean => ref.action === "block" || ref.action === "warn";
  const rank = (ref: RefResult): number => (blocked(ref) ? -1 : NOTEWORTHY.indexOf(ref.outcome));
  if (result.refs.length <= MAX_REPORT_REFS) return result;
  const refs = result.refs.toSorted((a, b) => rank(a) - rank(b)).slice(0, MAX_REPORT_REFS);
  return { ...result, refs, truncated: true };
}
