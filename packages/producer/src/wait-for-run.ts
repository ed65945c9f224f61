/** Waiting for the run that answers a hint, wherever it runs. */

import { setTimeout as sleep } from "node:timers/promises";
import type { RouteStatus, RunReport } from "@gitsync/jobs";
import type { WaitOptions } from "./producer.ts";
import { ProducerError } from "./producer-error.ts";
import type { RouteStore } from "./state/route-store.ts";

/** A person waits: look often at first. */
const EAGER_MS = 100;
const EAGER_FOR_MS = 10_000;
const PATIENT_MS = 500;
/** A store that is away this long is given up. */
const GIVE_UP_MS = 60_000;
/** Attempts of one hint are few; older reports belong to others. */
const RECENT = 10;

/** The step behind `Producer.waitForRun`. */
export async function waitForRun(
  routes: RouteStore,
  route: string,
  requestedAt: number,
  options: WaitOptions = {},
): Promise<RunReport> {
  const { signal, onAttempt, onProgress } = options;
  const told = new Set<string>();
  const begun = performance.now();
  let answeredAt = begun;
  let progress: string | undefined;
  for (;;) {
    signal?.throwIfAborted();
    const seen = await look(routes, route);
    const now = performance.now();
    if (seen instanceof ProducerError) {
      if (seen.code === "ROUTE_NOT_FOUND" || now - answeredAt > GIVE_UP_MS) throw seen;
    } else {
      answeredAt = now;
      const answers = seen.reports.filter((report) => report.startedAt > requestedAt).toReversed();
      for (const report of answers) {
        if (report.final) return report;
        if (!told.has(report.runId)) onAttempt?.(report);
        told.add(report.runId);
      }
      const { running } = seen.status;
      if (running?.progress !== undefined && running.startedAt > requestedAt) {
        const text = JSON.stringify(running.progress);
        if (text !== progress) onProgress?.(running.progress);
        progress = text;
      }
    }
    await sleep(now - begun < EAGER_FOR_MS ? EAGER_MS : PATIENT_MS, undefined, signal && { signal }).catch(
      () => undefined,
    );
  }
}

interface Seen {
  readonly status: RouteStatus;
  readonly reports: readonly RunReport[];
}

async function look(routes: RouteStore, route: string): Promise<Seen | ProducerError> {
  try {
    const [reports, status] = await Promise.all([routes.reports(route, RECENT), routes.route(route)]);
    if (status === undefined) {
      return new ProducerError("ROUTE_NOT_FOUND", "The route is not stored (any more)", { route });
    }
    return { reports, status };
  } catch (cause) {
    return new ProducerError("QUEUE_UNAVAILABLE", "Cannot look at the route", { route }, { cause });
  }
}
