// What a fetch answer says before the pack: the types. Writers and decoders are in their own files.

import type { ObjectId } from "./object-id.ts";
import type { RefName } from "./ref-name.ts";

/**
 * What the server says about one have. gitprotocol-pack(5), "Packfile Negotiation".
 *
 * `common` and `ready` belong to multi_ack_detailed, `continue` to multi_ack, `final` to the bare `ACK` that ends
 * a negotiation. v2 knows only `common`.
 */
export type AcknowledgmentStatus = "common" | "continue" | "ready" | "final";

/** One `ACK` line. gitprotocol-pack(5), "Packfile Negotiation". */
export interface Acknowledgment {
  readonly oid: ObjectId;
  readonly status: AcknowledgmentStatus;
}

/** All that one answer says about our haves. gitprotocol-pack(5), "Packfile Negotiation". */
export interface Acknowledgments {
  /** In the order of the wire; v0 and v1 write a `final` one behind the `NAK`. */
  readonly acks: readonly Acknowledgment[];
  /** A `NAK` was among the lines. */
  readonly nak: boolean;
  /** The server knows enough to send the pack. */
  readonly ready: boolean;
}

/** How the shallow boundary moves: gitprotocol-pack(5), "Packfile Negotiation". */
export interface ShallowInfo {
  readonly shallow: readonly ObjectId[];
  readonly unshallow: readonly ObjectId[];
}

/** A line of the `wanted-refs` section. gitprotocol-v2(5), "fetch". */
export interface WantedRef {
  readonly name: RefName;
  readonly oid: ObjectId;
}

/**
 * A line of the `packfile-uris` section. The URI is the server's word: fetch nothing from it unasked.
 * gitprotocol-v2(5), "fetch".
 */
export interface PackfileUri {
  /** Trailer hash of that pack. */
  readonly hash: ObjectId;
  readonly uri: string;
}

/** The v2 sections in the order of gitprotocol-v2(5), "fetch". */
export type FetchSection = "acknowledgments" | "shallow-info" | "wanted-refs" | "packfile-uris" | "packfile";

/**
 * One answer to a fetch without its pack: gitprotocol-v2(5), "fetch"; gitprotocol-pack(5), "Packfile Negotiation".
 *
 * A part that is left out was not on the wire, which is not the same as an empty one.
 */
export interface FetchResponse {
  readonly acknowledgments?: Acknowledgments;
  readonly shallowInfo?: ShallowInfo;
  readonly wantedRefs?: readonly WantedRef[];
  readonly packfileUris?: readonly PackfileUri[];
  /** The pack follows. */
  readonly packfile: boolean;
}
