/** What a server says, message by message, and what a test may make of it. */

import type { GitService } from "@gitsync/protocol";

/** The messages of both services. A pack comes in many, `pack-end` is the flush-pkt behind it. */
export type ServerMessageKind =
  | "advertisement"
  | "ls-refs"
  | "object-info"
  | "bundle-uri"
  | "shallow-info"
  | "acknowledgments"
  | "progress"
  | "pack"
  | "pack-end"
  | "report"
  | "error";

/** A message that is about to be sent. */
export interface ServerMessage {
  readonly kind: ServerMessageKind;
  readonly service: GitService;
  readonly version: 0 | 1 | 2;
  readonly transport: "stateful" | "stateless";
  /** Path of the repository: `/a.git`. */
  readonly path: string;
  /** As the protocol wants it. Over HTTP the service header is part of the advertisement. */
  readonly bytes: Uint8Array;
  /** How many of this kind the conversation had before. */
  readonly index: number;
}

/**
 * What happens to a message. Bytes take its place (none at all, twice the same, anything). `cut` sends `at` of its
 * bytes and closes the connection without a goodbye; `stall` sends them and then nothing, with the connection open.
 */
export type MessageFault =
  | Uint8Array
  | { readonly type: "cut"; readonly at: number }
  | { readonly type: "stall"; readonly at: number };

/** Decides about one message. Nothing: it is sent as it is. */
export type MessageIntercept = (message: ServerMessage) => MessageFault | undefined | void;
