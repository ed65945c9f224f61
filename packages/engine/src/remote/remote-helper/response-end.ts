/**
 * Takes the response-end packets out of what a stateless helper answers: gitremote-helpers(7), "stateless-connect";
 * gitprotocol-v2(5), "Packet-Line Framing". What is left is the answer as any other connection gives it.
 */

import { Transform, type TransformCallback } from "node:stream";
import { ProtocolError } from "@gitsync/protocol";

const HEADER_LENGTH = 4;
const RESPONSE_END = 2;

/** Steps from packet to packet; passes on views of what it is given and copies nothing but a header that was cut. */
export class ResponseEndRemover extends Transform {
  /** Bytes of the present packet still to come. */
  #left = 0;
  #header = "";

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    try {
      this.#take(chunk);
      done();
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  }

  override _flush(done: TransformCallback): void {
    if (this.#header !== "") this.push(Buffer.from(this.#header, "latin1"));
    done();
  }

  #take(chunk: Buffer): void {
    /** Everything from here to `at` is to be passed on. */
    let from = 0;
    let at = 0;
    const passOn = (): void => {
      if (at > from) this.push(chunk.subarray(from, at));
      from = at;
    };
    while (at < chunk.length) {
      if (this.#left > 0) {
        const step = Math.min(this.#left, chunk.length - at);
        this.#left -= step;
        at += step;
        continue;
      }
      const missing = HEADER_LENGTH - this.#header.length;
      const isCut = this.#header !== "" || chunk.length - at < missing;
      if (isCut) passOn();
      const head = this.#header + chunk.toString("latin1", at, at + missing);
      at = Math.min(chunk.length, at + missing);
      if (isCut) from = at;
      if (head.length < HEADER_LENGTH) {
        this.#header = head;
        return;
      }
      this.#header = "";
      const length = lengthOf(head);
      if (length === RESPONSE_END) {
        at -= isCut ? 0 : HEADER_LENGTH;
        passOn();
        at += isCut ? 0 : HEADER_LENGTH;
        from = at;
        continue;
      }
      if (isCut) this.push(Buffer.from(head, "latin1"));
      this.#left = Math.max(0, length - HEADER_LENGTH);
    }
    passOn();
  }
}

function lengthOf(header: string): number {
  if (/^[0-9a-f]{4}$/iu.test(header)) return Number.parseInt(header, 16);
  throw new ProtocolError(
    "PKT_LENGTH_INVALID",
    "Cannot read the helper's answer: no pkt-len where one is due",
    {
      phase: "pkt-line",
      excerpt: Buffer.from(header, "latin1"),
    },
  );
}
