/**
 * Asks a source whether moves are fast-forwards, without downloading content: commits only (`filter tree:0`).
 *
 * One combined question first. It proves whatever it proves; a have that the source knows may have cut away the
 * deciding commits of another pair, so pairs that stay open are asked alone (exactly one have: the answer then
 * decides both ways), or, when there are many, answered from one whole commit graph. All questions of a plan
 * share one byte limit. A source without filters sends content along, so there only single haves narrow an answer.
 */

import { parseCommit, readPackObjects, type ObjectFormat, type ObjectId } from "@gitsync/protocol";
import { isSyncError } from "./errors.ts";
import {
  ancestryKey,
  provesFastForward,
  type AncestryFact,
  type AncestryFacts,
  type AncestryPair,
  type CommitGraph,
} from "./plan/ancestry-facts.ts";
import type { SourceListing } from "./remote/remote.ts";
import type { Run } from "./run.ts";

/** More open pairs than this are answered by one graph. */
const MAX_SINGLE_QUESTIONS = 4;
const MAX_CACHED_FACTS = 10_000;

/** Proven fast-forwards. They never change: ancestry is a property of two object ids. */
export class AncestryCache {
  readonly #facts = new Map<string, AncestryFact>();

  get(pair: AncestryPair): AncestryFact | undefined {
    return this.#facts.get(ancestryKey(pair));
  }

  set(pair: AncestryPair, fact: AncestryFact): void {
    // A proof holds for ever and cannot be forged; that there is none may be the answer of a source that lies.
    if (fact !== "fast-forward") return;
    if (this.#facts.size >= MAX_CACHED_FACTS) this.#facts.clear();
    this.#facts.set(ancestryKey(pair), fact);
  }
}

export async function askAncestry(
  run: Run,
  pairs: readonly AncestryPair[],
  listing: SourceListing,
): Promise<AncestryFacts> {
  const facts = new Map<string, AncestryFact>();
  const learn = (pair: AncestryPair, fact: AncestryFact): void => {
    facts.set(ancestryKey(pair), fact);
    run.ancestryCache.set(pair, fact);
  };
  for (const pair of pairs) {
    const known = run.ancestryCache.get(pair);
    if (known !== undefined) facts.set(ancestryKey(pair), known);
  }
  const open = (): AncestryPair[] => pairs.filter((pair) => !facts.has(ancestryKey(pair)));
  const budget = { bytes: run.limits.maxAncestryBytes };
  const ask = (
    asked: readonly AncestryPair[],
    haves: readonly ObjectId[],
  ): Promise<CommitGraph | undefined> =>
    commitGraph(
      run,
      listing,
      asked.map((pair) => pair.newId),
      haves,
      budget,
    );
  if (open().length === 0) return facts;
  // Without filters an answer brings content, so it is asked for only when the refs are about to move.
  if (!listing.canFilter && run.dryRun) return facts;
  if (open().length > 1) {
    const combined = await ask(
      open(),
      open().map((pair) => pair.oldId),
    );
    if (combined !== undefined) {
      for (const pair of open()) if (provesFastForward(combined, pair)) learn(pair, "fast-forward");
    }
  }
  if (open().length <= MAX_SINGLE_QUESTIONS || !listing.canFilter) {
    await askEach(open(), ask, learn);
    return facts;
  }
  const whole = await ask(open(), []);
  if (whole !== undefined) {
    for (const pair of open()) learn(pair, provesFastForward(whole, pair) ? "fast-forward" : "diverged");
  }
  return facts;
}

async function askEach(
  pairs: readonly AncestryPair[],
  ask: (asked: readonly AncestryPair[], haves: readonly ObjectId[]) => Promise<CommitGraph | undefined>,
  learn: (pair: AncestryPair, fact: AncestryFact) => void,
): Promise<void> {
  for (const pair of pairs) {
    const graph = await ask([pair], [pair.oldId]);
    if (graph === undefined) continue;
    learn(pair, provesFastForward(graph, pair) ? "fast-forward" : "diverged");
  }
}

/** The commits that the source sends for a question; `undefined` when the answer is larger than what may be spent. */
async function commitGraph(
  run: Run,
  listing: SourceListing,
  wants: readonly ObjectId[],
  haves: readonly ObjectId[],
  budget: { bytes: number },
): Promise<CommitGraph | undefined> {
  if (budget.bytes <= 0) return undefined;
  const uniqueWants = [...new Set(wants)];
  const uniqueHaves = [...new Set(haves)];
  run.meter.asked("source", { wants: uniqueWants.length, haves: uniqueHaves.length });
  const chunks: Uint8Array[] = [];
  const answer = run.source.fetch(
    {
      wants: uniqueWants,
      haves: uniqueHaves,
      thin: false,
      ofsDelta: true,
      ...(listing.canFilter ? { filter: "tree:0" } : {}),
    },
    { message: () => {} },
    run.signal,
  );
  for await (const chunk of answer) {
    chunks.push(chunk);
    budget.bytes -= chunk.length;
    if (budget.bytes < 0) return undefined;
  }
  return parentsOf(Buffer.concat(chunks), listing.objectFormat);
}

function parentsOf(pack: Uint8Array, format: ObjectFormat): CommitGraph | undefined {
  const graph = new Map<ObjectId, readonly ObjectId[]>();
  try {
    for (const { oid, type, data } of readPackObjects(pack, { format })) {
      if (type === "commit") graph.set(oid, parseCommit(data).parents);
    }
  } catch (error) {
    // A pack that cannot be read proves nothing; the ref stays where it is.
    if (isSyncError(error)) throw error;
    return undefined;
  }
  return graph;
}
