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
import { PackProgress } from "./meter.ts";
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

/** What an answer may have inflated: commits shrink to a third or so, and zeros to a thousandth. */
const MAX_INFLATED_BYTES = 256 * 1024 * 1024;
const MAX_RATIO = 32;
const FREE_BYTES = 1024 * 1024;

/** The pack of an answer that was not narrowed to commits: everything behind `wants` that the target lacks. */
export interface DownloadedPack {
  readonly wants: ReadonlySet<ObjectId>;
  readonly chunks: readonly Uint8Array[];
}

export interface AncestryAnswer {
  readonly facts: AncestryFacts;
  readonly downloaded: DownloadedPack | undefined;
}

export async function askAncestry(
  run: Run,
  pairs: readonly AncestryPair[],
  listing: SourceListing,
): Promise<AncestryAnswer> {
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
  const questions = new Questions(run, listing);
  // Without filters an answer brings content, so it is asked for only when the refs are about to move.
  if (open().length === 0 || (!listing.canFilter && run.dryRun)) return { facts, downloaded: undefined };
  if (open().length > 1) {
    const combined = await questions.ask(
      open(),
      open().map((pair) => pair.oldId),
    );
    if (combined !== undefined) {
      for (const pair of open()) if (provesFastForward(combined, pair)) learn(pair, "fast-forward");
    }
  }
  if (open().length <= MAX_SINGLE_QUESTIONS || !listing.canFilter) {
    for (const pair of open()) {
      const graph = await questions.ask([pair], [pair.oldId]);
      if (graph !== undefined) learn(pair, provesFastForward(graph, pair) ? "fast-forward" : "diverged");
    }
    return { facts, downloaded: questions.downloaded };
  }
  const whole = await questions.ask(open(), []);
  if (whole !== undefined) {
    for (const pair of open()) learn(pair, provesFastForward(whole, pair) ? "fast-forward" : "diverged");
  }
  return { facts, downloaded: undefined };
}

/** The questions of one plan: they share a byte limit. */
class Questions {
  readonly #run: Run;
  readonly #listing: SourceListing;
  #bytesLeft: number;
  /** The first answer that came with content. */
  downloaded: DownloadedPack | undefined;

  constructor(run: Run, listing: SourceListing) {
    this.#run = run;
    this.#listing = listing;
    this.#bytesLeft = run.limits.maxAncestryBytes;
  }

  /** The commits that the source sends; `undefined` when its answer is larger than what is left to spend. */
  async ask(pairs: readonly AncestryPair[], haves: readonly ObjectId[]): Promise<CommitGraph | undefined> {
    if (this.#bytesLeft <= 0) return undefined;
    const run = this.#run;
    const { canFilter, objectFormat } = this.#listing;
    const wants = new Set(pairs.map((pair) => pair.newId));
    const request = { wants: [...wants], haves: [...new Set(haves)], thin: false, ofsDelta: true };
    run.meter.asked("source", { wants: request.wants.length, haves: request.haves.length });
    run.observe({ type: "phase", phase: "ancestry" });
    const received = new PackProgress("source", run.observe);
    const chunks: Uint8Array[] = [];
    const answer = run.source.fetch(
      canFilter ? { ...request, filter: { type: "tree", depth: 0 } } : request,
      {
        message: (text, isTransient) =>
          run.observe({ type: "remote-message", side: "source", text, isTransient }),
      },
      run.signal,
    );
    for await (const chunk of answer) {
      chunks.push(chunk);
      received.add(chunk.length);
      this.#bytesLeft -= chunk.length;
      if (this.#bytesLeft < 0) return undefined;
    }
    received.finish();
    if (!canFilter) this.downloaded ??= { wants, chunks };
    return parentsOf(Buffer.concat(chunks), objectFormat);
  }
}

function parentsOf(pack: Uint8Array, format: ObjectFormat): CommitGraph | undefined {
  const graph = new Map<ObjectId, readonly ObjectId[]>();
  try {
    const maxInflatedBytes = Math.min(MAX_INFLATED_BYTES, FREE_BYTES + pack.length * MAX_RATIO);
    for (const { oid, type, data } of readPackObjects(pack, { format, maxInflatedBytes })) {
      if (type === "commit") graph.set(oid, parseCommit(data).parents);
    }
  } catch (error) {
    // A pack that cannot be read proves nothing; the ref stays where it is.
    if (isSyncError(error)) throw error;
    return undefined;
  }
  return graph;
}
