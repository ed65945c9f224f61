/** Secrets of a configuration that no repository is asked with: those of webhooks, in both directions. */

import { SecretReader, type FleetConfig, type SecretReference, type SecretRegistry } from "@gitsync/runtime";
import { failureOf, type Failure } from "../output/failure.ts";

/** A secret that cannot be read here. */
export interface UnreadableSecret {
  /** Its place in the configuration. */
  readonly key: string;
  readonly error: Failure;
}

interface NamedSecret {
  readonly key: string;
  readonly reference: SecretReference;
}

/** Read each of them once. */
export async function unreadableSecrets(
  config: FleetConfig,
  options: { readonly env: NodeJS.ProcessEnv; readonly secrets: SecretRegistry },
): Promise<readonly UnreadableSecret[]> {
  const reader = new SecretReader(options);
  const unreadable: UnreadableSecret[] = [];
  for (const { key, reference } of namedSecrets(config)) {
    await reader.read(reference).catch((error: unknown) => unreadable.push({ key, error: failureOf(error) }));
  }
  return unreadable;
}

function namedSecrets({ webhooks, mirrors, notify }: FleetConfig): readonly NamedSecret[] {
  const listed = (of: string, secrets: readonly SecretReference[]): readonly NamedSecret[] =>
    secrets.map((reference, index) => ({ key: `${of}.secrets[${index}]`, reference }));
  return [
    ...[...webhooks].flatMap(([provider, { secrets }]) => listed(`webhooks.${provider}`, secrets)),
    ...mirrors.flatMap(({ id, webhook }) =>
      webhook === undefined ? [] : listed(`mirrors ${id} webhook`, webhook.secrets),
    ),
    ...(notify.webhook === null ? [] : [{ key: "notify.webhook.secret", reference: notify.webhook.secret }]),
  ];
}
