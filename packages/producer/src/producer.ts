/** The producer's surface: what may be asked for and what is answered. */

import type {
  Endpoint,
  Interval,
  JobState,
  RefScope,
  RouteError,
  RouteStatus,
  RunProgress,
  RunReport,
  SyncPolicy,
  TargetKey,
  Trigger,
} from "@gitsync/jobs";
import type { Moment } from "./mirror-view.ts";
import type { JobQuery, RouteStore } from "./state/route-store.ts";

/** A sync of two endpoints that no configuration names. */
export interface EnqueueRequest {
  /** Any URL that the engine takes, or a path of this machine. */
  readonly source: Endpoint;
  readonly target: Endpoint;
  /** Default: every branch and tag. */
  readonly scope?: RefScope;
  /** Laid over {@link ADHOC_POLICY}. */
  readonly policy?: SyncPolicy;
  /** Default: `person`. */
  readonly trigger?: Trigger;
  /** Whose work it is, for fairness. Default: `adhoc`. */
  readonly tenant?: string;
  /** Names of credentials that the workers know, never secrets. */
  readonly sourceCredential?: string;
  readonly targetCredential?: string;
}

/** Two endpoints that are kept equal although no configuration names them. */
export interface ScheduleRequest extends Omit<EnqueueRequest, "trigger"> {
  /** Milliseconds between two looks, a second at least; or `auto`: half the time since the last change, 1 min to 8 h. */
  readonly every: Interval;
}

/** How a route is asked for. */
export interface EnqueueRouteOptions {
  /** Default: `person`. */
  readonly trigger?: Trigger;
  /** Time that all of it may take, in milliseconds. Default: 2,000. */
  readonly withinMs?: number;
  /** Id of the webhook delivery that asks: counted when it comes again, never suppressed. */
  readonly delivery?: string;
}

/** A hint that is durable. */
export interface EnqueuedSync {
  /** The job that answers it; several hints may share one. */
  readonly id: string;
  readonly route: string;
  readonly target: TargetKey;
  readonly state: JobState;
  /** True when the route was dirty already. */
  readonly coalesced: boolean;
  /** True when the same delivery hinted this route within the last day. */
  readonly redelivered: boolean;
  /** Milliseconds of the store's clock; a run that started after it answers this hint. */
  readonly requestedAt: number;
  readonly requested: string;
  /** False when only the route's state could be written (or the route is paused): the next hint, or resume, puts it on the queue. */
  readonly queued: boolean;
}

/** A job as it is shown. Times are milliseconds of the store's clock. */
export interface JobView {
  readonly id: string;
  readonly route: string;
  readonly target: TargetKey;
  readonly state: JobState;
  readonly trigger: Trigger;
  /** Attempt that is running or ran last; 0 before the first. */
  readonly attempt: number;
  readonly createdAt: number;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  readonly report?: RunReport;
  /** Of the last attempt. */
  readonly error?: RouteError;
  readonly progress?: RunProgress;
}

export interface JobViewPage {
  readonly jobs: readonly JobView[];
  readonly cursor?: string;
}

export interface WaitOptions {
  /** Ends the waiting; the returned promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Told of each attempt that was not the last, once. */
  readonly onAttempt?: (report: RunReport) => void;
  /** Told when the progress of the run changed. */
  readonly onProgress?: (progress: RunProgress) => void;
}

export interface Producer {
  /** The state of routes and jobs; a worker of this process may share it. */
  readonly routes: RouteStore;

  /** What {@link mirrorViews} has to know besides the routes: the store's time, and the hosts that are not asked now. */
  moment(): Promise<Moment>;

  /**
   * Ask for a sync of two endpoints.
   *
   * Resolves once the request is durable, within two seconds or so.
   *
   * @throws {ProducerError} `REQUEST_INVALID`, or `QUEUE_UNAVAILABLE` when nothing could be written.
   */
  enqueueSync(request: EnqueueRequest): Promise<EnqueuedSync>;
  /**
   * Ask for a run of a route that is stored. Resolves within two seconds, or within `withinMs`.
   *
   * @throws {ProducerError} `ROUTE_NOT_FOUND` or `QUEUE_UNAVAILABLE`.
   */
  enqueueRoute(route: string, options?: EnqueueRouteOptions): Promise<EnqueuedSync>;

  /**
   * Keep two endpoints equal: look now, and again every so often, without being asked. Another call for the same two
   * replaces the interval. The store alone knows of it, so whoever schedules does so again when it starts.
   *
   * @throws {ProducerError} `REQUEST_INVALID`, or `QUEUE_UNAVAILABLE` when nothing could be written.
   */
  schedule(request: ScheduleRequest): Promise<EnqueuedSync>;
  /**
   * End that. What is known of the route is kept for a week.
   *
   * @throws {ProducerError} `ROUTE_NOT_FOUND`, also for a route that `schedule` did not make; or `QUEUE_UNAVAILABLE`.
   */
  unschedule(route: string): Promise<void>;

  job(id: string): Promise<JobView | undefined>;
  jobs(query?: JobQuery): Promise<JobViewPage>;
  /**
   * Cancel a job wherever it is; a running one stops within two seconds. The route stays as dirty as it is
   * and is tried again when it is hinted or due.
   *
   * @returns the job after the cancellation; `active` as long as its worker has not stopped yet.
   * @throws {ProducerError} `JOB_NOT_FOUND` or `QUEUE_UNAVAILABLE`.
   */
  cancel(id: string): Promise<JobView>;
  /**
   * Ask once more for what a job did: a fresh hint of its route, never the same job again.
   *
   * @throws {ProducerError} `JOB_NOT_FOUND`, `ROUTE_NOT_FOUND` or `QUEUE_UNAVAILABLE`.
   */
  retry(id: string): Promise<EnqueuedSync>;

  /** Keep hints, start no runs. A run that is under way ends as it would. @throws {ProducerError} `ROUTE_NOT_FOUND`. */
  pause(route: string): Promise<RouteStatus>;
  /** Start runs again, with one right away when hints came in. @throws {ProducerError} `ROUTE_NOT_FOUND`. */
  resume(route: string): Promise<RouteStatus>;
  /**
   * Let a route delete what its last run found to be too much. `plan` is that run's `execution.blockedPlan`: exactly
   * these deletes are approved, for one run, which is asked for at once.
   *
   * @throws {ProducerError} `PLAN_OUTDATED` when the last run named another plan or none, or `ROUTE_NOT_FOUND`.
   */
  approve(route: string, plan: string): Promise<EnqueuedSync>;
  route(id: string): Promise<RouteStatus | undefined>;
  /** Every route, in order of their ids. */
  allRoutes(): AsyncIterable<RouteStatus>;

  /**
   * Wait for the run that answers a hint: the first one that started after `requestedAt` and is final.
   *
   * @throws {ProducerError} `ROUTE_NOT_FOUND` when the route is forgotten meanwhile.
   */
  waitForRun(route: string, requestedAt: number, options?: WaitOptions): Promise<RunReport>;

  /** Close the queues, and the store if this producer opened it; each with a deadline. */
  close(): Promise<void>;
}
