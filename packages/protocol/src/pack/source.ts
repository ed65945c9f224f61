// Where bytes of a pack are read from in any order: memory, or whatever a caller has.

import { ProtocolError } from "../errors.ts";

/** A pack that can be read at any place, without waiting: in memory, or in a file by `fs.readSync`. */
export interface PackSource {
  /** Bytes of the whole pack. */
  readonly length: number;
  /**
   * The bytes from `offset` on: `length` of them, which are never asked for beyond the end. A view will do. They must
   * stay the same until the next call.
   */
  readAt(offset: number, length: number): Uint8Array;
}

/** A pack in memory as a source. `bytes` is not copied. */
export function packSource(bytes: Uint8Array): PackSource {
  return { length: bytes.length, readAt: (offset, length) => bytes.subarray(offset, offset + length) };
}

/** @throws {ProtocolError} `PACK_TRUNCATED` when the source gives fewer bytes than it has. */
export function readExactly(source: PackSource, offset: number, length: number): Uint8Array {
  const bytes = source.readAt(offset, length);
  if (bytes.length === length) return bytes;
  throw new ProtocolError("PACK_TRUNCATED", `Cannot read pack: ${bytes.length} of ${length} bytes came`, {
    phase: "pack",
    offset,
  });
}
