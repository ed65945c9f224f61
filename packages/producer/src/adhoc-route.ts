/** The route that an ad-hoc request stands for: the same request, the same route. */

import { createHash } from "node:crypto";
import { ADHOC_KEEP_MS, checkAdhocRequest, type RouteDefinition, type SyncPolicy } from "@gitsync/jobs";
import { canonicalEndpoint, targetKeyOfEndpoint } from "./canonical-endpoint.ts";
import type { EnqueueRequest } from "./producer.ts";
import { ProducerError } from "./producer-error.ts";

/** What a request's policy is laid over: a mirror of branches and tags that deletes nothing and goes as far as it can. */
export const ADHOC_POLICY: SyncPolicy = Object.freeze({
  mode: "replicate",
  includeTags: true,
  bestEffort: true,
  verify: "list",
});

const ADHOC_TENANT = "adhoc";

/** @throws {ProducerError} `REQUEST_INVALID`, naming the field. */
export function adhocRoute(request: EnqueueRequest): RouteDefinition {
  const { trigger: _trigger, tenant = ADHOC_TENANT, ...asked } = request;
  const fault = checkAdhocRequest(asked)[0];
  if (fault !== undefined) {
    throw new ProducerError("REQUEST_INVALID", `Cannot enqueue: ${fault.path} ${fault.message}`, {
      field: fault.path,
    });
  }
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
    id: `adhoc-${digest.slice(0, 32)}`,
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
