/** Tells whether a configured route is stored as it is configured now. */

import { createHash } from "node:crypto";
import type { RouteDefinition } from "@gitsync/jobs";

/** `undefined` for a route that no configuration names. */
export function definitionDigest(definition: RouteDefinition): string | undefined {
  if (definition.every === undefined || definition.keepMs !== undefined) return undefined;
  return createHash("sha256").update(JSON.stringify(definition)).digest("base64url").slice(0, 16);
}
