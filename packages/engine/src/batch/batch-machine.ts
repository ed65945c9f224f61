/**
 * The course of a divided transfer: what to send next, given what became of what was sent. Pure: a state and an
 * event give a state and what to do.
 *
 * It ends: every answer either settles a ref, or proves a commit, or lowers the number of commits that are tried
 * at one place. It claims nothing: `proven` grows only by what the target reported applied, and everything else
 * is worked out from that. It moves a ref of the user only to its final value.
 */

import type { CommitGraph, NodeIndex } from "./commit-graph.ts";
import { countMissing, nextPart, tipsThatNeed, type DivisionStrategy, type Part } from "./division.ts";
import {
  FIRST_BYTES_PER_OBJECT,
  isSmallest,
  isTooManyObjects,
  limitAfterRefusal,
  limitAfterTaken,
  type SizeEvidence,
  type SizeLimit,
} from "./size-limit.ts";

/** What does not change while a transfer is divided. */
export interface BatchPlan {
  readonly graph: CommitGraph;
  readonly strategy: DivisionStrategy;
  readonly maxTips: number;
  /** No larger pack is sent, whatever is believed of the target. */
  readonly ceilingBytes: number;
  /** All refs move in one request, so the history behind them is brought first. */
  readonly together: boolean;
}

export interface BatchState {
  readonly limit: SizeLimit;
  /** The refs that are left, in order, each as the object that it shall name. */
  readonly tips: readonly NodeIndex[];
  /** Objects that the target proved to have. */
  readonly proven: readonly NodeIndex[];
  readonly bytesPerCommit: number;
  readonly bytesPerObject: number;
  /** What was taken so far, older parts counting for less. */
  readonly seen: { readonly bytes: number; readonly commits: number; readonly objects: number };
  /** So many commits were too many at the present place. */
  readonly tooMany: number | undefined;
  /** What is known of the commits that come next, from a part that was too large; none when that is behind. */
  readonly ahead: { readonly bytes: number; readonly commits: number } | undefined;
  /** The part that is under way. */
  readonly part: Part | undefined;
  /** The target takes temporary refs; without them a tip can be brought in one part or not at all. */
  readonly keepsNames: boolean;
  /** Pushes that were taken, and how many there will have been, by what is known now. */
  readonly done: number;
  readonly planned: number;
  /** Pushes that broke off or took too long since one was taken: what speaks of a limit without saying so. */
  readonly suspicions: number;
}

export type BatchEvent =
  /** The source says how many objects the part's pack has. */
  | { readonly type: "sized"; readonly objects: number }
  /** The pack was given up because it was, or would have been, too large. */
  | { readonly type: "declined"; readonly bytes: number; readonly objects: number | undefined }
  /** The target did not take it, for its size as far as one can tell. */
  | { readonly type: "too-large"; readonly evidence: SizeEvidence; readonly objects: number | undefined }
  /** The target answered for every command; `proven` are the objects that it shows under a name now. */
  | {
      readonly type: "answered";
      readonly bytes: number;
      readonly objects: number;
      readonly proven: readonly NodeIndex[];
    }
  /** Nothing can be said, or something else is wrong. */
  | { readonly type: "failed" };

export type BatchAction =
  /** Fetch the part and push it, unless it turns out to have more than `mostBytes`. */
  | { readonly type: "carry"; readonly part: Part; readonly mostBytes: number }
  /** Answers to `sized`. */
  | { readonly type: "send" }
  | { readonly type: "decline" }
  /** These of the tips cannot be reached; go on without them. `unfit`: what was too large. */
  | {
      readonly type: "give-up";
      readonly tips: readonly boolean[];
      readonly why: "indivisible" | "no-names";
      readonly unfit: UnfitPart;
    }
  /** Nothing is left to do. */
  | { readonly type: "finish" }
  /** `not-size`: smaller pushes break off as well, so it was no limit. */
  | { readonly type: "stop"; readonly why: "failed" | "not-size" };

/** A part that was too large, and with what. */
export interface UnfitPart {
  /** Its head, or one of them. */
  readonly node: NodeIndex;
  readonly bytes: number;
  readonly objects: number | undefined;
  /** We gave it up ourselves, so it has more bytes than were seen. */
  readonly isAtLeast: boolean;
}

export interface BatchTurn {
  readonly state: BatchState;
  readonly action: BatchAction;
}

