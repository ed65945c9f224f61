/**
 * Divides a history: which refs, or which part of a history, the next push should bring. Pure.
 *
 * Commits are put in an order in which parents come before children and the line of first parents is finished
 * piece by piece. The first so many of them are a part that stands for itself: its heads, the commits that no
 * other commit of it continues, bring it whole. A part that ends where wanted tips are reached needs no further
 * names on the target; any other needs one temporary ref for each head, of which there are few, because a side
 * branch is begun only when the line that merges it has come to it.
 */

import type { CommitGraph, NodeIndex } from "./commit-graph.ts";

/** `first-parent`: end parts on the tips' lines of first parents where that is possible. `topo`: anywhere. */
export type DivisionStrategy = "first-parent" | "topo";

export interface DivisionInput {
  readonly graph: CommitGraph;
  /** What is wanted, in the order in which it should be reached. May repeat. */
  readonly tips: readonly NodeIndex[];
  /** What the target proved to have; everything behind it is there, too. */
  readonly proven: Iterable<NodeIndex>;
  /** Commits that the part may bring, at least 1. */
  readonly span: number;
  readonly maxTips: number;
  readonly strategy: DivisionStrategy;
  /** Reach all tips in one last part, or none. */
  readonly together: boolean;
}

export type Part =
  /** The first `tips` of the tips are reached. */
  | { readonly type: "tips"; readonly tips: number; readonly commits: number }
  /** No tip is reached yet; these heads bring what the part holds. */
  | { readonly type: "history"; readonly heads: readonly NodeIndex[]; readonly commits: number };

/** The next part; at least one tip must be left. */
export function nextPart(input: DivisionInput): Part {
  const { tips, span, maxTips, together } = input;
  const walk = new HistoryWalk(input.graph, input.proven);
  let reached = 0;
  let commitsAtReached = 0;
  for (const tip of tips) {
    if ((reached === maxTips && !together) || !walk.advance(tip, span)) break;
    reached += 1;
    commitsAtReached = walk.emitted.length;
  }
  if (reached === tips.length || (reached > 0 && !together)) {
    return { type: "tips", tips: reached, commits: commitsAtReached };
  }
  return historyPart(walk, input);
}

/** How many objects of the history are missing behind the tips. */
export function countMissing(input: Pick<DivisionInput, "graph" | "tips" | "proven">): number {
  const walk = new HistoryWalk(input.graph, input.proven);
  for (const tip of input.tips) walk.advance(tip, Number.POSITIVE_INFINITY);
  return walk.emitted.length;
}

/** Which of the tips need an object that cannot be brought. */
export function tipsThatNeed(
  node: NodeIndex,
  input: Pick<DivisionInput, "graph" | "tips" | "proven">,
): readonly boolean[] {
  const { graph, tips, proven } = input;
  const walk = new HistoryWalk(graph, proven);
  for (const tip of tips) walk.advance(tip, Number.POSITIVE_INFINITY);
  const needing = new Set<NodeIndex>([node]);
  // Parents come before children, so one pass is enough.
  for (const each of walk.emitted) {
    for (let index = 0; index < graph.parentCount(each); index += 1) {
      if (needing.has(graph.parentOf(each, index))) needing.add(each);
    }
  }
  return tips.map((tip) => needing.has(tip));
}

/** Cut what was walked late, but where few heads are left. */
function historyPart(walk: HistoryWalk, input: DivisionInput): Part {
  const { emitted } = walk;
  let length = emitted.length;
  if (input.strategy === "first-parent") {
    const line = walk.firstParentsOf(input.tips);
    const last = emitted.findLastIndex((node) => line.has(node));
    if (last >= 0) length = last + 1;
  }
  const cut = walk.cut(length, MAX_HEADS);
  return { type: "history", heads: cut.heads, commits: cut.length };
}

/** Temporary refs that one part may need. Real histories need less than ten. */
const MAX_HEADS = 500;

const UNSEEN = 0;
const SEEN = 1;
const PROVEN = 2;

/** Goes through what is missing, parents first, and stops when it has seen enough. */
class HistoryWalk {
  readonly #graph: CommitGraph;
  readonly #state: Uint8Array;
  /** Missing objects in the order in which they should be brought. */
  readonly emitted: NodeIndex[] = [];
  /** Where the walk stands: nodes whose parents are being looked at, and which parent is next. */
  readonly #nodes: NodeIndex[] = [];
  readonly #nextParents: number[] = [];

  constructor(graph: CommitGraph, proven: Iterable<NodeIndex>) {
    this.#graph = graph;
    this.#state = new Uint8Array(graph.size);
    const open: NodeIndex[] = [];
    for (const node of proven) this.#markProven(node, open);
  }

  /** Walk up to `tip`, but not beyond `span` objects in all; whether the tip was reached. */
  advance(tip: NodeIndex, span: number): boolean {
    const graph = this.#graph;
    if (this.#state[tip] === UNSEEN) this.#enter(tip);
    for (;;) {
      const node = this.#nodes.at(-1);
      if (node === undefined) return true;
      const next = this.#nextParents.pop() ?? 0;
      if (next < graph.parentCount(node)) {
        this.#nextParents.push(next + 1);
        const parent = graph.parentOf(node, next);
        // A parent that did not come lies behind what the target listed.
        if (this.#state[parent] === UNSEEN && graph.isReceived(parent)) this.#enter(parent);
        continue;
      }
      if (this.emitted.length === span) {
        this.#nextParents.push(next);
        return false;
      }
      this.#nodes.pop();
      this.emitted.push(node);
    }
  }

  /**
   * The longest part of at most `length` objects with at most `maxHeads` heads: objects that no other one of the
   * part is made on.
   */
  cut(length: number, maxHeads: number): { readonly length: number; readonly heads: readonly NodeIndex[] } {
    const heads = new Set<NodeIndex>();
    const change = (node: NodeIndex): void => {
      for (let index = 0; index < this.#graph.parentCount(node); index += 1) {
        heads.delete(this.#graph.parentOf(node, index));
      }
      heads.add(node);
    };
    let longest = 0;
    for (let at = 0; at < length; at += 1) {
      change(this.emitted[at] ?? 0);
      if (heads.size <= maxHeads) longest = at + 1;
    }
    if (longest < length) {
      heads.clear();
      for (const node of this.emitted.slice(0, longest)) change(node);
    }
    return { length: longest, heads: [...heads] };
  }

  /** The lines of first parents of the tips, as far as the walk has been. */
  firstParentsOf(tips: readonly NodeIndex[]): ReadonlySet<NodeIndex> {
    const graph = this.#graph;
    const line = new Set<NodeIndex>();
    for (const tip of tips) {
      let node = tip;
      while (!line.has(node) && graph.isReceived(node) && this.#state[node] !== PROVEN) {
        line.add(node);
        if (graph.parentCount(node) === 0) break;
        node = graph.parentOf(node, 0);
      }
    }
    return line;
  }

  #enter(node: NodeIndex): void {
    this.#state[node] = SEEN;
    this.#nodes.push(node);
    this.#nextParents.push(0);
  }

  #markProven(tip: NodeIndex, open: NodeIndex[]): void {
    open.push(tip);
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      if (this.#state[node] === PROVEN) continue;
      this.#state[node] = PROVEN;
      for (let index = 0; index < this.#graph.parentCount(node); index += 1) {
        open.push(this.#graph.parentOf(node, index));
      }
    }
  }
}
