/** Routes as people and dashboards look at them: how each is, how far behind, what happens next and why not now. */

import type {
  QuarantinedRef,
  RouteDefinition,
  RouteError,
  RouteStateName,
  RouteStatus,
  RunningRun,
} from "@gitsync/jobs";
import type { HostBlock } from "./state/fleet-store.ts";
import { hostsOf, partyName } from "./state/host-rules.ts";

/**
 * Why a route that is not running is not running. `paused`: a person has to resume it. `host`: one of its hosts asked
 * to wait, or is out of reach. `back-off`: it failed, and is tried again then. `queued`: its turn comes. `idle`:
 * nothing is known to be new; it is looked at when it is due.
 */
export const WAITING_REASONS = ["paused", "host", "back-off", "queued", "idle"] as const;

/** What a route waits for. */
export interface Waiting {
  readonly reason: (typeof WAITING_REASONS)[number];
  /** The host that is waited for, and the credential if it is waited for with that one only. */
  readonly host?: string;
  readonly credential?: string;
  /** When it ends by itself, in milliseconds of the store's clock. */
  readonly until?: number;
}

/** Times are milliseconds of the store's clock. */
export interface RouteView {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  readonly tenant: string;
  readonly state: RouteStateName;
  /** How long the oldest hint has not been answered; 0 when nothing is open. */
  readonly lagMs: number;
  readonly requestedAt?: number;
  readonly lastSuccessAt?: number;
  readonly lastError?: RouteError;
  readonly failuresInARow: number;
  /** Refs that are left out because the target refuses them. */
  readonly quarantine: readonly QuarantinedRef[];
  readonly running?: RunningRun;
  /** Absent while it runs. */
  readonly waiting?: Waiting;
  /** When it is tried next; absent when that depends on a hint, a worker or a person. */
  readonly nextAttemptAt?: number;
}

/** A mirror: one source and its targets. */
export interface MirrorView {
  readonly id: string;
  /** The worst of its routes. */
  readonly state: RouteStateName;
  /** The longest of its routes. */
  readonly lagMs: number;
  /** The oldest of its routes; absent while one never succeeded. */
  readonly lastSuccessAt?: number;
  readonly routes: readonly RouteView[];
}

/** The one that says most about a mirror comes first. */
const WORST_FIRST: readonly RouteStateName[] = [
  "failing",
  "unknown",
  "degraded",
  "syncing",
  "never-synced",
  "paused",
  "ok",
];

/** The mirror that a route belongs to; `undefined` for one that no configuration names. */
export function mirrorIdOf(route: Pick<RouteDefinition, "id">): string | undefined {
  const slash = route.id.indexOf("/");
  return slash === -1 ? undefined : route.id.slice(0, slash);
}

/** What is known of a route that was never stored. */
export function unstoredRoute(definition: RouteDefinition): RouteStatus {
  return {
    definition,
    state: "never-synced",
    condition: undefined,
    running: undefined,
    paused: false,
    requested: undefined,
    synced: undefined,
    requestedAt: undefined,
    firstUnsyncedAt: undefined,
    lastSuccessAt: undefined,
    lastError: undefined,
    failuresInARow: 0,
    notBefore: undefined,
    nextDueAt: undefined,
    lastChangeAt: undefined,
    quarantine: [],
  };
}

/** What holds for all routes at the moment of a look. */
export interface Moment {
  /** Milliseconds of the store's clock. */
  readonly now: number;
  /** Hosts that asked to wait, or that nobody reaches. */
  readonly blocks: readonly HostBlock[];
}

export function routeView(status: RouteStatus, moment: Moment): RouteView {
  const { now } = moment;
  const { definition, running, requestedAt, firstUnsyncedAt, lastSuccessAt, lastError } = status;
  const waiting = waitingOf(status, moment);
  return {
    id: definition.id,
    source: definition.source.url,
    target: definition.target.url,
    tenant: definition.tenant,
    state: status.state,
    lagMs: isDirty(status) && firstUnsyncedAt !== undefined ? Math.max(0, now - firstUnsyncedAt) : 0,
    ...(requestedAt !== undefined && { requestedAt }),
    ...(lastSuccessAt !== undefined && { lastSuccessAt }),
    ...(lastError !== undefined && { lastError }),
    failuresInARow: status.failuresInARow,
    quarantine: status.quarantine,
    ...(running !== undefined && { running }),
    ...(waiting !== undefined && { waiting }),
    ...(waiting?.until !== undefined && { nextAttemptAt: waiting.until }),
  };
}

/** The mirrors of these routes, in order of their ids. Routes without a mirror are left out. */
export function mirrorViews(routes: readonly RouteStatus[], moment: Moment): readonly MirrorView[] {
  const byMirror = Map.groupBy(routes, ({ definition }) => mirrorIdOf(definition));
  return [...byMirror]
    .flatMap(([id, members]) => (id === undefined ? [] : [mirrorView(id, members, moment)]))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

function mirrorView(id: string, members: readonly RouteStatus[], moment: Moment): MirrorView {
  const routes = members
    .map((status) => routeView(status, moment))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const successes = routes.map(({ lastSuccessAt }) => lastSuccessAt);
  const state = WORST_FIRST.find((name) => routes.some((route) => route.state === name)) ?? "never-synced";
  return {
    id,
    state,
    lagMs: Math.max(0, ...routes.map(({ lagMs }) => lagMs)),
    ...(successes.every((at) => at !== undefined) && { lastSuccessAt: Math.min(...successes) }),
    routes,
  };
}

function waitingOf(status: RouteStatus, { now, blocks }: Moment): Waiting | undefined {
  if (status.running !== undefined) return undefined;
  if (status.paused) return { reason: "paused" };
  const { notBefore = now, nextDueAt, definition } = status;
  if (!isDirty(status)) return { reason: "idle", ...(nextDueAt !== undefined && { until: nextDueAt }) };
  const parties = hostsOf(definition);
  const [longest] = blocks
    .filter(({ host, credential, until }) => until > now && parties.includes(partyName(host, credential)))
    .toSorted((a, b) => b.until - a.until);
  // The longer of both is what it waits for.
  if (longest !== undefined && longest.until >= notBefore) {
    const { host, credential, until } = longest;
    return { reason: "host", host, ...(credential !== undefined && { credential }), until };
  }
  return notBefore > now ? { reason: "back-off", until: notBefore } : { reason: "queued" };
}

function isDirty({ requested, synced }: RouteStatus): boolean {
  return requested !== undefined && requested !== synced;
}
