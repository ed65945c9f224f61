// What a server says first: its refs (v0, v1) or its capabilities (v2). The types; no code runs here.

import type { CapabilityList } from "./capabilities.ts";
import type { ObjectFormat, ObjectId } from "./object-id.ts";
import type { RefName } from "./ref-name.ts";

/** The services that speak this protocol. */
export type GitService = "git-upload-pack" | "git-receive-pack";

/** One ref that a server has. gitprotocol-pack(5), "Reference Discovery". */
export interface AdvertisedRef {
  readonly name: RefName;
  readonly oid: ObjectId;
  /** For an annotated tag: the object it leads to. upload-pack only. */
  readonly peeled?: ObjectId;
  /** For a symbolic ref: the ref it points to. */
  readonly symrefTarget?: RefName;
}

/**
 * A v0 or v1 advertisement: gitprotocol-pack(5), "Reference Discovery".
 *
 * An empty repository has no refs; before git 2.41 its upload-pack does not send capabilities either.
 */
export interface RefAdvertisement {
  readonly version: 0 | 1;
  readonly objectFormat: ObjectFormat;
  readonly capabilities: CapabilityList;
  /** In the order of the wire. `HEAD` is among them when advertised; `^{}` lines are folded into `peeled`. */
  readonly refs: readonly AdvertisedRef[];
  /** What `HEAD` resolves to, when advertised. */
  readonly head?: { readonly oid: ObjectId };
  /** Boundary of a shallow repository. */
  readonly shallow: readonly ObjectId[];
  /** Tips of alternates (`.have` lines of receive-pack). Never refs. */
  readonly alternateTips: readonly ObjectId[];
  /** Names that git check-ref-format refuses; they are not in `refs`. */
  readonly invalidNames: readonly RefName[];
}

/** A v2 advertisement: gitprotocol-v2(5), "Capability Advertisement". */
export interface CapabilityAdvertisement {
  readonly version: 2;
  readonly capabilities: CapabilityList;
  readonly objectFormat: ObjectFormat;
}

/** Tell the two apart by `version`. gitprotocol-pack(5), "Reference Discovery". */
export type Advertisement = RefAdvertisement | CapabilityAdvertisement;