/** What is assumed before anything was seen: of stock repositories, rather too much than too little. */
export const FIRST_BYTES_PER_COMMIT = 8 * 1024;
/** How much denser the unseen rest of a pack is assumed to be that was given up. */
const CAUTION = 1.5;
/** How fast parts may grow after one that was taken. */
const MAX_GROWTH = 4;
/** What a part that was taken still counts for after the next one. */
const MEMORY = 0.5;
/** Pushes of ever smaller packs that may break off before their size is no longer suspected. */
const MAX_SUSPICIONS = 4;

/** Where a divided transfer begins. `objects`: of the undivided pack, if its header was seen. */
export function beginBatches(
  plan: BatchPlan,
  input: {
    readonly limit: SizeLimit;
    readonly tips: readonly NodeIndex[];
    readonly proven: readonly NodeIndex[];
    readonly objects: number | undefined;
    readonly keepsNames: boolean;
  },
): BatchTurn {
  const { limit, tips, proven, objects, keepsNames } = input;
  const missing = countMissing({ graph: plan.graph, tips, proven });
  const bytesPerCommit =
    objects === undefined || missing === 0
      ? FIRST_BYTES_PER_COMMIT
      : Math.max(1, (objects * FIRST_BYTES_PER_OBJECT) / missing);
  const state: BatchState = {
    limit,
    tips,
    proven,
    bytesPerCommit,
    bytesPerObject: FIRST_BYTES_PER_OBJECT,
    seen: { bytes: 0, commits: 0, objects: 0 },
    tooMany: undefined,
    ahead: undefined,
    part: undefined,
    keepsNames,
    done: 0,
    planned: 0,
    suspicions: 0,
  };
  return proceed(plan, state);
}

export function advanceBatches(plan: BatchPlan, state: BatchState, event: BatchEvent): BatchTurn {
  const { part } = state;
  if (part === undefined) return { state, action: { type: "stop", why: "failed" } };
  switch (event.type) {
    case "sized": {
      const isWorthIt =
        !isDivisible(plan, state, part) ||
        !isTooManyObjects(state.limit, event.objects, state.bytesPerObject);
      return { state, action: { type: isWorthIt ? "send" : "decline" } };
    }
    case "declined": {
      const seen = event.bytes / Math.max(1, event.objects ?? 1);
      const outgrew = event.bytes > state.limit.mostBytes;
      const denser =
        outgrew && event.objects !== undefined ? Math.max(seen, state.bytesPerObject) * CAUTION : 0;
      const bytesPerObject = Math.max(state.bytesPerObject, denser);
      return divide(plan, { ...state, bytesPerObject }, part, { ...event, isAtLeast: true });
    }
    case "too-large": {
      const limit = limitAfterRefusal(state.limit, event.evidence);
      const suspicions = event.evidence.kind === "refused" ? 0 : state.suspicions + 1;
      const next = { ...state, limit, suspicions };
      // What the target said is a fact; what is only inferred has to explain that smaller pushes go through.
      if (suspicions >= MAX_SUSPICIONS || (suspicions > 0 && isSmallest(limit))) {
        return { state: next, action: { type: "stop", why: "not-size" } };
      }
      const { bytes, isStreamed } = event.evidence;
      return divide(plan, next, part, { bytes, objects: event.objects, isAtLeast: isStreamed });
    }
    case "answered": {
      const after = afterAnswer(state, part, event);
      if (part.type === "history" && part.heads.some((head) => !event.proven.includes(head))) {
        return proceed(plan, { ...after, keepsNames: false });
      }
      return proceed(plan, after);
    }
    case "failed":
      return { state, action: { type: "stop", why: "failed" } };
  }
}

/** The next part, or the end. */
function proceed(plan: BatchPlan, state: BatchState, maxTips = plan.maxTips): BatchTurn {
  if (state.tips.length === 0) return { state: { ...state, part: undefined }, action: { type: "finish" } };
  const { graph, strategy, together } = plan;
  const { tips, proven } = state;
  const missing = countMissing({ graph, tips, proven });
  let part = nextPart({ graph, tips, proven, span: spanOf(state), maxTips, strategy, together });
  if (part.type === "history" && !state.keepsNames) {
    const alone = together ? tips : tips.slice(0, 1);
    part = { type: "tips", tips: alone.length, commits: countMissing({ graph, tips: alone, proven }) };
  }
  const isLast = part.type === "tips" && part.tips === tips.length;
  const left = Math.max(2, Math.ceil((missing * state.bytesPerCommit) / state.limit.aimBytes));
  const planned = state.done + (isLast ? 1 : left);
  // What cannot be divided is tried whatever was inferred, or told by an earlier run, which may have meant less than
  // the target takes; what the target or the operator says now holds.
  const { basis } = state.limit;
  const isTried = !isDivisible(plan, state, part) && (basis === "inferred" || basis === "learned");
  const mostBytes = isTried ? plan.ceilingBytes : state.limit.mostBytes;
  return { state: { ...state, part, planned }, action: { type: "carry", part, mostBytes } };
}

