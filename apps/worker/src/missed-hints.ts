/**
 * Hints that came in between the end of a failed run and the moment at which the queue put its job off.
 *
 * To the queue the job was still running then, so such a hint became a follow-up that waits for the whole
 * back-off instead of ending it. Once the job is put off, the hint is given again and pulls it forward.
 */

import type { TargetKey } from "@gitsync/jobs";
import type { Lanes, RouteStore } from "@gitsync/producer";
import type { Logger } from "@gitsync/runtime";

/** A run whose job is tried again. */
export interface FailedRun {
  readonly route: string;
  /** Of the route's clock; a later hint did not see this run's answer. */
  readonly startedAt: number;
}

export class MissedHints {
  readonly #routes: RouteStore;
  readonly #lanes: Lanes;
  readonly #logger: Logger;
  readonly #failed = new Map<string, { readonly target: TargetKey; readonly runs: readonly FailedRun[] }>();

  constructor(routes: RouteStore, lanes: Lanes, logger: Logger) {
    this.#routes = routes;
    this.#lanes = lanes;
    this.#logger = logger;
  }

  /** A job is about to be given back for another attempt. */
  willRetry(queueJobId: string, target: TargetKey, runs: readonly FailedRun[]): void {
    this.#failed.set(queueJobId, { target, runs });
  }

  /** The queue has put the job off: look whether somebody asked meanwhile. */
  async putOff(queueJobId: string): Promise<void> {
    const failed = this.#failed.get(queueJobId);
    this.#failed.delete(queueJobId);
    if (failed === undefined) return;
    try {
      const missed = await Promise.all(failed.runs.map((run) => this.#isHintedSince(run)));
      if (missed.includes(true)) {
        await this.#lanes.add({ target: failed.target, trigger: "webhook", tenantPending: 0 });
      }
    } catch (error) {
      this.#logger.debug({ err: error, target: failed.target }, "Cannot look for missed hints");
    }
  }

  async #isHintedSince(run: FailedRun): Promise<boolean> {
    const status = await this.#routes.route(run.route);
    return status !== undefined && !status.paused && (status.requestedAt ?? 0) > run.startedAt;
  }
}
