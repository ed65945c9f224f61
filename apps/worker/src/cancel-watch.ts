/** Sees within half a second that somebody, in whatever process, cancelled a run of this one. */

import type { RouteStore } from "@gitsync/producer";
import type { StopReason } from "./stop-reason.ts";

const LOOK_MS = 500;

export class CancelWatch {
  readonly #routes: RouteStore;
  readonly #runs = new Map<string, AbortController>();
  #timer: NodeJS.Timeout | undefined;
  #looking = false;

  constructor(routes: RouteStore) {
    this.#routes = routes;
  }

  /** Watch a run until the returned function is called. Looks only while there is something to watch. */
  watch(runId: string, controller: AbortController): () => void {
    this.#runs.set(runId, controller);
    this.#timer ??= setInterval(() => void this.look(), LOOK_MS);
    return () => {
      this.#runs.delete(runId);
      if (this.#runs.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }

  /** Look now. A store that does not answer cancels nothing. */
  async look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    const cancelled = await this.#routes.cancelledRuns([...this.#runs.keys()]).catch(() => []);
    this.#looking = false;
    for (const runId of cancelled) this.#runs.get(runId)?.abort("cancelled" satisfies StopReason);
  }
}
