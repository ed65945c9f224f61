/**
 * Carries out a divided transfer: does what the machine says, and tells it what came of it.
 *
 * A part of a history is kept at the target by temporary refs; a ref of the user's is touched once, when all that
 * it needs is there. What was brought stays for the next run when this one does not come to its end.
 */

import type { ObjectId, RefName, RefTable, RefUpdateCommand } from "@gitsync/protocol";
import type { SyncError } from "../errors.ts";
import type { PlannedChange } from "../plan/plan.ts";
import type { Run } from "../run.ts";
import { missingTips } from "../transfer/choose.ts";
import type { RefVerdict, Verdicts } from "../transfer/outcome.ts";
import type { Delivered, PackCarrier } from "../transfer/pack-carrier.ts";
import { endOf, markUnreached, type PushOutcome } from "../transfer/push.ts";
import { commandOf } from "../transfer/push-stages.ts";
import {
  advanceBatches,
  beginBatches,
  continueBatches,
  type BatchAction,
  type BatchEvent,
  type BatchPlan,
  type BatchTurn,
} from "./batch-machine.ts";
import type { CommitGraph, NodeIndex } from "./commit-graph.ts";
import type { Part } from "./division.ts";
import { limitText, rememberedBytes, type SizeLimit } from "./size-limit.ts";
import type { TemporaryRefs } from "./temporary-refs.ts";

/** A change that needs objects. */
export type WriteChange = Exclude<PlannedChange, { readonly action: "delete" }>;

export interface BatchesInput {
  readonly changes: readonly WriteChange[];
  /** Go with the last request when all changes move together. */
  readonly closing: readonly RefUpdateCommand[];
  readonly together: boolean;
  readonly graph: CommitGraph;
  /** Every ref that the target listed. */
  readonly listed: RefTable;
  /** Of what is to be delivered, what the target listed or reported applied; grows as more is. */
  readonly present: Set<ObjectId>;
  /** The sample of it that the source is told. */
  readonly haves: readonly ObjectId[];
  readonly limit: SizeLimit;
  /** The undivided pack, when it was tried: its objects, and what the target said to it. */
  readonly undivided: Delivered | undefined;
  readonly names: TemporaryRefs;
  /** Temporary refs that this run made; grows. */
  readonly made: Map<RefName, ObjectId>;
  readonly canDelete: boolean;
}

export interface BatchesOutcome {
  readonly verdicts: Verdicts;
  /** The target's last words, where the batches ended early. */
  readonly error: unknown;
  readonly limit: SizeLimit;
  readonly planned: number;
  readonly done: number;
}

/** Never rejects: what ended the batches early is part of the outcome. */
export function deliverInBatches(
  run: Run,
  carrier: PackCarrier,
  input: BatchesInput,
): Promise<BatchesOutcome> {
  return new Batches(run, carrier, input).deliver();
}

class Batches {
  readonly #run: Run;
  readonly #carrier: PackCarrier;
  readonly #input: BatchesInput;
  readonly #plan: BatchPlan;
  readonly #verdicts: Verdicts = new Map();
  /** Changes in the order of the machine's tips. */
  #left: readonly WriteChange[];
  #turn: BatchTurn;
  #lastError: unknown;
  /** Something did not fit into the spool folder; nobody else refused it. */
  #spoolError: SyncError | undefined;
  /** What the target said of a push that it did not take, the last time. */
  #lastRefusal: Extract<RefVerdict, { readonly outcome: "refused" }> | undefined;

