/** What a caller can watch while a run goes on. The engine never logs; it tells an observer. */

import type { RefResult } from "./schema/index.ts";

/** What a run is about now. A phase may come again: each request has its own `fetch` and `push`. */
export type SyncPhase =
  /** Both sides are listed. */
  | "discover"
  | "plan"
  /** The source is asked which moves are fast-forwards. */
  | "ancestry"
  /** The source is asked for the commits behind what is missing, so that it can be brought in parts. */
  | "history"
  | "fetch"
  /** A pack that memory does not hold goes to a file first. */
  | "spool"
  | "push"
  /** The target is listed to see what it took. */
  | "verify"
  /** What only this transfer needed is deleted at the target: temporary refs, archives that are too old. */
  | "clean-up"
  | "report";
export type Side = "source" | "target";

export type SyncEvent =
  | { readonly type: "phase"; readonly phase: SyncPhase }
  | {
      /** At most four a second; `bytes` counts the bytes of this pack that passed this side so far. */
      readonly type: "progress";
      readonly side: Side;
      readonly bytes: number;
      /** During the last three seconds. */
      readonly bytesPerSecond: number;
      /** How many objects the whole pack has. */
      readonly objects?: number;
    }
  | {
      /** Nothing was told for two seconds; again every two seconds while that lasts. */
      readonly type: "waiting";
      readonly phase: SyncPhase;
      /** Since the last other event. */
      readonly milliseconds: number;
      /** All that was exchanged with each side since the run began. */
      readonly sourceBytes: number;
      readonly targetBytes: number;
    }
  | {
      /** One line that a server wrote, sanitised and at most 1,000 characters long. */
      readonly type: "remote-message";
      readonly side: Side;
      readonly text: string;
      /** A counter of the server's: its next line replaces this one. */
      readonly isTransient: boolean;
    }
  | {
      /** A part of a divided transfer begins: so many are done of so many, as far as can be told now. */
      readonly type: "batch";
      readonly done: number;
      readonly planned: number;
      /** What one push may carry. */
      readonly limitBytes: number;
    }
  | { readonly type: "retry"; readonly phase: SyncPhase; readonly reason: string; readonly attempt: number }
  | { readonly type: "ref"; readonly ref: RefResult };

/** Called synchronously; it must not throw and should return at once. */
export type SyncObserver = (event: SyncEvent) => void;