/** Whether less could be tried than this part. */
function isDivisible(plan: BatchPlan, state: BatchState, part: Part): boolean {
  if (part.commits <= 1) return false;
  return state.keepsNames || (part.type === "tips" && part.tips > 1 && !plan.together);
}

/** How many commits the next part may bring. */
function spanOf(state: BatchState): number {
  const aimed = Math.floor(state.limit.aimBytes / state.bytesPerCommit);
  // At a place where a part was too large the next try is less than half of it, whatever the estimates say.
  const fewer = state.tooMany === undefined ? aimed : Math.min(aimed, Math.floor(state.tooMany / 2));
  return Math.max(1, fewer);
}

/** Try less at the same place, or find that there is nothing less. */
function divide(plan: BatchPlan, state: BatchState, part: Part, seen: Omit<UnfitPart, "node">): BatchTurn {
  const [first] = state.tips;
  if (isDivisible(plan, state, part)) {
    const estimated = Math.max(seen.bytes, (seen.objects ?? 0) * state.bytesPerObject);
    const bytesPerCommit = Math.max(1, estimated / part.commits);
    const ahead = { bytes: estimated, commits: part.commits };
    return proceed(plan, { ...state, tooMany: part.commits, ahead, bytesPerCommit });
  }
  if (part.type === "tips" && part.tips > 1 && !plan.together) {
    // One object, or none, under many names: only the first name can need it.
    return proceed(plan, { ...state, tooMany: part.commits }, 1);
  }
  const node = part.type === "history" ? part.heads[0] : first;
  if (node === undefined) return { state, action: { type: "stop", why: "failed" } };
  const { bytes, objects, isAtLeast } = seen;
  const unfit = { node, bytes, objects, isAtLeast };
  if (part.commits > 1) {
    return giveUp(
      state,
      state.tips.map((_, index) => plan.together || index === 0),
      "no-names",
      unfit,
    );
  }
  const needing = plan.together
    ? state.tips.map(() => true)
    : tipsThatNeed(node, { graph: plan.graph, tips: state.tips, proven: state.proven });
  return giveUp(state, needing, "indivisible", unfit);
}

function giveUp(
  state: BatchState,
  given: readonly boolean[],
  why: "indivisible" | "no-names",
  unfit: UnfitPart,
): BatchTurn {
  const tips = state.tips.filter((_, index) => given[index] !== true);
  return {
    state: { ...state, tips, tooMany: undefined, part: undefined },
    action: { type: "give-up", tips: given, why, unfit },
  };
}

/** Go on after tips were given up. */
export function continueBatches(plan: BatchPlan, state: BatchState): BatchTurn {
  return proceed(plan, state);
}

function afterAnswer(
  state: BatchState,
  part: Part,
  event: Extract<BatchEvent, { readonly type: "answered" }>,
): BatchState {
  const { bytes, objects, proven } = event;
  // What was seen last says most about what comes next, and a large part says more than a small one.
  const seen = {
    bytes: state.seen.bytes * MEMORY + bytes,
    commits: state.seen.commits * MEMORY + part.commits,
    objects: state.seen.objects * MEMORY + objects,
  };
  // Histories grow denser for a while: of the last part, unless it was a small one, and all before, the denser counts.
  const last = part.commits * MAX_GROWTH < state.seen.commits ? 0 : bytes / Math.max(1, part.commits);
  const ahead =
    state.ahead === undefined || state.ahead.commits <= part.commits
      ? undefined
      : { bytes: state.ahead.bytes - bytes, commits: state.ahead.commits - part.commits };
  return {
    ...state,
    limit: limitAfterTaken(state.limit, bytes),
    ahead,
    tips: part.type === "tips" ? state.tips.slice(part.tips) : state.tips,
    proven: [...state.proven, ...proven],
    seen,
    // A part that was light by chance must not lead to a leap.
    bytesPerCommit: Math.max(
      1,
      seen.commits === 0 ? state.bytesPerCommit : seen.bytes / seen.commits,
      last,
      state.bytesPerCommit / MAX_GROWTH,
      // What is left of a part that was too large comes next, and may be denser than what was taken of it.
      ahead === undefined ? 0 : ahead.bytes / ahead.commits,
    ),
    bytesPerObject: seen.objects === 0 ? state.bytesPerObject : Math.max(1, seen.bytes / seen.objects),
    tooMany: undefined,
    part: undefined,
    done: state.done + 1,
    suspicions: 0,
  };
}
