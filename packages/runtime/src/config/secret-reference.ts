/** Where a secret is kept, from the way it is written. */

import type { SecretReference } from "./fleet-config.ts";
import type { WrittenSecret } from "./mirrors-schema.ts";

/** What is wrong with a reference that the schema accepted; `undefined` when nothing is. */
export function secretReferenceFault(written: WrittenSecret): string | undefined {
  const kinds = Object.keys(written);
  if (kinds.length === 1) return undefined;
  return "must name exactly one of env, file and command; the secret itself never belongs into this file";
}

/** @throws {TypeError} for a reference with a {@link secretReferenceFault}. */
export function secretReference({ env, file, command }: WrittenSecret): SecretReference {
  if (env !== undefined) return { type: "env", name: env };
  if (file !== undefined) return { type: "file", path: file };
  const [program, ...rest] = command ?? [];
  if (program === undefined) throw new TypeError("A secret reference names nothing");
  return { type: "command", argv: [program, ...rest] };
}
