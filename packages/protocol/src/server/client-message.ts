// What a client of upload-pack says in one go, and the seam between reading it in v0, v1 or v2 and acting on it.

import type { CapabilityList } from "../capabilities.ts";
import { ProtocolError } from "../errors.ts";
import type { FetchRequest } from "../fetch-request.ts";
import type { LsRefsRequest } from "../ls-refs-request.ts";
import type { ObjectInfoRequest } from "../object-info.ts";
import type { HaveRound } from "../upload-request.ts";
import type { HaveAcknowledger } from "./have-acknowledger.ts";
import type { SidebandOutput } from "./sideband-output.ts";

/** The wants of a client, and all that follows from what came with them. */
export interface WantsMessage {
  readonly type: "wants";
  /** Without haves. */
  readonly request: FetchRequest;
  readonly capabilities: CapabilityList;
  readonly acknowledger: HaveAcknowledger;
  readonly output: SidebandOutput;
  /** v2: the haves of the same command, if there are any. */
  readonly round?: HaveRound;
}

/** One whole message. `nothing` asks for no answer at all. */
export type ClientMessage =
  | { readonly type: "goodbye" }
  | { readonly type: "nothing" }
  | { readonly type: "ls-refs"; readonly request: LsRefsRequest; readonly capabilities: CapabilityList }
  | {
      readonly type: "object-info";
      readonly request: ObjectInfoRequest;
      readonly capabilities: CapabilityList;
    }
  | { readonly type: "bundle-uri"; readonly capabilities: CapabilityList }
  | WantsMessage
  | { readonly type: "round"; readonly round: HaveRound };

/** Reads the messages of one connection. */
export interface ClientMessageReader {
  /**
   * Read up to the end of one message.
   *
   * @returns the bytes behind it, a view; undefined when more bytes are needed.
   */
  feed(chunk: Uint8Array): Uint8Array | undefined;
  /** The message that {@link feed} completed. */
  message(): ClientMessage;
  /** Throws when the stream ends inside a message. */
  finish(): void;
}

/** A request that asks for what the server did not offer, or not in this way. */
export function refusedRequest(found: string, excerpt: string): ProtocolError {
  return new ProtocolError("REQUEST_INVALID", `Cannot serve fetch request: found ${found}`, {
    phase: "fetch-request",
    excerpt: new TextEncoder().encode(excerpt.slice(0, 80)),
  });
}

/** The stream ended where more of a message was due. */
export function endedEarly(): ProtocolError {
  return new ProtocolError("STREAM_TRUNCATED", "Cannot read fetch request: it ended too early", {
    phase: "fetch-request",
  });
}
