// Asking for a pack, in every version's terms. The types; each version's spelling is in its own file.

import type { FilterSpec } from "./filter-spec.ts";
import type { ObjectId } from "./object-id.ts";
import type { RefName } from "./ref-name.ts";

/**
 * How to cut history. gitprotocol-pack(5), "Packfile Negotiation".
 *
 * `depth` counts commits from the tips, or with `relative` from the present boundary. `boundary` cuts at a time
 * (seconds since 1970) and at refs, which may be given together.
 */
export type Deepen =
  | { readonly type: "depth"; readonly depth: number; readonly relative?: boolean }
  | { readonly type: "boundary"; readonly since?: number; readonly not?: readonly string[] };

/** A fetch: gitprotocol-pack(5), "Packfile Negotiation"; gitprotocol-v2(5), "fetch". */
export interface FetchRequest {
  readonly wants: readonly ObjectId[];
  /** Wanted by name; v2 servers with `ref-in-want` only. No name twice. */
  readonly wantRefs?: readonly RefName[];
  readonly haves: readonly ObjectId[];
  /** End the negotiation: the pack comes in the answer, whatever is common. */
  readonly done: boolean;
  /** Accept deltas against objects that are not in the pack. Never set it when the pack goes to a strange repository. */
  readonly thinPack?: boolean;
  readonly ofsDelta?: boolean;
  readonly includeTag?: boolean;
  readonly noProgress?: boolean;
  readonly filter?: FilterSpec;
  /** Our own boundary. */
  readonly shallow?: readonly ObjectId[];
  readonly deepen?: Deepen;
  /** v2: acknowledge, but send no pack before `done`. */
  readonly waitForDone?: boolean;
  /** v2: put every packet of the answer into side-band, not only the pack; tell the `FetchResponseDecoder`. */
  readonly sidebandAll?: boolean;
  /** v2: schemes (`https`) whose URIs may stand for parts of the pack. Ask only if you will fetch them. */
  readonly packfileUris?: readonly string[];
}
