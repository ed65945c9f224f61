/** What a caller can watch while a run goes on. The engine never logs; it tells an observer. */

import type { RefResult } from "./schema/index.ts";

export type SyncPhase = "discover" | "plan" | "fetch" | "push" | "verify" | "report";
export type Side = "source" | "target";

export type SyncEvent =
  | { readonly type: "phase"; readonly phase: SyncPhase }
  | {
      /** At most four a second; `bytes` counts the pack bytes that passed this side so far. */
      readonly type: "progress";
      readonly side: Side;
      readonly bytes: number;
      readonly bytesPerSecond: number;
      readonly objects?: number;
    }
  | {
      /** One line that a server wrote, sanitised and at most 1,000 characters long. */
      readonly type: "remote-message";
      readonly side: Side;
      readonly text: string;
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
