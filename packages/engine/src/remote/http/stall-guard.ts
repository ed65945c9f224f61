/** Notices a server that takes no more of a request body, or hardly more, while it should be reading it. */

import { SyncError } from "../../errors.ts";
import { takingBudgetMs, type PaceLimits } from "../pace.ts";

export interface StallGuard {
  /** Aborts when the caller's signal does, and when the server stalls. */
  readonly signal: AbortSignal;
  /** The same chunks; the clock runs while the transport holds one and does not come back for the next. */
  readonly watch: (chunks: AsyncIterable<Uint8Array>) => AsyncGenerator<Uint8Array, void, undefined>;
}

export function guardStall(signal: AbortSignal, limits: PaceLimits, url: string): StallGuard {
  const stalled = new AbortController();
  const stall = (): void =>
    stalled.abort(
      new SyncError("REMOTE_TIMEOUT", `The target stopped reading the push, or reads too slowly: ${url}`, {
        side: "target",
        url,
      }),
    );
  return {
    signal: AbortSignal.any([signal, stalled.signal]),
    watch: async function* (chunks) {
      for await (const chunk of chunks) {
        const timer = setTimeout(stall, takingBudgetMs(chunk.length, limits));
        try {
          yield chunk;
        } finally {
          clearTimeout(timer);
        }
      }
    },
  };
}
