/** The route that a request stands for that no configuration names: the same request, the same route. */

import { createHash } from "node:crypto";
import {
  ADHOC_KEEP_MS,
  checkAdhocRequest,
  type Interval,
  type RouteDefinition,
  type SyncPolicy,
} from "@gitsync/jobs";
import { canonicalEndpoint, targetKeyOfEndpoint } from "./canonical-endpoint.ts";
import type { EnqueueRequest, ScheduleRequest } from "./producer.ts";
import { ProducerError } from "./producer-error.ts";

/** What a request's policy is laid over: a mirror of branches and tags that deletes nothing and goes as far as it can. */
export const ADHOC_POLICY: SyncPolicy = Object.freeze({
  mode: "replicate",
  includeTags: true,
  bestEffort: true,
  verify: "list",
});

const ADHOC_TENANT = "adhoc";

const LEAST_EVERY_MS = 1_000;
const SCHEDULED = "scheduled-";

/** The route that is asked for once. @throws {ProducerError} `REQUEST_INVALID`, naming the field. */
export function adhocRoute(request: EnqueueRequest): RouteDefinition {
  const { trigger: _trigger, ...asked } = request;
  return routeOf("adhoc-", asked);
}

/** The route that is looked at every so often: another one, so that asking once does not end it. */
export function scheduledRoute({
  every,
  ...asked
}: ScheduleRequest): RouteDefinition & { readonly every: Interval } {
  if (every !== "auto" && !(Number.isSafeInteger(every) && every >= LEAST_EVERY_MS))
    throw invalid({
      path: "every",
      message: `must be auto or whole milliseconds, ${LEAST_EVERY_MS} at least`,
    });
  const route = routeOf(SCHEDULED, asked);
  // Each look renews it; one that is looked at once a month must not be forgotten in between.
  return { ...route, every, keepMs: Math.max(ADHOC_KEEP_MS, every === "auto" ? 0 : 2 * every) };
}

export function isScheduled(route: string): boolean {
  return route.startsWith(SCHEDULED);
}

function invalid({ path, message }: { readonly path: string; readonly message: string }): ProducerError {
  return new ProducerError("REQUEST_INVALID", `Cannot enqueue: ${path} ${message}`, { field: path });
}

function routeOf(
  prefix: string,
  { tenant = ADHOC_TENANT, ...asked }: Omit<EnqueueRequest, "trigger">,
): RouteDefinition {
  const fault = checkAdhocRequest(asked)[0];
  if (fault !== undefined) throw invalid(fault);
  const target = canonicalEndpoint(asked.target, "target");
  const parts = {
    ...asked,
    source: canonicalEndpoint(asked.source, "source"),
    target,
    scope: asked.scope ?? {},
    policy: { ...ADHOC_POLICY, ...asked.policy },
  };
  const digest = createHash("sha256").update(sortedJson(parts)).digest("hex");
  return {
    ...parts,
    id: `${prefix}${digest.slice(0, 32)}`,
    targetKey: targetKeyOfEndpoint(target),
    tenant,
    keepMs: ADHOC_KEEP_MS,
  };
}

/** JSON whose members are in order of their names, whoever wrote them. */
function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) => {
    if (typeof member !== "object" || member === null || Array.isArray(member)) return member;
    return Object.fromEntries(Object.entries(member).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}
