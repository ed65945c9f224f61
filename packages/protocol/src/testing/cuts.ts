// Feeds the same bytes in every way, to show that a decoder does not care where a stream is cut.

import { ProtocolError } from "../errors.ts";

/** A decoder under test: fed until the bytes are over, then asked for its value. */
export interface Subject {
  feed(chunk: Uint8Array): unknown;
  finish(): unknown;
}

/** The value, or the error code. Values are compared as JSON text. */
export function outcome(make: () => Subject, chunks: Iterable<Uint8Array>): string {
  try {
    const subject = make();
    for (const chunk of chunks) {
      // A copy that is wiped afterwards: a decoder that kept a view of it would change its answer.
      const lent = chunk.slice();
      subject.feed(lent);
      lent.fill(0x7a);
    }
    return JSON.stringify(subject.finish(), (_, value: unknown) =>
      value instanceof Uint8Array ? [...value] : value,
    );
  } catch (error) {
    if (error instanceof ProtocolError) return `error ${error.code}`;
    throw error;
  }
}

/** All bytes at once. */
export function whole(bytes: Uint8Array): Uint8Array[] {
  return [bytes];
}

/** One byte at a time, with empty chunks between. */
export function bytewise(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (byte) => [new Uint8Array(0), Uint8Array.of(byte)]).flat();
}

/** Every way to cut the bytes in two. */
export function* everyCut(bytes: Uint8Array): Generator<Uint8Array[]> {
  for (let cut = 1; cut < bytes.length; cut += 1) yield [bytes.subarray(0, cut), bytes.subarray(cut)];
}

/** Cut after runs of the given lengths, repeated. */
export function cutBy(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let offset = 0;
  for (let turn = 0; offset < bytes.length; turn += 1) {
    const length = Math.max(1, lengths[turn % lengths.length] ?? 1);
    chunks.push(bytes.subarray(offset, offset + length));
    offset += length;
  }
  return chunks;
}
