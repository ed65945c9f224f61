/** A sync of two endpoints that no configuration names: what a person or an API client asks for. */

import {
  endpointSchema,
  frozen,
  refScopeSchema,
  syncPolicySchema,
  validateAgainst,
  type FromSchema,
  type SchemaFault,
} from "@gitsync/engine/schema";

const credentialName = {
  type: "string",
  minLength: 1,
  maxLength: 256,
  description: "a name under credentials:",
} as const;

export const adhocRequestSchema = frozen({
  type: "object",
  title: "Sync two repositories that are not in the configuration",
  properties: {
    source: endpointSchema,
    target: endpointSchema,
    scope: refScopeSchema,
    policy: syncPolicySchema,
    sourceCredential: credentialName,
    targetCredential: credentialName,
  },
  required: ["source", "target"],
  additionalProperties: false,
});

/** A request for an ad-hoc sync. */
export type AdhocRequest = FromSchema<typeof adhocRequestSchema>;

/** Every fault of an ad-hoc request of unknown shape; an empty list means that it is an {@link AdhocRequest}. */
export function checkAdhocRequest(request: unknown): readonly SchemaFault[] {
  return validateAgainst(adhocRequestSchema, request);
}
