/** What is known of a target's limit before anything is pushed: who said so, and what an unfinished run left behind. */

import type { Discovery } from "../discover.ts";
import type { Run } from "../run.ts";
import type { Transfer } from "../transfer/choose.ts";
import { demandsOf } from "./known-hosts.ts";
import { toldLimit, type SizeLimit } from "./size-limit.ts";
import { temporaryRefs, type TemporaryRefs } from "./temporary-refs.ts";

export interface KnownLimit {
  /** The smallest that is known; none when nothing is. */
  readonly limit: SizeLimit | undefined;
  /** Why transfers to this target go in batches from the start; none for a host's published limit, which few packs meet. */
  readonly reason:
    | Extract<Transfer["reason"], "limit-configured" | "limit-learned" | "batches-unfinished">
    | undefined;
  readonly names: TemporaryRefs;
}

export function knownLimit(run: Run, found: Discovery): KnownLimit {
  const names = temporaryRefs(run.sourceLabel, found.target.refs);
  const { targetMaxPackBytes } = run.limits;
  const configured = Number.isFinite(targetMaxPackBytes) ? targetMaxPackBytes : undefined;
  const learned = run.targets.recall(run.targetLabel).limitBytes;
  const host = demandsOf(run.targetLabel).maxPackBytes;
  const limits: readonly (SizeLimit | undefined)[] = [
    configured === undefined ? undefined : toldLimit(configured, "configured"),
    names.limitBytes === undefined ? undefined : toldLimit(names.limitBytes, "learned"),
    learned === undefined ? undefined : toldLimit(learned, "learned"),
    host === undefined ? undefined : toldLimit(host, "known-host"),
  ];
  const smallest = limits
    .filter((limit) => limit !== undefined)
    .toSorted((a, b) => a.mostBytes - b.mostBytes)[0];
  const reason =
    configured !== undefined
      ? "limit-configured"
      : names.found.size > 0
        ? "batches-unfinished"
        : learned !== undefined
          ? "limit-learned"
          : undefined;
  return { limit: smallest, reason, names };
}
