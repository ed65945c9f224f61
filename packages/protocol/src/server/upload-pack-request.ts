// What a client of upload-pack may ask for, and what the caller answers. Types only.

import type { CapabilityList } from "../capabilities.ts";
import type { FetchRequest } from "../fetch-request.ts";
import type { PackfileUri, ShallowInfo, WantedRef } from "../fetch-response.ts";
import type { LsRefsRequest } from "../ls-refs-request.ts";
import type { ObjectId } from "../object-id.ts";
import type { ObjectInfoRequest } from "../object-info.ts";

/** v2: list refs. Answer with `UploadPackServer.listRefs`. gitprotocol-v2(5), "ls-refs". */
export interface ListRefsRequest {
  readonly type: "ls-refs";
  readonly request: LsRefsRequest;
  /** What came with the command: `agent`, `session-id`, `server-option` … */
  readonly capabilities: CapabilityList;
}

/**
 * v2: tell the sizes of objects. Answer with `UploadPackServer.describeObjects`.
 * gitprotocol-v2(5), "object-info".
 */
export interface DescribeObjectsRequest {
  readonly type: "object-info";
  readonly request: ObjectInfoRequest;
  /** What came with the command. */
  readonly capabilities: CapabilityList;
}

/**
 * v2: name bundles to begin a clone with. Answer with `UploadPackServer.listBundles`.
 * gitprotocol-v2(5), "bundle-uri".
 */
export interface ListBundlesRequest {
  readonly type: "bundle-uri";
  /** What came with the command. */
  readonly capabilities: CapabilityList;
}

/**
 * Objects are wanted. Answer with `UploadPackServer.acceptWants`, or `refuse` when one of them is not to be had: that
 * an object may be given away is for the caller to decide. gitprotocol-pack(5), "Packfile Negotiation".
 */
export interface WantsRequest {
  readonly type: "wants";
  /** Without haves: they come in a {@link NegotiationRequest}. */
  readonly request: FetchRequest;
  /** What came with the command or the first want. */
  readonly capabilities: CapabilityList;
}

/**
 * The client says what it has. Answer with `UploadPackServer.acknowledge`.
 * gitprotocol-pack(5), "Packfile Negotiation".
 */
export interface NegotiationRequest {
  readonly type: "haves";
  /** Those of this round. Over HTTP the client repeats what was common. */
  readonly haves: readonly ObjectId[];
  /** The client wants the pack now. */
  readonly done: boolean;
}

/**
 * The pack is due. Answer with `packData` as often as needed, `progress` in between, and `endPack`.
 * gitprotocol-pack(5), "Packfile Negotiation".
 *
 * It holds what the wants lead to and `common` does not. Where the boundary moved away from a commit (`unshallow`), it
 * holds what the parents of that commit lead to as well, though nobody wants them by name.
 */
export interface PackRequest {
  readonly type: "pack";
  /** As in the {@link WantsRequest}. */
  readonly request: FetchRequest;
  /** Haves that are here: their history is the client's, unless its boundary cuts it. */
  readonly common: ReadonlySet<ObjectId>;
}

/** One thing that a client asks of an `UploadPackServer`; each must be answered before the next is read. */
export type UploadPackRequest =
  | ListRefsRequest
  | DescribeObjectsRequest
  | ListBundlesRequest
  | WantsRequest
  | NegotiationRequest
  | PackRequest;

/** What becomes of the wants besides the pack. */
export interface WantsAnswer {
  /**
   * How the client's boundary moves. Due when the request deepens; in v2 also when it names a boundary or this
   * repository is shallow. Default: nothing moves.
   */
  readonly shallowInfo?: ShallowInfo;
  /** v2: what each `want-ref` stands for now. */
  readonly wantedRefs?: readonly WantedRef[];
  /** v2: where the client gets parts of the pack instead, over one of the schemes in its request. */
  readonly packfileUris?: readonly PackfileUri[];
}
