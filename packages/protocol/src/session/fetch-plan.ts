// What a fetch is to bring, and what it brought. Types only.

import type { FetchRequest } from "../fetch-request.ts";
import type { PackfileUri, ShallowInfo, WantedRef } from "../fetch-response.ts";
import type { ObjectId } from "../object-id.ts";
import type { HaveSource } from "./negotiator.ts";

/** What we have, and how it is told. */
export interface HavePlan {
  /** Objects we have, the most telling first. Pulled only as far as the negotiation needs. Default: none. */
  readonly haves?: Iterable<ObjectId> | HaveSource;
  /** Portions to ask about before giving up. Default: 4096. */
  readonly maxRounds?: number;
}

/** A fetch: what is wanted, and what is there already. */
export interface FetchPlan extends HavePlan, Omit<FetchRequest, "done" | "haves" | "waitForDone"> {
  /**
   * `rounds` asks about haves in growing portions until the server knows enough. `at-once` sends them all in one
   * request: for callers whose haves are few, as those who have ref tips only. Default: `rounds`.
   */
  readonly negotiation?: "rounds" | "at-once";
}

/** What a fetch learnt, apart from the pack. */
export interface FetchResult {
  /** Haves that the server has, too, as far as it said so. */
  readonly common: readonly ObjectId[];
  /** How the shallow boundary moves. Empty lists when nothing was said. */
  readonly shallowInfo: ShallowInfo;
  readonly wantedRefs: readonly WantedRef[];
  /** Packs to get elsewhere before the one of this answer is complete. Nothing is fetched from them here. */
  readonly packfileUris: readonly PackfileUri[];
  /** Portions of haves that were asked about. */
  readonly rounds: number;
}

/** Where the pack and the news go. All are called synchronously from `feed`. */
export interface FetchHandlers {
  /** A piece of the pack: a view of the fed chunk, of any size. Copy what must live longer. */
  readonly onPack: (view: Uint8Array) => void;
  /** A piece of progress, likewise; feed it to `ProgressLines` before showing it. */
  readonly onProgress?: (view: Uint8Array) => void;
  /** How the boundary moves: in v0 and v1 before the first have is pulled, in v2 before the pack. At most once. */
  readonly onShallowInfo?: (info: ShallowInfo) => void;
  /** The negotiation is over and the pack begins, before its first byte. */
  readonly onPackStart?: (result: FetchResult) => void;
}
