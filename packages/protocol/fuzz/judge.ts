// The verdict on one input: a value or a typed error, the same however the bytes are cut, soon, and without much memory.

import { ProtocolError } from "../src/errors.ts";
import { cutBy, type Subject } from "../src/testing/cuts.ts";
import type { Random } from "./random.ts";

/** How much one input may cost. Generous: what it is to find is a loop, or memory that a peer's number asked for. */
const MAX_MS = 500;
const MAX_MS_PER_BYTE = 0.02;
const MAX_BYTES = 16 * 1024 * 1024;
const MAX_BYTES_PER_BYTE = 256;
/** Longer inputs are not cut at every byte: it would take long, and show nothing more. */
const MAX_BYTEWISE = 4096;

/** Throws unless the parser stands this input. */
export function judge(make: () => Subject, bytes: Uint8Array, random: Random): void {
  const before = process.memoryUsage().arrayBuffers;
  const started = performance.now();
  const whole = answer(make, [bytes], 0x7a);
  const allocated = process.memoryUsage().arrayBuffers - before;
  if (allocated > MAX_BYTES + MAX_BYTES_PER_BYTE * bytes.length) {
    throw new Error(`took ${allocated} bytes of memory for ${bytes.length} bytes of input`);
  }
  for (let turn = 0; turn < 2; turn += 1) {
    // Now and then byte by byte, which is every cut at once.
    const isBytewise = bytes.length <= MAX_BYTEWISE && random(4) === 0;
    const lengths = isBytewise ? [1] : [random(5), 1 + random(300), random(50), random(2), 1 + random(5000)];
    const cut = answer(make, withEmptyChunks(cutBy(bytes, lengths), random), 0x61 + turn);
    if (cut !== whole)
      throw new Error(`gave another answer when cut (${lengths.join(", ")}): ${cut}, not ${whole}`);
  }
  const elapsed = performance.now() - started;
  if (elapsed > MAX_MS + MAX_MS_PER_BYTE * bytes.length) {
    throw new Error(`took ${Math.round(elapsed)} ms for ${bytes.length} bytes of input`);
  }
}

/** The value as text, or all that a typed error says but its excerpt, which shows what had arrived. */
function answer(make: () => Subject, chunks: Iterable<Uint8Array>, wipe: number): string {
  try {
    const subject = make();
    for (const chunk of chunks) {
      // A copy that is wiped afterwards, each time with another byte: a parser that kept a view changes its answer.
      const lent = chunk.slice();
      subject.feed(lent);
      lent.fill(wipe);
    }
    return JSON.stringify(subject.finish(), (_, value: unknown) =>
      value instanceof Uint8Array ? [...value] : value,
    );
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throwIfUnsafe(error);
    const { code, phase, message, offset, details } = error;
    return JSON.stringify({ code, phase, message, offset, details });
  }
}

/** What an error says goes to terminals and logs. */
function throwIfUnsafe(error: ProtocolError): void {
  const said = [error.message, error.excerpt ?? "", ...Object.values(error.details)].map(String);
  // Only what the remote said may have several lines.
  if (said.some((text) => /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/.test(text) || text.length > 5000)) {
    throw new Error(`put unsafe text into ${error.code}: ${JSON.stringify(said)}`);
  }
}

function withEmptyChunks(chunks: readonly Uint8Array[], random: Random): Uint8Array[] {
  return chunks.flatMap((chunk) => (random(8) === 0 ? [new Uint8Array(0), chunk] : [chunk]));
}
