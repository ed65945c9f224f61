// What is known of a pack that was read and resolved: the shape alone.

import type { ObjectFormat, ObjectId } from "../object-id.ts";
import type { PackSummary } from "./scanner.ts";

/**
 * Every object of a pack, in the order of the pack, in columns: a pack of a million objects takes some 40 MB.
 *
 * Object `i` begins at `offsets[i]`, has the type `objectTypeOf(types[i])`, the id
 * `objectIdFromBytes(ids.subarray(i * n, (i + 1) * n))`, where `n` is the length of a hash, and the CRC-32 `crcs[i]`.
 */
export interface IndexedPack extends PackSummary {
  readonly format: ObjectFormat;
  readonly offsets: Float64Array;
  /** What the objects are, deltas resolved: 1 commit, 2 tree, 3 blob, 4 tag. */
  readonly types: Uint8Array;
  readonly ids: Uint8Array;
  /** Of the entries as they are in the pack. */
  readonly crcs: Uint32Array;
  /**
   * Objects outside the pack that its deltas are made of: none, unless it is thin. A thin pack is for the wire alone;
   * `completeThinPack()` makes one for a repository of it.
   */
  readonly externalBases: readonly ObjectId[];
}
