/** Ways in which a git server breaks its answers, and an answer that is sent so. */

import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { RecordedRequest } from "./recorded-request.ts";

/** What happens to one request instead of, or on top of, git's own answer. Positions count body bytes. */
export type HttpFault =
  | {
      /** Answer without asking git. */
      readonly type: "answer";
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string | Uint8Array;
      /** Read the request to its end first: an answer that comes earlier may be lost with the connection. */
      readonly afterBody?: boolean;
    }
  /** Send the client elsewhere: 302 unless another status is given. */
  | { readonly type: "redirect"; readonly location: string; readonly status?: number }
  /** End the answer in good order after `at` bytes, as a server does that lost its backend. */
  | { readonly type: "truncate"; readonly at: number }
  /** Reset the connection after `at` bytes of the answer. */
  | { readonly type: "reset"; readonly at: number }
  /** Invert the bits of byte `at` of the answer. */
  | { readonly type: "flip"; readonly at: number }
  /** Send the answer in pieces of `bytes`, one every `everyMs`. */
  | { readonly type: "drip"; readonly bytes: number; readonly everyMs: number }
  /** Send `at` bytes of the answer and then nothing more, with the connection open. */
  | { readonly type: "stall"; readonly at: number }
  /** Let git do all of its work, then reset the connection without a word of its answer. */
  | { readonly type: "reset-after-work" }
  /** Reset the connection after `at` bytes of the request have been given to git. */
  | { readonly type: "reset-upload"; readonly at: number }
  /** Replace what git answers, and reset the connection after it if asked to. */
  | { readonly type: "rewrite"; readonly rewrite: (body: Buffer) => Uint8Array; readonly reset?: boolean };

/** Send the answer's body to the client, broken as the fault says. */
export async function sendBroken(
  body: AsyncIterable<Buffer>,
  response: ServerResponse,
  request: IncomingMessage,
  fault: HttpFault | undefined,
  recorded: RecordedRequest,
): Promise<void> {
  const { socket } = request;
  const gone = response.destroyed ? Promise.resolve([]) : once(response, "close");
  const write = async (chunk: Uint8Array): Promise<void> => {
    recorded.responseBytes += chunk.length;
    if (chunk.length > 0 && !response.write(chunk)) {
      await Promise.race([once(response, "drain"), gone]);
    }
    if (response.destroyed) throw new Error("the client has left");
  };
  const stopAt =
    fault?.type === "truncate" || fault?.type === "reset" || fault?.type === "stall" ? fault.at : Infinity;
  const whole: Buffer[] = [];
  for await (const chunk of body) {
    const room = stopAt - recorded.responseBytes;
    if (fault?.type === "rewrite") whole.push(chunk);
    else if (fault?.type === "flip") await write(flip(chunk, fault.at - recorded.responseBytes));
    else if (fault?.type === "drip") await drip(chunk, fault, write, response);
    else await write(chunk.subarray(0, room));
    if (chunk.length >= room) break;
  }
  if (fault?.type === "rewrite") await write(fault.rewrite(Buffer.concat(whole)));
  if (fault?.type === "reset" || (fault?.type === "rewrite" && fault.reset === true)) {
    // What was written must reach the client before the reset does.
    await Promise.race([gone, new Promise((resolve) => socket.write("", resolve))]);
    socket.resetAndDestroy();
  } else if (fault?.type === "stall" && recorded.responseBytes >= stopAt) {
    await gone;
  } else {
    response.end();
  }
}

function flip(chunk: Buffer, at: number): Uint8Array {
  if (at < 0 || at >= chunk.length) return chunk;
  const broken = Buffer.from(chunk);
  broken[at] = ~(chunk[at] ?? 0) & 0xff;
  return broken;
}

async function drip(
  chunk: Buffer,
  { bytes, everyMs }: Extract<HttpFault, { readonly type: "drip" }>,
  write: (piece: Uint8Array) => Promise<void>,
  response: ServerResponse,
): Promise<void> {
  for (let at = 0; at < chunk.length && !response.destroyed; at += bytes) {
    await write(chunk.subarray(at, at + bytes));
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
