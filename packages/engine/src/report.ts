/** Turns what was planned and what became of it into the result that everybody sees. Pure. */

import { formatRefName, type RefName } from "@gitsync/protocol";
import { deleteDigest } from "./plan/delete-digest.ts";
import type { CurrentRefs } from "./plan/difference.ts";
import { currentRef, inPlanOrder, type PlannedRef } from "./plan/plan.ts";
import { shortRefName } from "./plan/ref-kind.ts";
import type { ResolvedPolicy } from "./request.ts";
import type {
  ExecutionSummary,
  Measurement,
  RefResult,
  Stats,
  SyncCounts,
  SyncResult,
} from "./schema/index.ts";
import type { OpenVerdict, RefVerdict } from "./transfer/outcome.ts";
import type { Transfer } from "./transfer/choose.ts";
import { refusalWithCode } from "./transfer/refusal.ts";

export interface ReportInput {
  /** What was to change or was kept from it. */
  readonly planned: readonly PlannedRef[];
  /** What was as it should be before anything was done. */
  readonly current: CurrentRefs;
  /** By target ref; empty for a plan that was not carried out. */
  readonly verdicts: ReadonlyMap<RefName, RefVerdict>;
  /** Refs of our own that were to be deleted and are, or may be, still there. */
  readonly leftovers: ReadonlyMap<RefName, OpenVerdict>;
  /** What earlier rounds of the same run applied; the last round saw those refs as current already. */
  readonly appliedBefore: ReadonlyMap<RefName, RefResult>;
  readonly policy: ResolvedPolicy;
  readonly dryRun: boolean;
  readonly includeUnchanged: boolean;
  readonly protocol: string;
  readonly sourceHead: RefName | undefined;
  readonly targetIsEmpty: boolean;
  readonly transfer: Transfer;
  readonly requestsPlanned: number;
  readonly requestsDone: number;
  readonly stats: Stats;
  readonly measurement: Measurement;
}

export function buildResult(input: ReportInput): SyncResult {
  const { appliedBefore, current } = input;
  const shown = shownOf(input);
  const all = shown.map((planned) => {
    const before = appliedBefore.get(planned.targetRef);
    return before !== undefined && planned.action === "skip" ? before : resultOf(planned, input);
  });
  // A ref that an earlier round deleted is in no later plan.
  const seen = new Set(shown.map((planned) => formatRefName(planned.targetRef)));
  for (const before of appliedBefore.values()) if (!seen.has(before.targetRef)) all.push(before);
  const notShown = current.size - (shown.length - input.planned.length);
  return {
    refs: all,
    counts: countsOf(all, notShown),
    execution: executionOf(input, all),
    stats: input.stats,
    measurement: input.measurement,
  };
}

/** The plan with those current refs that the result names: all when asked, else those that an earlier round applied. */
function shownOf({
  planned,
  current,
  appliedBefore,
  includeUnchanged,
  sourceHead,
}: ReportInput): readonly PlannedRef[] {
  if (!includeUnchanged && appliedBefore.size === 0) return planned;
  const rest: PlannedRef[] = [];
  for (const ref of current)
    if (includeUnchanged || appliedBefore.has(ref.target)) rest.push(currentRef(ref));
  return inPlanOrder([...planned, ...rest], sourceHead);
}

