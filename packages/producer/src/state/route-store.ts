/**
 * What is known of every route and every job: the truth that the queue only accelerates.
 *
 * One seam, two implementations in the queue's own store, one conformance suite. Every method is one atomic
 * step. Times are whole milliseconds of the store's clock, never of the caller's.
 */

import type {
  Hint,
  Interval,
  JobState,
  QuarantinedRef,
  RouteCondition,
  RouteDefinition,
  RouteStatus,
  RunProgress,
  RunReport,
  TargetKey,
  Trigger,
} from "@gitsync/jobs";

/** A hint as it is handed in. */
export interface NewHint {
  /** Id of the job that is opened when none of this route waits yet. Random, never used before. */
  readonly jobId: string;
  /** The lane that the job is going to wait in; it is entered in the registry. */
  readonly lane: string;
  readonly trigger: Trigger;
  /** W3C trace context of the request that gave the hint. */
  readonly traceparent?: string;
  /** Id of the webhook delivery that gave the hint. A repeated one is counted; it never suppresses a hint. */
  readonly delivery?: string;
  /** When the route is due next, if the schedule gave the hint. */
  readonly nextDueAt?: number;
}

/** What became of a hint. */
export interface HintReceipt {
  /** The job that answers this hint: the one handed in, or one that was waiting already. */
  readonly jobId: string;
  readonly state: JobState;
  readonly requested: string;
  /** A run answers this hint when it started after this time. */
  readonly requestedAt: number;
  /** True when the route was dirty already. */
  readonly coalesced: boolean;
  readonly paused: boolean;
  /** True when the same delivery hinted this route within the last day. */
  readonly redelivered: boolean;
  readonly targetKey: TargetKey;
  /** Jobs of the same tenant that wait, this one included. */
  readonly tenantPending: number;
}

/** Who starts a run. */
export interface RunStart {
  readonly runId: string;
  readonly workerId: string;
  /** Attempt of the queue's job, from 1. */
  readonly attempt: number;
  /** Routes that this job is done with, whatever became of them. */
  readonly skip: readonly string[];
  /** How many runs may use a host at the same time, in either role; other hosts have no limit. Default: none. */
  readonly hostLimits?: Readonly<Record<string, number>>;
  /** receive-pack requests per minute and target repository, by the target's host; others have no limit. Default: none. */
  readonly pushesPerMinute?: Readonly<Record<string, number>>;
  /** Routes of the worker's configuration: another configured one is left to a worker that knows it. Default: none. */
  readonly known?: readonly string[];
}

/** The next thing to do for a target. */
export type NextRun =
  | {
      readonly type: "run";
      readonly route: RouteDefinition;
      /** The token to hand to {@link RouteStore.finishRun} when this run was verified. */
      readonly requested: string;
      readonly startedAt: number;
      /** Starts in a row, this one included, that left no record of how they ended. */
      readonly starts: number;
      /** The jobs that this run answers, the oldest first. */
      readonly jobIds: readonly string[];
      /** Every hint since the last run, the oldest first. */
      readonly hints: readonly Hint[];
      readonly lastChangeAt: number | undefined;
      readonly quarantine: readonly QuarantinedRef[];
      /** The mass delete that a person approved, for this run alone. */
      readonly approvedPlan: string | undefined;
    }
  | {
      /** Nothing to do now. */
      readonly type: "idle";
      /** Set when a dirty route has to wait for a host: how long from now, in milliseconds. */
      readonly heldForMs?: number;
      /** A dirty route that is not among the known ones would run. */
      readonly foreign?: true;
    };

/** A push that is about to be made to a target whose host takes only so many. */
export interface PushRate {
  /** receive-pack requests per minute and target repository. */
  readonly perMinute: number;
  /** Count it from now on, if it may go. */
  readonly take: boolean;
}

/** What a run learned of the hosts it spoke to. */
export interface HostFindings {
  /** Hosts that did what was asked: they can be reached. */
  readonly answered?: readonly string[];
  /** A host that could not be reached or failed. Several times in a row, and everybody leaves it alone for a while. */
  readonly failed?: string;
  /** A host that asked everybody to wait, or everybody with this credential. The longest wait wins. */
  readonly blocked?: { readonly host: string; readonly credential?: string; readonly ms: number };
}

/** How a run ended, besides its report. */
export interface RunEnd {
  /** The `requested` that the run had seen, when its outcome stands for it. */
  readonly synced?: string;
  /** How the route is now; `undefined` leaves that as it was. */
  readonly condition?: RouteCondition;
  /** `reset` after a run that went through, `count` after a failure, `keep` when nothing was learned. */
  readonly failures: "reset" | "count" | "keep";
  /** What the jobs of this run are now. */
  readonly jobState: JobState;
  /** No run for this long, unless a hint came during the run. */
  readonly waitMs?: number;
  /** What was learned of the hosts. Recorded even when another run of the route took over. */
  readonly hosts?: HostFindings;
  /** What {@link NextRun} `starts` counts from next time. Default: 0. */
  readonly starts?: number;
  /** Write a new `requested`: what this run did is not certain, somebody has to look again. */
  readonly requestAgain?: boolean;
  /** The run changed the target. */
  readonly changed?: boolean;
  /** When the route is due next; `undefined` leaves that as it was. */
  readonly nextDueAt?: number;
  /** The refs that are left out from now on; `undefined` leaves the list as it was. */
  readonly quarantine?: readonly QuarantinedRef[];
}

/** A job: one request for a run of one route. */
export interface JobRecord {
  readonly id: string;
  readonly route: string;
  readonly target: TargetKey;
  readonly lane: string;
  readonly trigger: Trigger;
  readonly state: JobState;
  /** Attempt that is running or ran last; 0 before the first. */
  readonly attempt: number;
  readonly createdAt: number;
  readonly requestedAt: number;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  /** Last report of its runs, as long as it is kept. */
  readonly report?: RunReport;
  readonly progress?: RunProgress;
}

