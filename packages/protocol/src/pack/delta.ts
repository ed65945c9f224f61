// Applies deltas, with every check git makes (patch-delta.c), before memory is taken.

import { ProtocolError } from "../errors.ts";
import { readSize, type Varint } from "./varint.ts";

/** Sizes at the front of a delta, and where its instructions begin. gitformat-pack(5), "Deltified representation". */
export interface DeltaHeader {
  readonly baseSize: number;
  readonly resultSize: number;
  readonly instructionsOffset: number;
}

/**
 * Read the two sizes of a delta: gitformat-pack(5), "Deltified representation".
 *
 * @throws {ProtocolError} `DELTA_INVALID`.
 */
export function decodeDeltaHeader(delta: Uint8Array): DeltaHeader {
  const base: Varint | undefined = readSize(delta, 0);
  const result = base === undefined ? undefined : readSize(delta, base.end);
  if (base === undefined || result === undefined) throw invalid("its sizes cannot be read", 0);
  return { baseSize: base.value, resultSize: result.value, instructionsOffset: result.end };
}

/** Two bytes of a copy take almost 16 MiB of the base: nothing makes more of a byte. */
const MOST_PER_BYTE = 2 ** 23;

/**
 * The sizes of a delta that is about to be applied to `base`: a result that the delta is too short for is refused before
 * memory is taken for it.
 *
 * @throws {ProtocolError} `DELTA_INVALID`.
 */
export function decodeDeltaHeaderFor(base: Uint8Array, delta: Uint8Array): DeltaHeader {
  const header = decodeDeltaHeader(delta);
  if (header.baseSize !== base.length) throw invalid("its base has another size", 0);
  const most = (delta.length - header.instructionsOffset) * Math.min(Math.max(1, base.length), MOST_PER_BYTE);
  if (header.resultSize > most)
    throw invalid("its instructions are too few for its result", header.instructionsOffset);
  return header;
}

/**
 * Apply a delta to its base. A new array; neither argument is kept. gitformat-pack(5), "Deltified representation".
 *
 * @param maxResultBytes most bytes of the result: checked before they are allocated.
 * @throws {ProtocolError} `DELTA_INVALID`, or `LIMIT_EXCEEDED` for a result over `maxResultBytes`.
 */
export function applyDelta(base: Uint8Array, delta: Uint8Array, maxResultBytes: number): Uint8Array {
  const header = decodeDeltaHeaderFor(base, delta);
  if (header.resultSize > maxResultBytes) {
    throw new ProtocolError(
      "LIMIT_EXCEEDED",
      `Cannot apply delta: its result has ${header.resultSize} bytes`,
      {
        phase: "pack",
        details: { limit: "maxResultBytes" },
      },
    );
  }
  const result = new Uint8Array(header.resultSize);
  applyDeltaTo(result, base, delta, header);
  return result;
}

/** From this length on, a copy by the engine is quicker than a loop. */
const LONG_COPY = 24;

/**
 * Apply a delta whose header was read by {@link decodeDeltaHeaderFor} to the first `resultSize` bytes of `target`, which
 * has as many.
 *
 * @throws {ProtocolError} `DELTA_INVALID`.
 */
export function applyDeltaTo(
  target: Uint8Array,
  base: Uint8Array,
  delta: Uint8Array,
  header: DeltaHeader,
): void {
  const { baseSize, resultSize } = header;
  let written = 0;
  let offset = header.instructionsOffset;
  while (offset < delta.length) {
    const instruction = delta[offset] ?? 0;
    offset += 1;
    if (instruction === 0) throw invalid("an instruction is reserved", offset - 1);
    let from = offset;
    let size = instruction;
    let source = delta;
    if (instruction < 0x80) {
      if (size > delta.length - offset) throw invalid("an insert is too long", offset - 1);
      offset += size;
    } else {
      source = base;
      from = 0;
      size = 0;
      // Bits 0 to 3 say which bytes of the offset follow, bits 4 to 6 which of the size.
      const argument = offset;
      if ((instruction & 1) !== 0) from = delta[offset++] ?? 0;
      if ((instruction & 2) !== 0) from |= (delta[offset++] ?? 0) << 8;
      if ((instruction & 4) !== 0) from |= (delta[offset++] ?? 0) << 16;
      if ((instruction & 8) !== 0) from = (from | ((delta[offset++] ?? 0) << 24)) >>> 0;
      if ((instruction & 16) !== 0) size = delta[offset++] ?? 0;
      if ((instruction & 32) !== 0) size |= (delta[offset++] ?? 0) << 8;
      if ((instruction & 64) !== 0) size |= (delta[offset++] ?? 0) << 16;
      if (offset > delta.length) throw invalid("it ends in an instruction", argument - 1);
      if (size === 0) size = 0x10000;
      if (from + size > baseSize) throw invalid("a copy is out of bounds", argument - 1);
    }
    if (size > resultSize - written) throw invalid("its result is too long", offset - 1);
    if (size >= LONG_COPY) {
      target.set(source.subarray(from, from + size), written);
      written += size;
    } else {
      for (const end = from + size; from < end; from += 1) {
        target[written] = source[from] ?? 0;
        written += 1;
      }
    }
  }
  if (written !== resultSize) throw invalid("its result is too short", delta.length);
}

function invalid(found: string, offset: number): ProtocolError {
  return new ProtocolError("DELTA_INVALID", `Cannot apply delta: ${found}`, { phase: "pack", offset });
}