  constructor(run: Run, carrier: PackCarrier, input: BatchesInput) {
    this.#run = run;
    this.#carrier = carrier;
    this.#input = input;
    const { graph, present, listed, changes, limit, undivided } = input;
    this.#left = changes;
    if (undivided?.type === "too-large") this.#hear(undivided.outcome);
    this.#plan = {
      graph,
      strategy: run.batchStrategy,
      maxTips: run.limits.maxRefUpdates,
      ceilingBytes: run.limits.targetMaxPackBytes,
      together: input.together,
    };
    this.#turn = beginBatches(this.#plan, {
      limit,
      tips: changes.map((change) => graph.intern(change.newId)),
      proven: [...[...present].flatMap((id) => graph.find(id) ?? []), ...nodesOf(graph, listed)],
      objects: undivided?.pack?.objects,
      // What was made and cannot be removed again would stay for ever.
      keepsNames: input.canDelete,
    });
  }

  async deliver(): Promise<BatchesOutcome> {
    for (;;) {
      const { state, action } = this.#turn;
      switch (action.type) {
        case "carry":
          this.#turn = advanceBatches(this.#plan, state, await this.#carry(action));
          break;
        case "give-up": {
          const verdict = this.#unfit(action);
          const lost = this.#left.filter((_, index) => action.tips[index] === true);
          this.#left = this.#left.filter((_, index) => action.tips[index] !== true);
          for (const change of lost) this.#verdicts.set(change.targetRef, verdict);
          this.#turn = continueBatches(this.#plan, state);
          break;
        }
        case "finish":
          return this.#outcome(this.#spoolError ?? this.#nothingFits());
        case "stop":
          return this.#outcome(this.#stopped());
        case "send":
        case "decline":
          throw new Error("the machine answered a question that was not asked");
      }
    }
  }

  async #carry(action: Extract<BatchAction, { readonly type: "carry" }>): Promise<BatchEvent> {
    const { part, mostBytes } = action;
    const run = this.#run;
    const { done, planned, limit } = this.#turn.state;
    run.observe({ type: "batch", done, planned, limitBytes: limit.mostBytes });
    let delivered: Delivered;
    try {
      delivered = await this.#carrier.deliver({
        commands: this.#commandsOf(part),
        wants: this.#wantsOf(part),
        haves: [...this.#input.haves, ...this.#made()],
        atomic: this.#input.together && part.type === "tips",
        mostBytes,
        // What fits into memory is known exactly before its push begins; only the rest has to be estimated.
        admits: (objects) => mostBytes <= run.limits.memoryBytes || this.#admits(objects),
      });
    } catch (error) {
      this.#lastError = error;
      return { type: "failed" };
    }
    return this.#eventOf(part, delivered);
  }

  #admits(objects: number): boolean {
    const { action } = advanceBatches(this.#plan, this.#turn.state, { type: "sized", objects });
    return action.type === "send";
  }

  /** Keep what the target said last. */
  #hear(outcome: PushOutcome): void {
    this.#lastError = outcome.error;
    this.#lastRefusal = [...outcome.verdicts.values()].find((verdict) => verdict.outcome === "refused");
  }

  #eventOf(part: Part, delivered: Delivered): BatchEvent {
    const { outcome, pack, evidence } = delivered;
    // What we gave up ourselves says nothing that the target said.
    if (delivered.type === "declined") {
      return { type: "declined", bytes: pack?.bytes ?? 0, objects: pack?.objects };
    }
    this.#hear(outcome);
    const changes = this.#changesOf(part);
    if (delivered.type === "too-large" && evidence !== undefined) {
      return { type: "too-large", evidence, objects: pack?.objects };
    }
    const proven =
      part.type === "history" ? this.#keepNames(part, outcome.verdicts) : this.#keepTips(changes, outcome);
    if (endOf(outcome) !== undefined) return { type: "failed" };
    this.#left = this.#left.slice(changes.length);
    return { type: "answered", bytes: pack?.bytes ?? 0, objects: pack?.objects ?? 0, proven };
  }

  /** Temporary refs that are there now hold their objects. */
  #keepNames(part: Extract<Part, { readonly type: "history" }>, verdicts: Verdicts): readonly NodeIndex[] {
    const { made, present } = this.#input;
    return part.heads.filter((head) => {
      const id = this.#plan.graph.idOf(head);
      const name = this.#nameOf(id);
      if (verdicts.get(name)?.outcome !== "applied") return false;
      made.set(name, id);
      present.add(id);
      return true;
    });
  }

  #keepTips(changes: readonly WriteChange[], outcome: PushOutcome): readonly NodeIndex[] {
    for (const [ref, verdict] of outcome.verdicts) this.#verdicts.set(ref, verdict);
    if (endOf(outcome) !== undefined) markUnreached(this.#verdicts, outcome);
    return changes.flatMap(({ targetRef, newId }) => {
      if (outcome.verdicts.get(targetRef)?.outcome !== "applied") return [];
      this.#input.present.add(newId);
      return this.#plan.graph.intern(newId);
    });
  }

  #changesOf(part: Part): readonly WriteChange[] {
    return part.type === "tips" ? this.#left.slice(0, part.tips) : [];
  }

  #commandsOf(part: Part): readonly RefUpdateCommand[] {
    if (part.type === "tips") {
      const closing = this.#input.together ? this.#input.closing : [];
      return [...this.#changesOf(part).map(commandOf), ...closing];
    }
    return part.heads.map((head) => {
      const newId = this.#plan.graph.idOf(head);
      return { type: "create", ref: this.#nameOf(newId), newId };
    });
  }

  #wantsOf(part: Part): readonly ObjectId[] {
    if (part.type === "history") return part.heads.map((head) => this.#plan.graph.idOf(head));
    return part.commits === 0 ? [] : missingTips(this.#changesOf(part), this.#input.present);
  }

  #nameOf(id: ObjectId): RefName {
    return this.#input.names.nameOf(id, rememberedBytes(this.#turn.state.limit));
  }

  /** What this run brought so far, the newest first: the source needs little else to see what is missing. */
  #made(): readonly ObjectId[] {
    return [...this.#input.made.values()].toReversed();
  }

  #unfit({ why, unfit }: Extract<BatchAction, { readonly type: "give-up" }>): RefVerdict {
    const { limit } = this.#turn.state;
    const { bytes, objects, isAtLeast } = unfit;
    const what = `what ${this.#plan.graph.idOf(unfit.node)} brings ${isAtLeast ? "has more than" : "has"} ${bytes} bytes`;
    const size = objects === undefined ? what : `${what} in ${objects} objects`;
    const { spool } = this.#run;
    if (spool !== undefined && (limit.basis === "spool" || (isAtLeast && bytes <= limit.mostBytes))) {
      this.#spoolError = spool.tooSmall(size);
      return { outcome: "not-attempted", reason: this.#spoolError.message };
    }
    const said = this.#lastRefusal === undefined ? "it takes no deletes" : this.#lastRefusal.reason;
    const reason =
      why === "indivisible"
        ? `${size} and cannot be divided${this.#whyWhole(unfit.node)}, but ${limitText(limit)}`
        : `its history is larger than one push may be, as ${limitText(limit)}, and cannot be brought in parts because the target keeps no refs under refs/gitsync/ (${said})`;
    return { outcome: "refused", code: "pack-too-large", reason };
  }

  /** Why more than a commit has to go at once. */
  #whyWhole(node: NodeIndex): string {
    const { graph } = this.#plan;
    if (graph.isReceived(node)) return "";
    const id = graph.idOf(node);
    const isBranch = this.#left.some(({ kind, newId }) => kind === "branch" && newId === id);
    return isBranch
      ? ", because the source did not give the commits behind it (with protocol v2 it may)"
      : "";
  }

  /** Pushes break off whatever their size: what the target said of the last one is what there is to say. */
  #stopped(): unknown {
    if (this.#lastError !== undefined || this.#lastRefusal === undefined) return this.#lastError;
    for (const { targetRef } of this.#left) this.#verdicts.set(targetRef, this.#lastRefusal);
    return undefined;
  }

  /** The error of a transfer that brought nothing, if there was one: a ref that is too large never sinks the others. */
  #nothingFits(): unknown {
    const isAlone = [...this.#verdicts.values()].every(
      (verdict) => verdict.outcome === "refused" && verdict.code === "pack-too-large",
    );
    const error = this.#lastError;
    if (!isAlone || this.#verdicts.size === 0 || error === undefined) return undefined;
    if (this.#turn.state.limit.basis === "inferred") {
      // Nothing smaller went through either, so nothing speaks for a limit.
      const reason = error instanceof Error ? error.message : "the connection broke";
      for (const ref of this.#verdicts.keys()) this.#verdicts.set(ref, { outcome: "not-attempted", reason });
    }
    return error;
  }

  #outcome(error: unknown): BatchesOutcome {
    const { limit, planned, done } = this.#turn.state;
    return { verdicts: this.#verdicts, error, limit, planned, done };
  }
}

/** The objects that a listing names and the history knows. */
function nodesOf(graph: CommitGraph, listed: RefTable): readonly NodeIndex[] {
  const nodes = new Set<NodeIndex>();
  for (let row = 0; row < listed.size; row += 1) {
    const node = graph.findBytes(listed.idBytes(row));
    if (node !== undefined) nodes.add(node);
  }
  return [...nodes];
}
