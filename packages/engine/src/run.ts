/** What every step of one run shares: both remotes, the request, limits, and where to tell what happens. */

import type { SyncEvent } from "./observer.ts";
import type { RunMeter } from "./meter.ts";
import type { PushPace, ResolvedLimits } from "./options.ts";
import type { HeldBackRef } from "./plan/hold-back.ts";
import type { SourceRemote, TargetRemote } from "./remote/remote.ts";
import type { ResolvedSyncRequest } from "./request.ts";
import type { WithSpan } from "./spans.ts";
import type { AncestryCache } from "./ancestry-cache.ts";
import type { DivisionStrategy } from "./batch/division.ts";
import type { SpoolFolder } from "./transfer/spool.ts";
import type { TargetMemory } from "./transfer/target-memory.ts";

export interface Run {
  readonly request: ResolvedSyncRequest;
  readonly source: SourceRemote;
  readonly target: TargetRemote;
  /** The addresses as they may be shown. */
  readonly sourceLabel: string;
  readonly targetLabel: string;
  readonly limits: ResolvedLimits;
  readonly signal: AbortSignal;
  readonly meter: RunMeter;
  readonly observe: (event: SyncEvent) => void;
  readonly span: WithSpan;
  readonly ancestryCache: AncestryCache;
  /** What earlier runs learned about targets. */
  readonly targets: TargetMemory;
  /** Where packs may be kept; none when nothing may be written. */
  readonly spool: SpoolFolder | undefined;
  readonly batchStrategy: DivisionStrategy;
  readonly heldBack: readonly HeldBackRef[];
  readonly approvedPlan: string | undefined;
  readonly pace: PushPace | undefined;
  /** Only a plan: nothing is changed and no content is downloaded. */
  readonly dryRun: boolean;
  /** The target is filled for the first time: a ref that it has is left as it is. */
  readonly onlyNew: boolean;
  /** Of packs that were pushed, for the run's span. */
  packBytes: number;
  packObjects: number;
}
