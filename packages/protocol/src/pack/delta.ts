// Applies deltas, with every check git makes (patch-delta.c), before memory is taken.

import { ProtocolError } from "../errors.ts";
import { readSize, type Varint } from "./varint.ts";

/** Sizes at the front of a delta, and where its instructions begin. */
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

/**
 * Apply a delta to its base. A new array; neither argument is kept.
 *
 * @param maxResultBytes most bytes of the result: checked before they are allocated.
 * @throws {ProtocolError} `DELTA_INVALID`, or `LIMIT_EXCEEDED` for a result over `maxResultBytes`.
 */
export function applyDelta(base: Uint8Array, delta: Uint8Array, maxResultBytes: number): Uint8Array {
  const { baseSize, resultSize, instructionsOffset } = decodeDeltaHeader(delta);
  if (baseSize !== base.length) throw invalid("its base has another size", 0);
  if (resultSize > maxResultBytes) {
    throw new ProtocolError("LIMIT_EXCEEDED", `Cannot apply delta: its result has ${resultSize} bytes`, {
      phase: "pack",
      details: { limit: "maxInflatedBytes" },
    });
  }
  const result = new Uint8Array(resultSize);
  let written = 0;
  let offset = instructionsOffset;
  while (offset < delta.length) {
    const instruction = delta[offset] ?? 0;
    offset += 1;
    if (instruction === 0) throw invalid("an instruction is reserved", offset - 1);
    if (instruction < 0x80) {
      if (offset + instruction > delta.length || written + instruction > resultSize) {
        throw invalid("an insert is too long", offset - 1);
      }
      result.set(delta.subarray(offset, offset + instruction), written);
      offset += instruction;
      written += instruction;
      continue;
    }
    const copy = readCopy(delta, offset, instruction);
    if (copy.start + copy.size > base.length || written + copy.size > resultSize) {
      throw invalid("a copy is out of bounds", offset - 1);
    }
    result.set(base.subarray(copy.start, copy.start + copy.size), written);
    offset = copy.end;
    written += copy.size;
  }
  if (written !== resultSize) throw invalid("its result is too short", delta.length);
  return result;
}

function readCopy(
  delta: Uint8Array,
  offset: number,
  instruction: number,
): { readonly start: number; readonly size: number; readonly end: number } {
  let start = 0;
  let size = 0;
  let end = offset;
  for (let bit = 0; bit < 7; bit += 1) {
    if ((instruction & (1 << bit)) === 0) continue;
    const byte = delta[end];
    if (byte === undefined) throw invalid("it ends in an instruction", offset - 1);
    if (bit < 4) start += byte * 256 ** bit;
    else size += byte * 256 ** (bit - 4);
    end += 1;
  }
  return { start, size: size === 0 ? 0x10000 : size, end };
}

function invalid(found: string, offset: number): ProtocolError {
  return new ProtocolError("DELTA_INVALID", `Cannot apply delta: ${found}`, { phase: "pack", offset });
}
