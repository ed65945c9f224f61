/** The one way of a hint: the state first, then the queue. */

import { context, propagation } from "@opentelemetry/api";
import type { TargetKey, Trigger } from "@gitsync/jobs";
import type { Logger, QueueStore } from "@gitsync/runtime";
import type { Deadline } from "./deadline.ts";
import { newId } from "./ids.ts";
import { laneFor } from "./lane.ts";
import type { LaneJob, Lanes } from "./lanes.ts";
import type { EnqueuedSync } from "./producer.ts";
import type { NewHint, RouteStore } from "./state/route-store.ts";

/** What a hint passes through. */
export interface HintWay {
  readonly store: Pick<QueueStore, "kind">;
  readonly routes: RouteStore;
  readonly lanes: Lanes;
  readonly logger: Logger;
}

export interface HintRequest extends Pick<NewHint, "delivery" | "nextDueAt"> {
  readonly route: string;
  readonly target: TargetKey;
  readonly trigger: Trigger;
}

/**
 * Say that a route may be stale. The state is written first: once it is, a lost or late job costs time, never
 * the hint.
 *
 * @returns `undefined` when there is no such route.
 * @throws {ProducerError} `QUEUE_UNAVAILABLE` when nothing could be written in time.
 */
export async function giveHint(
  way: HintWay,
  request: HintRequest,
  deadline: Deadline,
): Promise<EnqueuedSync | undefined> {
  const { route, target, trigger, delivery, nextDueAt } = request;
  const jobId = newId();
  const traceparent = currentTraceparent();
  const receipt = await deadline.within(
    way.routes.hint(route, {
      jobId,
      lane: laneFor(way.store, target),
      trigger,
      ...(traceparent === undefined ? {} : { traceparent }),
      ...(delivery === undefined ? {} : { delivery }),
      ...(nextDueAt === undefined ? {} : { nextDueAt }),
    }),
  );
  if (receipt === undefined) return undefined;
  const { tenantPending, paused, targetKey, jobId: id, ...told } = receipt;
  const job = { target: targetKey, trigger, tenantPending, ...(id === jobId && { id }) };
  const queued = !paused && (await addJob(way, job, deadline));
  const { state, coalesced, redelivered, requested, requestedAt } = told;
  return { id, route, target: targetKey, state, coalesced, redelivered, requestedAt, requested, queued };
}

/** @returns false when the queue did not take it; the sweep finds the route then. */
export async function addJob({ lanes, logger }: HintWay, job: LaneJob, deadline: Deadline): Promise<boolean> {
  try {
    await deadline.within(lanes.add(job));
    return true;
  } catch (error) {
    logger.warn({ err: error, target: job.target }, "Cannot put a job on the queue; the hint is kept");
    return false;
  }
}

function currentTraceparent(): string | undefined {
  const carrier: Record<string, string> = {};
  propagation.inject(context.active(), carrier);
  return carrier["traceparent"];
}
