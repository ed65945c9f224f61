// Reads a whole small pack from memory. For probes, tests and server-side checks; a pack that is passed on is not read.

import { accelerators } from "../accelerators.ts";
import { ProtocolError } from "../errors.ts";
import type { ObjectFormat, ObjectId } from "../object-id.ts";
import { applyDelta } from "./delta.ts";
import { decodePackEntryHeader, type ObjectType, type PackEntryHeader } from "./entry.ts";
import { hashObject } from "./hasher.ts";
import { decodePackHeader, PACK_HEADER_LENGTH } from "./header.ts";
import { PackVerifier } from "./trailer.ts";

/** An object of a pack. `data` is owned by the caller. */
export interface PackObject {
  readonly oid: ObjectId;
  readonly type: ObjectType;
  readonly data: Uint8Array;
}

/** Options of {@link readPackObjects}. */
export interface ReadPackOptions {
  readonly format: ObjectFormat;
  /** Default: 1 000 000. */
  readonly maxObjects?: number;
  /** Bytes of all objects and deltas together, inflated. Default: 256 MiB. */
  readonly maxInflatedBytes?: number;
  /** Finds bases that are not in a thin pack. Default: there are none. */
  readonly findBase?: (oid: ObjectId) => { readonly type: ObjectType; readonly data: Uint8Array } | undefined;
}

interface Entry {
  readonly header: PackEntryHeader;
  readonly data: Uint8Array;
}

interface Resolved {
  readonly type: ObjectType;
  readonly data: Uint8Array;
  readonly oid: ObjectId;
}

/**
 * All objects of a pack, in pack order: gitformat-pack(5).
 *
 * The trailer is verified first. Deltas are resolved without recursion, whether they name their base by offset or by
 * id, and wherever in the pack it is. Nothing is yielded before everything is known to be sound.
 *
 * @throws {ProtocolError} `PACK_TRUNCATED`, `PACK_CHECKSUM`, `PACK_INVALID`, `DELTA_INVALID`, `PACK_BASE_MISSING` (a
 * thin pack, or deltas in a circle), `LIMIT_EXCEEDED`.
 */
export function* readPackObjects(
  pack: Uint8Array,
  options: ReadPackOptions,
): Generator<PackObject, void, undefined> {
  const { format, maxObjects = 1_000_000, maxInflatedBytes = 256 * 1024 * 1024 } = options;
  const verifier = new PackVerifier({ format, limits: { maxPackObjects: maxObjects } });
  verifier.feed(pack);
  const trailerLength = verifier.finish().length;
  const budget = new Budget(maxInflatedBytes);
  const body = pack.subarray(0, pack.length - trailerLength);
  const entries = scanEntries(body, format, budget);
  const resolved = resolveEntries(entries, options, budget);
  for (const object of resolved) yield { oid: object.oid, type: object.type, data: object.data };
}

/** Counts inflated bytes before they are allocated. */
class Budget {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  get left(): number {
    return this.#left;
  }

  take(bytes: number): void {
    this.#left -= bytes;
    if (this.#left >= 0) return;
    throw new ProtocolError("LIMIT_EXCEEDED", "Cannot read pack: its objects are too large together", {
      phase: "pack",
      details: { limit: "maxInflatedBytes" },
    });
  }
}

function scanEntries(body: Uint8Array, format: ObjectFormat, budget: Budget): Map<number, Entry> {
  const { objectCount } = decodePackHeader(body);
  const entries = new Map<number, Entry>();
  let offset = PACK_HEADER_LENGTH;
  while (entries.size < objectCount) {
    const header = decodePackEntryHeader(body, offset, format);
    // An offset into the middle of an entry would make deltas out of arbitrary bytes, or run in circles.
    if (header.type === "ofs-delta" && !entries.has(header.baseOffset)) {
      throw invalid("a delta base is not the start of an entry", offset);
    }
    budget.take(header.size);
    const inflated = accelerators.inflate(body.subarray(header.dataOffset), header.size);
    if (inflated.type === "truncated") {
      throw new ProtocolError("PACK_TRUNCATED", "Cannot read pack: it ended inside an entry", {
        phase: "pack",
        offset,
      });
    }
    if (inflated.type === "corrupt") throw invalid("an entry cannot be inflated", offset);
    if (inflated.type === "too-long" || inflated.data.length !== header.size) {
      throw invalid("an entry has another size than it says", offset);
    }
    entries.set(offset, { header, data: inflated.data });
    offset = header.dataOffset + inflated.consumed;
  }
  if (offset !== body.length) throw invalid("bytes follow the last entry", offset);
  return entries;
}

/** Depth-first from the whole objects, with one stack and two kinds of children, since chains mix both. */
function resolveEntries(
  entries: ReadonlyMap<number, Entry>,
  options: ReadPackOptions,
  budget: Budget,
): Iterable<Resolved> {
  const ofsChildren = new Map<number, number[]>();
  const refChildren = new Map<ObjectId, number[]>();
  const resolved = new Map<number, Resolved>();
  const stack: { readonly offset: number; readonly type: ObjectType; readonly data: Uint8Array }[] = [];
  for (const [offset, { header, data }] of entries) {
    if (header.type === "ofs-delta") append(ofsChildren, header.baseOffset, offset);
    else if (header.type === "ref-delta") append(refChildren, header.baseId, offset);
    else stack.push({ offset, type: header.type, data });
  }
  const expand = (
    base: { readonly type: ObjectType; readonly data: Uint8Array },
    offsets: readonly number[],
  ): void => {
    for (const offset of offsets) {
      const delta = entries.get(offset);
      if (delta === undefined || resolved.has(offset)) continue;
      const data = applyDelta(base.data, delta.data, budget.left);
      budget.take(data.length);
      stack.push({ offset, type: base.type, data });
    }
  };
  const drain = (): void => {
    for (let object = stack.pop(); object !== undefined; object = stack.pop()) {
      const oid = hashObject(object.type, object.data, options.format);
      resolved.set(object.offset, { oid, type: object.type, data: object.data });
      expand(object, ofsChildren.get(object.offset) ?? []);
      const waiting = refChildren.get(oid) ?? [];
      refChildren.delete(oid);
      expand(object, waiting);
    }
  };
  drain();
  for (const [oid, offsets] of refChildren) {
    const base = options.findBase?.(oid);
    if (base === undefined) continue;
    expand(base, offsets);
    drain();
  }
  if (resolved.size < entries.size) {
    throw new ProtocolError(
      "PACK_BASE_MISSING",
      `Cannot read pack: ${entries.size - resolved.size} deltas have no base in it`,
      { phase: "pack" },
    );
  }
  return inOrder(entries, resolved);
}

function* inOrder(
  entries: ReadonlyMap<number, Entry>,
  resolved: ReadonlyMap<number, Resolved>,
): Generator<Resolved> {
  for (const offset of entries.keys()) {
    const object = resolved.get(offset);
    if (object !== undefined) yield object;
  }
}

function append<Key>(map: Map<Key, number[]>, key: Key, value: number): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

function invalid(found: string, offset: number): ProtocolError {
  return new ProtocolError("PACK_INVALID", `Cannot read pack: ${found}`, { phase: "pack", offset });
}
