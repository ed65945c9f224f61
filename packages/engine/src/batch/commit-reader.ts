/**
 * Reads the commits and tags of a pack while it arrives, and skips everything else in it.
 *
 * A pack that was narrowed to commits is read to its end. One that was not begins, as git writes it, with its
 * commits; its reader may stop when no parent is missing any more, which trusts no order. What cannot be read
 * leaves the graph smaller and nothing else: it decides how a history is divided, never what is sent.
 *
 * No object has anything of its own here, neither a buffer nor a zlib: there are as many as the history has commits.
 */

import {
  applyDelta,
  hashObject,
  PackReader,
  parseCommit,
  parseTag,
  ProtocolError,
  type ObjectFormat,
  type ObjectId,
  type PackEntryStart,
} from "@gitsync/protocol";
import type { CommitGraph } from "./commit-graph.ts";
import type { KeptObject, KeptObjects } from "./kept-objects.ts";

/** Larger commits and tags end the reading: they have some hundred bytes. */
const MAX_OBJECT_BYTES = 16 * 1024 * 1024;
/** What a pack may inflate to. Commits shrink to a half or so, and zeros to a thousandth. */
const MAX_INFLATED_BYTES = 16 * 1024 * 1024 * 1024;

/** Commits, and most trees, which some packs have between them: as many as these would leave a zlib each behind. */
const OWN_INFLATE_BYTES = 16 * 1024;

/** Where reading stands. `full`: nothing more can be kept. `unreadable`: the pack is not one, or not for us. */
export type ReaderState = "reading" | "done" | "full" | "unreadable";

export class CommitReader {
  readonly #graph: CommitGraph;
  readonly #kept: KeptObjects;
  readonly #format: ObjectFormat;
  readonly #reader: PackReader;
  /** Of the delta that is read: where its base is kept. */
  #base: number | undefined;
  #sawContent = false;
  #state: ReaderState = "reading";

  constructor(graph: CommitGraph, kept: KeptObjects, format: ObjectFormat) {
    this.#graph = graph;
    this.#kept = kept;
    this.#format = format;
    this.#reader = new PackReader({
      format,
      limits: { maxInflatedBytes: MAX_INFLATED_BYTES },
      ownInflateBytes: OWN_INFLATE_BYTES,
      content: (entry) => (this.#isWanted(entry) ? "whole" : "none"),
      onEntry: (entry, content) => {
        if (content !== undefined) this.#read(entry, content);
      },
    });
  }

  get state(): ReaderState {
    return this.#state;
  }

  /** All objects that the pack announces; `undefined` before its header came. */
  get objectCount(): number | undefined {
    return this.#reader.header?.objectCount;
  }

  /** Something other than commits and tags came. */
  get sawContent(): boolean {
    return this.#sawContent;
  }

  /** Read on. Commits and tags are in the graph when this returns. `chunk` may be reused then. */
  feed(chunk: Uint8Array): void {
    if (this.#state !== "reading") return;
    try {
      const isAtEnd = this.#reader.feed(chunk);
      if (isAtEnd && this.#state === "reading") this.#state = "done";
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#state = "unreadable";
    }
  }

  #isWanted(entry: PackEntryStart): boolean {
    if (this.#state !== "reading") return false;
    this.#base = this.#baseOf(entry);
    const isWanted = entry.type === "commit" || entry.type === "tag" || this.#base !== undefined;
    if (!isWanted) this.#sawContent = true;
    else if (entry.size > MAX_OBJECT_BYTES) this.#state = "unreadable";
    return this.#state === "reading" && isWanted;
  }

  #baseOf(entry: PackEntryStart): number | undefined {
    if (entry.type === "ofs-delta") return this.#kept.at(entry.baseOffset);
    if (entry.type !== "ref-delta") return undefined;
    const node = this.#graph.find(entry.baseId);
    return node === undefined ? undefined : this.#kept.of(node);
  }

  #read({ type, offset }: PackEntryStart, content: Uint8Array): void {
    if (type === "commit" || type === "tag") {
      this.#take({ type, data: content }, offset);
      return;
    }
    if (this.#base === undefined) return;
    const base = this.#kept.read(this.#base);
    this.#take({ type: base.type, data: applyDelta(base.data, content, MAX_OBJECT_BYTES) }, offset);
  }

  #take(object: KeptObject, offset: number): void {
    const { type, data } = object;
    const id = hashObject(type, data, this.#format);
    const node = this.#graph.receive(id, type === "commit" ? parseCommit(data).parents : linksOfTag(data));
    if (!this.#kept.keep(node, offset, object)) this.#state = "full";
  }
}

/** What a tag points to, if that has a history: a tagged tree or blob is found nowhere among commits. */
function linksOfTag(data: Uint8Array): readonly ObjectId[] {
  const { type, object } = parseTag(data);
  return type === "commit" || type === "tag" ? [object] : [];
}