function resultOf(planned: PlannedRef, input: ReportInput): RefResult {
  const base = {
    branch: formatRefName(shortRefName(planned.targetRef) as RefName),
    sourceRef:
      planned.action === "delete" || planned.sourceRef === undefined ? "" : formatRefName(planned.sourceRef),
    targetRef: formatRefName(planned.targetRef),
    sourceHash: planned.action === "delete" ? "" : (planned.newId ?? ""),
    targetHash: planned.action === "create" ? "" : (planned.oldId ?? ""),
    kind: planned.kind,
  };
  const { code, reason } = planned;
  const { bestEffort } = input.policy;
  if (planned.action === "skip") return { ...base, action: "skip", outcome: "unchanged", reason, code };
  if (planned.action === "block") {
    return { ...base, action: bestEffort ? "warn" : "block", outcome: "not-attempted", reason, code };
  }
  const verdict = input.verdicts.get(planned.targetRef);
  if (verdict === undefined) {
    return {
      ...base,
      action: planned.action,
      outcome: input.dryRun ? "planned" : "not-attempted",
      reason,
      code,
    };
  }
  const { outcome } = verdict;
  if (outcome === "applied") return { ...base, action: planned.action, outcome, reason, code };
  const action = bestEffort && outcome === "refused" ? "warn" : planned.action;
  return { ...base, action, outcome, ...saidOf(verdict) };
}

/** What is told of a ref that is not known to be as it should. */
function saidOf(verdict: OpenVerdict): Pick<RefResult, "reason" | "code"> {
  switch (verdict.outcome) {
    case "refused": {
      const { code, reason } = verdict;
      // A hook speaks in lines; a reason is one.
      const said = reason.split(/\s*\n\s*/u).join(" | ");
      return { reason: `${said}; ${refusalWithCode(code).remedy}`, code };
    }
    case "lease-lost":
      return { reason: "somebody else moved it meanwhile", code: "lease-lost" };
    case "unknown":
      return { reason: verdict.reason, code: "outcome-unknown" };
    case "not-attempted":
      return { reason: verdict.reason, code: "not-attempted" };
  }
}

/** `unchanged` more refs are as they should be and are not among `refs`. */
function countsOf(refs: readonly RefResult[], unchanged: number): SyncCounts {
  const count = (test: (ref: RefResult) => boolean): number => refs.filter(test).length;
  return {
    applied: count((ref) => ref.outcome === "applied" && ref.action !== "delete"),
    skipped: unchanged + count((ref) => ref.action === "skip"),
    blocked: count((ref) => ref.action === "block"),
    deleted: count((ref) => ref.outcome === "applied" && ref.action === "delete"),
    warned: count((ref) => ref.action === "warn"),
    refused: count((ref) => ref.outcome === "refused"),
    unknown: count((ref) => ref.outcome === "unknown"),
  };
}

function deleteOf(planned: PlannedRef): Parameters<typeof deleteDigest>[0][number] {
  return { targetRef: planned.targetRef, oldId: planned.action === "create" ? undefined : planned.oldId };
}

/** How many refs of our own stayed at the target, with the first of them and why. */
function leftoversOf({ leftovers }: ReportInput): Pick<ExecutionSummary, "leftovers"> {
  const [first] = leftovers;
  if (first === undefined) return {};
  const [ref, verdict] = first;
  return { leftovers: { count: leftovers.size, targetRef: formatRefName(ref), ...saidOf(verdict) } };
}

function executionOf(input: ReportInput, refs: readonly RefResult[]): ExecutionSummary {
  const { transfer } = input;
  const tooMany = input.planned.filter((planned) => planned.code === "mass-delete");
  return {
    dryRun: input.dryRun,
    protocol: input.protocol,
    operationMode: input.policy.mode,
    relay: transfer.mode === "relay" || transfer.mode === "batched",
    transferMode: transfer.mode,
    reason: transfer.reason,
    bootstrapSuggested: input.targetIsEmpty && input.planned.some((planned) => planned.action === "create"),
    converged: refs.every(
      (ref) => ref.outcome === "unchanged" || (!input.dryRun && ref.outcome === "applied"),
    ),
    ...(input.sourceHead === undefined ? {} : { sourceHead: formatRefName(input.sourceHead) }),
    ...(tooMany.length === 0 ? {} : { blockedPlan: deleteDigest(tooMany.map(deleteOf)) }),
    ...leftoversOf(input),
    batch: { enabled: input.requestsPlanned > 1, planned: input.requestsPlanned, done: input.requestsDone },
  };
}