export interface JobQuery {
  readonly state?: JobState;
  /** Jobs of any of these. */
  readonly routes?: readonly string[];
  /** At most this many. Default: 50, at most 200. */
  readonly limit?: number;
  /** Where the last page ended. */
  readonly cursor?: string;
}

/** Times are milliseconds of the store's clock. */
export interface WaitingJobsQuery {
  /** Only jobs that were made before. */
  readonly before: number;
  readonly limit: number;
  /** The id of the last job that is known already. */
  readonly after?: string;
}

/** Newest first. `cursor` is set when there may be more. */
export interface JobPage {
  readonly jobs: readonly JobRecord[];
  readonly cursor?: string;
}

/** In order of their ids. `cursor` is set when there may be more. */
export interface RoutePage {
  readonly routes: readonly RouteStatus[];
  readonly cursor?: string;
}

/**
 * What a cancellation met: `cancelled` before it ran, `stopping` a run whose worker will see it within a
 * second, `finished` already, or `missing`.
 */
export type CancelOutcome = "cancelled" | "stopping" | "finished" | "missing";

/** A route that somebody has to look at: due, or dirty for a while. */
export interface WakingRoute {
  readonly id: string;
  readonly target: TargetKey;
  /** Set for configured routes. */
  readonly every: Interval | undefined;
  readonly dirty: boolean;
  readonly lastChangeAt: number | undefined;
  readonly everStarted: boolean;
  /** The worker whose run is under way, dead or alive. */
  readonly workerId: string | undefined;
  /** It was told to look by {@link RouteStore.lookAgain}, and no run has started since. */
  readonly lookAgain: boolean;
}

/** When a route is looked at whatever is known of it. */
export interface NextLook {
  readonly route: string;
  readonly at: number;
}

/** A route whose condition is another one than people were told. */
export interface StateChange {
  readonly status: RouteStatus;
  /** What they were told last; `ok` for a route that they were never told of. */
  readonly before: RouteCondition;
  readonly after: RouteCondition;
}

export interface RouteStore {
  /** The store's clock. */
  now(): Promise<number>;

  /** Store or replace what a route is made of; what is known of it stays. A configured route that is new or changed is due at once. */
  put(definition: RouteDefinition): Promise<void>;
  /** The same for many, each a step of its own. */
  putAll(definitions: readonly RouteDefinition[]): Promise<void>;
  /** Every configured route with a digest of its definition. */
  configured(): Promise<ReadonlyMap<string, string>>;
  /** Take routes out of the fleet. What is known of them is kept for a week, in case they come back. */
  retire(routes: readonly string[]): Promise<void>;
  /**
   * Routes that are due, and those that have been dirty for half a minute, the longest waiting first. They are not
   * named again for a minute. Found by an index.
   */
  takeWaking(limit: number): Promise<readonly WakingRoute[]>;
  /** Name routes to the sweep from these times on, unless a run starts before. An earlier time that was set before stays. */
  lookAgain(looks: readonly NextLook[]): Promise<void>;
  /** Write a new `requested`, remember the hint, and open a job unless one waits. `undefined`: no such route. */
  hint(route: string, hint: NewHint): Promise<HintReceipt | undefined>;
  /** Routes whose condition people have to be told. A route that went there and back between two looks is none. */
  stateChanges(limit: number): Promise<readonly StateChange[]>;
  /** People were told that the route is in this condition. */
  markTold(route: string, condition: RouteCondition): Promise<void>;
  /** Forget which refs the target refused and until when the route is left alone; the next hint starts it. */
  forgive(route: string): Promise<void>;
  /** Let the next run of a route that ends well carry out a blocked mass delete. @returns false when there is no such route. */
  approve(route: string, plan: string): Promise<boolean>;
  /** @returns false when there is no such route. */
  setPaused(route: string, paused: boolean): Promise<boolean>;

  /** Take the next dirty, unpaused, due route of a target and start its run. */
  startRun(target: TargetKey, start: RunStart): Promise<NextRun>;
  /** How long the next push to a target has to wait, in milliseconds; 0: it may go. Exact, whoever asks at the same time. */
  pushWait(target: TargetKey, push: PushRate): Promise<number>;
  /** Say how far a run is. Ignored when another run took over. */
  progress(route: string, runId: string, progress: RunProgress): Promise<void>;
  /**
   * Record how a run ended.
   *
   * @returns false when another run of the route took over meanwhile; then nothing is written but
   * the new token of `requestAgain`.
   */
  finishRun(report: RunReport, end: RunEnd): Promise<boolean>;
  /** Those of `runIds` that somebody cancelled. */
  cancelledRuns(runIds: readonly string[]): Promise<readonly string[]>;

  cancelJob(id: string): Promise<CancelOutcome>;
  job(id: string): Promise<JobRecord | undefined>;
  jobs(query?: JobQuery): Promise<JobPage>;
  /** Jobs that wait since before a time, the oldest first, those after the job `after`. */
  waitingJobs(query: WaitingJobsQuery): Promise<readonly JobRecord[]>;
  jobCounts(): Promise<Readonly<Record<JobState, number>>>;

  route(id: string): Promise<RouteStatus | undefined>;
  routes(query?: { readonly limit?: number; readonly cursor?: string }): Promise<RoutePage>;
  /** Reports of a route, the newest first. */
  reports(route: string, limit?: number): Promise<readonly RunReport[]>;
  /** Every lane that a job was ever put in. */
  lanes(): Promise<readonly string[]>;
}
