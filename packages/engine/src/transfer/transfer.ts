/**
 * Carries the planned changes to the target, request by request, and says what became of each ref.
 *
 * Whatever the plan holds, the same is done: ask the source for what the target lacks and send it on with the
 * first request that needs it. Where that is more than the target takes at once, it goes in batches.
 */

import { type ObjectFormat, type ObjectId, type RefName } from "@gitsync/protocol";
import type { DownloadedPack } from "../ancestry.ts";
import type { CommitGraph } from "../batch/commit-graph.ts";
import { deliverInBatches, type BatchesOutcome, type WriteChange } from "../batch/deliver-in-batches.ts";
import { readHistory } from "../batch/read-history.ts";
import {
  isTooManyObjects,
  limitAfterRefusal,
  rememberedBytes,
  toldLimit,
  type SizeLimit,
} from "../batch/size-limit.ts";
import { namesBehind, type TemporaryRefs } from "../batch/temporary-refs.ts";
import type { PlannedChange } from "../plan/plan.ts";
import type { SourceListing, TargetListing } from "../remote/remote.ts";
import type { Run } from "../run.ts";
import { chooseHaves, HAVE_SAMPLE, missingTips, presentTips, type DivisionReason } from "./choose.ts";
import type { OpenVerdict, Verdicts } from "./outcome.ts";
import { PackCarrier, type Delivered } from "./pack-carrier.ts";
import { endOf, markUnreached, type PushOutcome } from "./push.ts";
import { deleteRefs, noteLeftovers } from "./clean-up.ts";
import { archiveError, areTooLarge, markNotAttempted, type GroupOutcome } from "./group-outcome.ts";
import { commandOf, type PushGroup } from "./push-stages.ts";

export interface TransferInput {
  readonly groups: readonly PushGroup[];
  readonly sourceListing: SourceListing;
  readonly targetListing: TargetListing;
  readonly objectFormat: ObjectFormat;
  /** The archive ref that keeps each change's old tip; the change waits for its `ok`. */
  readonly archives: ReadonlyMap<PlannedChange, RefName>;
  /** A pack that the plan had to download already; the push that needs just that is spared a second download. */
  readonly downloaded: DownloadedPack | undefined;
  /** The size of pack that the target is known to take. */
  readonly limit: SizeLimit | undefined;
  readonly names: TemporaryRefs;
}

export interface TransferOutcome {
  readonly verdicts: Verdicts;
  readonly requestsDone: number;
  /** Requests that batches added to those of the groups. */
  readonly requestsAdded: number;
  /** Why the transfer went on in batches, when it did. */
  readonly divided: DivisionReason | undefined;
  /** Refs of our own that were to be deleted and are, or may be, still there. */
  readonly leftovers: ReadonlyMap<RefName, OpenVerdict>;
  /** Ended the transfer before its last request. */
  readonly error: unknown;
}

/** Never rejects: what ended the transfer early is part of its outcome. */
export async function transfer(run: Run, input: TransferInput): Promise<TransferOutcome> {
  const work = new Work(run, input);
  const verdicts: Verdicts = new Map();
  const leftovers = new Map<RefName, OpenVerdict>();
  let tooLarge: unknown;
  const ended = (error: unknown): TransferOutcome => ({ verdicts, ...work.counts, leftovers, error });
  for (const [index, group] of input.groups.entries()) {
    let outcome: GroupOutcome;
    try {
      outcome = await work.deliver(group, input.groups.slice(index));
    } catch (error) {
      // Nothing of this group was sent.
      markNotAttempted(verdicts, input.groups.slice(index), error);
      return ended(error);
    }
    // Whether old archives went away says nothing about the refs that were asked for.
    if (group.purpose === "expire") {
      noteLeftovers(leftovers, outcome.verdicts);
      continue;
    }
    tooLarge ??= outcome.tooLarge;
    const error = group.purpose === "archive" ? archiveError(outcome) : outcome.error;
    if (group.purpose !== "archive")
      for (const [ref, verdict] of outcome.verdicts) verdicts.set(ref, verdict);
    if (error === undefined) continue;
    markNotAttempted(verdicts, input.groups.slice(index), error);
    return ended(error);
  }
  noteLeftovers(leftovers, await work.removeTemporaryRefs(verdicts));
  const isNothingApplied = [...verdicts.values()].every(({ outcome }) => outcome !== "applied");
  return ended(isNothingApplied ? tooLarge : undefined);
}

