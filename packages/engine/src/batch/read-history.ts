/**
 * Asks a source for the commits behind some tips, so that their history can be divided.
 *
 * With a filter it sends commits and tags alone. Without one it sends everything, commits first, and is left as soon
 * as no commit is missing. A source that gives only what its refs name is not asked: such a history has no parts.
 */

import type { ObjectFormat, ObjectId } from "@gitsync/protocol";
import { PackProgress } from "../meter.ts";
import { releaseGathered } from "../remote/gather.ts";
import type { SourceListing } from "../remote/remote.ts";
import type { Run } from "../run.ts";
import { CommitGraph } from "./commit-graph.ts";
import { CommitReader } from "./commit-reader.ts";
import { fileStore, KeptObjects, memoryStore } from "./kept-objects.ts";

export interface HistoryQuestion {
  readonly listing: SourceListing;
  readonly objectFormat: ObjectFormat;
  readonly wants: readonly ObjectId[];
  /** Wants that are commits by their ref's kind, so that a history without them is not whole. */
  readonly branches: ReadonlySet<ObjectId>;
  /** What the target proved to have; what lies behind is left out where the source can. */
  readonly haves: readonly ObjectId[];
  /** Where the target's history is cut off. */
  readonly shallow: readonly ObjectId[];
}

/** Without a spool: what later deltas may need is kept up to this size. */
const MEMORY_BYTES = 48 * 1024 * 1024;
/** With one: up to so many times what a history may have deflated. Commits have about twice as much. */
const INFLATED_RATIO = 2;

/** The history, or as much of it as can be had; every want has its place in it. */
export async function readHistory(run: Run, question: HistoryQuestion): Promise<CommitGraph> {
  const { listing, objectFormat, wants, haves, shallow } = question;
  const graph = new CommitGraph(objectFormat, new Set(shallow));
  for (const want of wants) graph.intern(want);
  if (wants.length === 0 || !givesAnyCommit(listing)) return graph;
  const request = { wants, haves: listing.canFilter ? haves : [], shallow, thin: false, ofsDelta: true };
  run.observe({ type: "phase", phase: "history" });
  run.meter.asked("source", { wants: wants.length, haves: request.haves.length });
  return run.span("git.history", { "git_sync.wants": wants.length }, async (span) => {
    const file = await run.spool?.open();
    const leaving = new AbortController();
    try {
      const mostBytes = INFLATED_RATIO * run.limits.maxHistoryBytes;
      const kept = new KeptObjects(
        file === undefined ? memoryStore(MEMORY_BYTES) : fileStore(file, mostBytes),
      );
      const reader = new CommitReader(graph, kept, objectFormat);
      const answer = run.source.fetch(
        listing.canFilter ? { ...request, filter: { type: "tree", depth: 0 } } : request,
        {
          message: (text, isTransient) =>
            run.observe({ type: "remote-message", side: "source", text, isTransient }),
        },
        AbortSignal.any([run.signal, leaving.signal]),
      );
      const received = new PackProgress("source", run.observe);
      let bytes = 0;
      for await (const chunk of answer) {
        bytes += chunk.length;
        reader.feed(chunk);
        received.add(chunk.length, reader.objectCount);
        releaseGathered(chunk);
        if (reader.state !== "reading" || bytes > run.limits.maxHistoryBytes) break;
        if (reader.sawContent && isWhole(graph, question)) break;
      }
      received.finish();
      span.setAttributes({ "git_sync.commits": graph.received, "git_sync.history.bytes": bytes });
      return graph;
    } finally {
      leaving.abort();
      await file?.close();
    }
  });
}

/** Protocol v2 gives every object that it is asked for by id; v0 and v1 say so when they do: gitprotocol-capabilities(5). */
function givesAnyCommit(listing: SourceListing): boolean {
  return (
    listing.protocol === "v2" ||
    listing.capabilities.has("allow-reachable-sha1-in-want") ||
    listing.capabilities.has("allow-any-sha1-in-want")
  );
}

/** Nothing is named that did not come, except wants that need not be commits. */
function isWhole(graph: CommitGraph, { wants, branches }: HistoryQuestion): boolean {
  if (graph.received === 0) return false;
  const missing = graph.size - graph.received;
  if (missing > wants.length) return false;
  const excused = wants.filter((want) => {
    const node = graph.find(want);
    return node !== undefined && !branches.has(want) && !graph.isReceived(node);
  });
  return missing === new Set(excused).size;
}
