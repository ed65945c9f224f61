/**
 * The seam that every transport implements: what a run needs of a source and of a target, in git's terms.
 *
 * A remote knows nothing of plans or policies. Whoever opens one closes it in every outcome.
 */

import type {
  CapabilityList,
  FilterSpec,
  ObjectFormat,
  ObjectId,
  RefName,
  RefTable,
  RefUpdateCommand,
  ReportStatus,
} from "@gitsync/protocol";
import type { PackBody } from "../transfer/pack-body.ts";

/** What a source lists. */
export interface SourceListing {
  readonly protocol: "v0" | "v1" | "v2";
  readonly objectFormat: ObjectFormat;
  readonly capabilities: CapabilityList;
  /** Every listed ref but HEAD, each name once, in order. */
  readonly refs: RefTable;
  /** The source showed nothing at all, not even HEAD, in or out of scope: that may mean that we may not see it. */
  readonly isEmpty: boolean;
  /** The branch that HEAD names, when the source tells. */
  readonly head: RefName | undefined;
  /** HEAD names a branch that does not exist yet. */
  readonly headUnborn: boolean;
  /** The repository has a cut-off history, so it cannot be mirrored. */
  readonly shallow: boolean;
  /** `filter` is understood, so that commits can be asked for without content. */
  readonly canFilter: boolean;
  /** Names that fail git's check-ref-format and were left out of `refs`. */
  readonly invalidNames: readonly RefName[];
}

/** Objects asked of a source. */
export interface PackRequest {
  readonly wants: readonly ObjectId[];
  readonly haves: readonly ObjectId[];
  /**
   * Commits whose parents whoever gets the pack does without: what lies behind them counts as missing, whatever the
   * haves. A source that cannot be told of them is told no haves.
   */
  readonly shallow?: readonly ObjectId[];
  /** Accept deltas whose bases are among the haves. */
  readonly thin: boolean;
  /** Accept deltas that name their base by offset. */
  readonly ofsDelta: boolean;
  /** A partial-clone filter; trees of depth 0 leave commits and tags. */
  readonly filter?: FilterSpec;
}

/** What a remote tells while it works; called synchronously. */
export interface RemoteObserver {
  /** One line that the server wrote, sanitised; the next line replaces a transient one. */
  readonly message: (text: string, isTransient: boolean) => void;
}

export interface SourceRemote {
  /** List refs under the prefixes (and HEAD); a server may list more. */
  list(prefixes: readonly string[], signal: AbortSignal): Promise<SourceListing>;
  /**
   * Stream the pack of a question, in chunks of some hundred KiB that belong to the caller. Nothing is asked
   * before the first chunk is pulled; leaving the loop early closes the request. Call {@link SourceRemote.list} first.
   */
  fetch(request: PackRequest, observer: RemoteObserver, signal: AbortSignal): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** What a target lists and can do. */
export interface TargetListing {
  /** False for a local path with nothing there yet; it is created before the first push. */
  readonly exists: boolean;
  /** `undefined` when the target does not exist or did not say. */
  readonly objectFormat: ObjectFormat | undefined;
  readonly capabilities: CapabilityList;
  /** Every listed ref but HEAD, each name once, in order. */
  readonly refs: RefTable;
  /** Objects that the target has without a ref of its own (`.have` lines). */
  readonly extraTips: readonly ObjectId[];
  /** Where the target's history is cut off: commits whose parents it may lack. None: it is whole. */
  readonly shallow: readonly ObjectId[];
  readonly invalidNames: readonly RefName[];
}

export interface PushRequest {
  readonly commands: readonly RefUpdateCommand[];
  readonly atomic: boolean;
  readonly objectFormat: ObjectFormat;
  /** `undefined` when every command is a delete: git sends no pack then. */
  readonly pack: PackBody | undefined;
}

/** What a target answered to a push; `undefined` when it sends no report, so that only a listing can tell. */
export type PushAnswer = ReportStatus | undefined;

export interface TargetRemote {
  list(signal: AbortSignal): Promise<TargetListing>;
  /** The branch that the target's HEAD names, from its upload-pack; `undefined` when it does not tell. */
  head(signal: AbortSignal): Promise<RefName | undefined>;
  /** Make the repository when {@link TargetListing.exists} is false; does nothing otherwise. */
  create(objectFormat: ObjectFormat, head: RefName | undefined, signal: AbortSignal): Promise<void>;
  /** Send one push. Any error after this was called leaves its outcome unknown until the refs are listed. */
  push(request: PushRequest, observer: RemoteObserver, signal: AbortSignal): Promise<PushAnswer>;
  close(): Promise<void>;
}
