/**
 * Reads the commits and tags of a pack while it arrives, and skips everything else in it.
 *
 * A pack that was narrowed to commits is read to its end. One that was not begins, as git writes it, with its
 * commits; its reader may stop when no parent is missing any more, which trusts no order. What cannot be read
 * leaves the graph smaller and nothing else: it decides how a history is divided, never what is sent.
 *
 * Source: gitformat-pack(5).
 */

import { deflateSync, inflateSync } from "node:zlib";
import {
  applyDelta,
  decodePackHeader,
  hashByteLength,
  hashObject,
  objectIdFromBytes,
  PACK_HEADER_LENGTH,
  parseCommit,
  parseTag,
  ProtocolError,
  type ObjectFormat,
  type ObjectId,
} from "@gitsync/protocol";
import type { CommitGraph } from "./commit-graph.ts";
import type { KeptObject, KeptObjects } from "./kept-objects.ts";

/** Larger objects end the reading: a commit has some hundred bytes, and a large blob stands at the end of a pack. */
const MAX_OBJECT_BYTES = 64 * 1024 * 1024;

/** git's numbers of the kinds of entry. */
const COMMIT = 1;
const TAG = 4;
const OFS_DELTA = 6;
const REF_DELTA = 7;

/** Where reading stands. `full`: nothing more can be kept. `unreadable`: the pack is not one, or not for us. */
export type ReaderState = "reading" | "done" | "full" | "unreadable";

interface EntryHead {
  readonly kind: number;
  readonly size: number;
  /** Where the entry's deflated data begins, in the window. */
  readonly dataAt: number;
  readonly base: KeptObject | undefined;
}

export class CommitReader {
  readonly #graph: CommitGraph;
  readonly #kept: KeptObjects;
  readonly #format: ObjectFormat;
  /** Bytes from the entry that is read next; its start lies at {@link CommitReader.#offset} in the pack. */
  #window: Uint8Array = new Uint8Array(0);
  #offset = 0;
  /** Not worth another look before the window is as long. */
  #neededBytes = 0;
  #entriesLeft: number | undefined;
  #objectCount: number | undefined;
  #sawContent = false;
  #state: ReaderState = "reading";

  constructor(graph: CommitGraph, kept: KeptObjects, format: ObjectFormat) {
    this.#graph = graph;
    this.#kept = kept;
    this.#format = format;
  }

  get state(): ReaderState {
    return this.#state;
  }

  /** All objects that the pack announces; `undefined` before its header came. */
  get objectCount(): number | undefined {
    return this.#objectCount;
  }

  /** Something other than commits and tags went by. */
  get sawContent(): boolean {
    return this.#sawContent;
  }

