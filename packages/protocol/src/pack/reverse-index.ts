// Reads the reverse of a pack's index: which object lies where, in the order of the pack.

import { ProtocolError } from "../errors.ts";
import { hashByteLength } from "../object-id.ts";
import { createHasher } from "./hasher.ts";
import { compareIds } from "./id-order.ts";
import { REVERSE_HEADER_LENGTH, REVERSE_MAGIC } from "./index-layout.ts";
import type { PackIndex } from "./pack-index.ts";

/** The `.rev` of a pack, version 1: gitformat-pack(5), "pack-*.rev files have the format". */
export class ReverseIndex {
  /** As many as the index has. */
  readonly objectCount: number;
  readonly #view: DataView;

  /**
   * @param bytes the whole file; kept, not copied.
   * @param index the index of the same pack. What it says of offsets is checked against the order here.
   * @throws {ProtocolError} `PACK_INDEX_INVALID`.
   */
  constructor(bytes: Uint8Array, index: PackIndex) {
    const hashLength = hashByteLength(index.format);
    const count = index.objectCount;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (bytes.length !== REVERSE_HEADER_LENGTH + count * 4 + 2 * hashLength) {
      throw invalid("it has another number of objects than the index", bytes.length);
    }
    if (view.getUint32(0) !== REVERSE_MAGIC || view.getUint32(4) !== 1)
      throw invalid("it is not RIDX, version 1", 0);
    if (view.getUint32(8) !== (index.format === "sha1" ? 1 : 2))
      throw invalid("it is of another object format", 8);
    const end = bytes.length - hashLength;
    const digest = createHasher(index.format).update(bytes.subarray(0, end)).digest();
    if (compareIds(digest, 0, bytes, end, hashLength) !== 0) {
      throw invalid("its trailer is not the hash of its content", end);
    }
    if (compareIds(index.packChecksum, 0, bytes, end - hashLength, hashLength) !== 0) {
      throw invalid("it is of another pack than the index", end - hashLength);
    }
    this.objectCount = count;
    this.#view = view;
    this.#checkOrder(index);
  }

  /** The position in the index of the object that is `place`th in the pack, from 0. @throws {RangeError} for no place. */
  positionAt(place: number): number {
    if (place >= 0 && place < this.objectCount)
      return this.#view.getUint32(REVERSE_HEADER_LENGTH + place * 4);
    throw new RangeError(`Cannot read reverse index: it has no place ${place}`);
  }

  /** Ascending offsets also say that every position is there once. */
  #checkOrder(index: PackIndex): void {
    let before = 0;
    for (let place = 0; place < this.objectCount; place += 1) {
      const position = this.positionAt(place);
      const offset = position < this.objectCount ? index.offsetAt(position) : 0;
      if (offset <= before)
        throw invalid("it is not in the order of the pack", REVERSE_HEADER_LENGTH + place * 4);
      before = offset;
    }
  }
}

function invalid(found: string, offset: number): ProtocolError {
  return new ProtocolError("PACK_INDEX_INVALID", `Cannot read reverse index: ${found}`, {
    phase: "pack",
    offset,
  });
}