/** The groups of one transfer: what the target has by now, and whether it is given more in batches. */
class Work {
  readonly #run: Run;
  readonly #input: TransferInput;
  readonly #carrier: PackCarrier;
  /** Of what is to be delivered, what the target proved to have: listed, or reported applied. */
  readonly #present: Set<ObjectId>;
  readonly #made = new Map<RefName, ObjectId>();
  #limit: SizeLimit | undefined;
  /** The history behind everything that is to be delivered, once it is divided. */
  #graph: CommitGraph | undefined;
  #divided: DivisionReason | undefined;
  #requestsDone = 0;
  #requestsAdded = 0;

  constructor(run: Run, input: TransferInput) {
    this.#run = run;
    this.#input = input;
    this.#carrier = new PackCarrier(run, input);
    const { refs, extraTips } = input.targetListing;
    this.#present = presentTips(
      input.groups.flatMap((group) => group.changes),
      refs,
      extraTips,
    );
    this.#limit = input.limit;
  }

  get counts(): Pick<TransferOutcome, "requestsDone" | "requestsAdded" | "divided"> {
    return {
      requestsDone: this.#requestsDone,
      requestsAdded: this.#requestsAdded,
      divided: this.#divided,
    };
  }

  /** @throws {SyncError} when the source fails before anything of the group was pushed. */
  async deliver(group: PushGroup, remaining: readonly PushGroup[]): Promise<GroupOutcome> {
    const needed = missingTips(group.changes, this.#present);
    if (needed.length > 0 && this.#graph !== undefined) return this.#divide(group, remaining, undefined);
    const wants = needed.length === 0 ? [] : this.#wantsOf(remaining);
    const limit = this.#limit;
    const { memoryBytes } = this.#run.limits;
    const delivered = await this.#carrier.deliver({
      commands: group.commands,
      wants,
      haves: this.#havesOf(remaining),
      atomic: this.#run.request.policy.atomic,
      mostBytes: limit?.mostBytes ?? Number.POSITIVE_INFINITY,
      phase: group.purpose === "expire" ? "clean-up" : "push",
      // What fits into memory is known exactly before its push begins; only the rest has to be estimated.
      admits: (objects) =>
        limit === undefined || limit.mostBytes <= memoryBytes || !isTooManyObjects(limit, objects),
    });
    if (delivered.type !== "settled") return this.#divide(group, remaining, delivered);
    const { outcome } = delivered;
    this.#requestsDone += 1;
    if (outcome.packKept) for (const id of wants) this.#present.add(id);
    return settled(outcome);
  }

  /** Take away what held parts of a history; a ref that was not brought to its end keeps what it has. */
  removeTemporaryRefs(verdicts: Verdicts): Promise<Verdicts> {
    const { groups, names, targetListing } = this.#input;
    const refs = new Map([...names.found, ...this.#made]);
    const writes = groups.flatMap((group) => group.changes.filter(isWrite));
    const { open = [], there = [] } = Object.groupBy(writes, ({ targetRef }) =>
      verdicts.get(targetRef)?.outcome === "applied" ? "there" : "open",
    );
    const idsOf = (changes: readonly WriteChange[]): ObjectId[] => changes.map(({ newId }) => newId);
    for (const name of namesBehind({ open: idsOf(open), there: idsOf(there) }, refs, this.#graph))
      refs.delete(name);
    return deleteRefs(this.#carrier, refs, {
      canDelete: targetListing.capabilities.has("delete-refs"),
      maxRefUpdates: this.#run.limits.maxRefUpdates,
    });
  }

  async #divide(
    group: PushGroup,
    remaining: readonly PushGroup[],
    delivered: Delivered | undefined,
  ): Promise<GroupOutcome> {
    const run = this.#run;
    this.#divided ??=
      delivered?.type === "declined" && this.#limit?.basis === "known-host" ? "limit-published" : "limit-met";
    const limit = this.#limitAfter(delivered);
    const { objectFormat, sourceListing, targetListing, names } = this.#input;
    const haves = this.#havesOf(remaining);
    if (this.#graph === undefined) {
      if (delivered?.type === "too-large") {
        run.observe({
          type: "retry",
          phase: "push",
          reason: `the target takes at most about ${limit.mostBytes} bytes at once; going on in batches`,
          attempt: 1,
        });
      }
      this.#graph = await readHistory(run, {
        listing: sourceListing,
        objectFormat,
        wants: this.#wantsOf(remaining),
        branches: branchTips(remaining),
        haves,
        shallow: targetListing.shallow,
      });
    }
    const writes = group.changes.filter(isWrite);
    const others = group.changes.filter((change) => !isWrite(change)).map(commandOf);
    const together = run.request.policy.atomic;
    const outcome = await deliverInBatches(run, this.#carrier, {
      changes: writes,
      closing: others,
      together,
      graph: this.#graph,
      present: this.#present,
      listed: targetListing.refs,
      haves,
      limit,
      undivided: delivered,
      names,
      made: this.#made,
      canDelete: targetListing.capabilities.has("delete-refs"),
    });
    this.#noteBatches(outcome);
    // A ref that is too large never sinks the others.
    const tooLarge = areTooLarge(outcome.verdicts, writes.length) ? outcome.error : undefined;
    const error = tooLarge === undefined ? outcome.error : undefined;
    const { verdicts } = outcome;
    if (error !== undefined || together || others.length === 0) return { verdicts, error, tooLarge };
    const rest = await this.#carrier.deliver({
      commands: others,
      wants: [],
      haves: [],
      atomic: false,
      mostBytes: Number.POSITIVE_INFINITY,
    });
    this.#requestsDone += 1;
    this.#requestsAdded += 1;
    const last = settled(rest.outcome);
    return { verdicts: new Map([...verdicts, ...last.verdicts]), error: last.error, tooLarge };
  }

  #noteBatches(outcome: BatchesOutcome): void {
    const { limit, done, planned, error } = outcome;
    const { targets, targetLabel } = this.#run;
    this.#limit = limit;
    this.#requestsDone += done;
    this.#requestsAdded += Math.max(planned, done) - 1;
    // What an earlier run met is no news, unless the target takes less now.
    const isNews = limit.mostBytes < (this.#input.limit?.mostBytes ?? Number.POSITIVE_INFINITY);
    // Nobody said that there is an inferred one: that everything went through in parts speaks for it.
    const isSure = limit.basis !== "inferred" || (done > 1 && error === undefined);
    if (isNews && done > 0 && isSure && limit.basis !== "spool") {
      targets.learn(targetLabel, { limitBytes: rememberedBytes(limit) });
    }
  }

  /** What is believed of the target's limit after a pack that was too large. */
  #limitAfter(delivered: Delivered | undefined): SizeLimit {
    const room = this.#run.spool?.freeBytes ?? Number.POSITIVE_INFINITY;
    const known = this.#limit;
    if (delivered?.evidence !== undefined) {
      this.#limit = limitAfterRefusal(known, delivered.evidence);
    } else if (delivered !== undefined && known === undefined) {
      // Nothing but the spool can have been too small.
      this.#limit = toldLimit(room, "spool");
    }
    return this.#limit ?? toldLimit(room, "spool");
  }

  #wantsOf(groups: readonly PushGroup[]): readonly ObjectId[] {
    return missingTips(
      groups.flatMap((group) => group.changes),
      this.#present,
    );
  }

  #havesOf(groups: readonly PushGroup[]): readonly ObjectId[] {
    const { sourceListing, targetListing } = this.#input;
    return chooseHaves(
      groups.flatMap((group) => group.changes),
      sourceListing.refs,
      targetListing.refs,
      { maxHaves: this.#run.limits.maxHaves, sample: HAVE_SAMPLE },
    );
  }
}

function settled(outcome: PushOutcome): GroupOutcome {
  const error = endOf(outcome);
  if (error === undefined) return { verdicts: outcome.verdicts, error };
  const verdicts: Verdicts = new Map(outcome.verdicts);
  markUnreached(verdicts, outcome);
  return { verdicts, error };
}

function isWrite(change: PlannedChange): change is WriteChange {
  return change.action !== "delete";
}

function branchTips(groups: readonly PushGroup[]): ReadonlySet<ObjectId> {
  const writes = groups.flatMap((group) => group.changes).filter(isWrite);
  return new Set(writes.filter((change) => change.kind === "branch").map((change) => change.newId));
}