  /** Read on. Commits and tags are in the graph when this returns. `chunk` may be reused then. */
  feed(chunk: Uint8Array): void {
    if (this.#state !== "reading") return;
    // Not `slice`: that of a Buffer is a view of bytes that are no longer ours when this returns.
    this.#window = this.#window.length === 0 ? new Uint8Array(chunk) : Buffer.concat([this.#window, chunk]);
    try {
      let at = 0;
      if (this.#entriesLeft === undefined) {
        if (this.#window.length < PACK_HEADER_LENGTH) return;
        this.#objectCount = decodePackHeader(this.#window).objectCount;
        this.#entriesLeft = this.#objectCount;
        at = PACK_HEADER_LENGTH;
      }
      while (this.#state === "reading" && this.#entriesLeft > 0) {
        if (this.#window.length - at < this.#neededBytes) break;
        const length = this.#readEntry(this.#window.subarray(at), this.#offset + at);
        if (length === undefined) {
          this.#neededBytes = 2 * (this.#window.length - at);
          break;
        }
        this.#neededBytes = 0;
        this.#entriesLeft -= 1;
        at += length;
      }
      if (this.#entriesLeft === 0) this.#state = "done";
      this.#window = this.#window.subarray(at);
      this.#offset += at;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#state = "unreadable";
    }
  }

  /** The length of the entry at the window's start; `undefined` when the window ends inside it. */
  #readEntry(window: Uint8Array, offset: number): number | undefined {
    const head = this.#readHead(window, offset);
    if (head === undefined) return undefined;
    const { kind, size, dataAt, base } = head;
    const isWanted = kind === COMMIT || kind === TAG || base !== undefined;
    if (size > MAX_OBJECT_BYTES) return this.#stop("unreadable");
    const inflated = inflate(window.subarray(dataAt), size);
    if (inflated === undefined) return undefined;
    const end = dataAt + inflated.consumed;
    if (!isWanted) {
      this.#sawContent = true;
      return end;
    }
    if (base === undefined) {
      this.#take(kind === COMMIT ? "commit" : "tag", inflated.data, offset, window.subarray(dataAt, end));
    } else {
      const data = applyDelta(base.data, inflated.data, MAX_OBJECT_BYTES);
      this.#take(base.type, data, offset, deflateSync(data, { level: 1 }));
    }
    return end;
  }

  #take(type: KeptObject["type"], data: Uint8Array, offset: number, deflated: Uint8Array): void {
    const id = hashObject(type, data, this.#format);
    const node = this.#graph.receive(id, type === "commit" ? parseCommit(data).parents : linksOfTag(data));
    if (!this.#kept.keep(node, offset, type, data.length, deflated)) this.#stop("full");
  }

  #stop(state: "full" | "unreadable"): undefined {
    this.#state = state;
    return undefined;
  }

  /** What stands before an entry's data: gitformat-pack(5), "n-byte type and length", then a delta's base. */
  #readHead(window: Uint8Array, offset: number): EntryHead | undefined {
    let at = 0;
    let byte = window[at];
    if (byte === undefined) return undefined;
    const kind = (byte >> 4) & 7;
    let size = byte & 15;
    for (let factor = 16; byte >= 0x80; factor *= 128) {
      at += 1;
      byte = window[at];
      if (byte === undefined) return undefined;
      size += (byte & 0x7f) * factor;
      if (size > Number.MAX_SAFE_INTEGER) return this.#stop("unreadable");
    }
    at += 1;
    let base: KeptObject | undefined;
    if (kind === OFS_DELTA) {
      let distance = -1;
      do {
        byte = window[at];
        if (byte === undefined) return undefined;
        distance = (distance + 1) * 128 + (byte & 0x7f);
        at += 1;
      } while (byte >= 0x80 && distance <= offset);
      base = this.#kept.at(offset - distance);
    } else if (kind === REF_DELTA) {
      const end = at + hashByteLength(this.#format);
      if (window.length < end) return undefined;
      const node = this.#graph.find(objectIdFromBytes(window.subarray(at, end)));
      base = node === undefined ? undefined : this.#kept.of(node);
      at = end;
    }
    return { kind, size, dataAt: at, base };
  }
}

/** What a tag points to, if that has a history: a tagged tree or blob is found nowhere among commits. */
function linksOfTag(data: Uint8Array): readonly ObjectId[] {
  const { type, object } = parseTag(data);
  return type === "commit" || type === "tag" ? [object] : [];
}

/** The zlib stream at the start of `bytes`; `undefined` when it does not end in them. */
function inflate(
  bytes: Uint8Array,
  size: number,
): { readonly data: Uint8Array; readonly consumed: number } | undefined {
  try {
    // The documented `info` form is the only public way to learn where a zlib stream ended.
    const result: unknown = inflateSync(bytes, {
      info: true,
      chunkSize: Math.max(64, size),
      maxOutputLength: Math.max(1, size),
    });
    if (!isInflateInfo(result) || result.buffer.length !== size) throw broken();
    return { data: result.buffer, consumed: result.engine.bytesWritten };
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "Z_BUF_ERROR") return undefined;
    throw error instanceof ProtocolError ? error : broken(error);
  }
}

function isInflateInfo(
  value: unknown,
): value is { readonly buffer: Uint8Array; readonly engine: { readonly bytesWritten: number } } {
  return typeof value === "object" && value !== null && "buffer" in value && "engine" in value;
}

function broken(cause?: unknown): ProtocolError {
  return new ProtocolError("PACK_INVALID", "Cannot read pack: an entry cannot be inflated", {
    phase: "pack",
    ...(cause === undefined ? {} : { cause }),
  });
}
