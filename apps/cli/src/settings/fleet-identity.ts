/** The configured credentials, ready to be used: with what it takes to read secrets and to ask for tokens. */

import type { HttpClient } from "@gitsync/engine";
import type { FleetConfig, SecretRegistry } from "@gitsync/runtime";
import type { FleetCredentials } from "@gitsync/worker";

export interface FleetIdentity {
  readonly credentials: FleetCredentials;
  close(): Promise<void>;
}

export interface FleetIdentityOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly secrets: SecretRegistry;
  /** For the APIs that give tokens; closed with the identity. */
  readonly http: HttpClient;
}

/** `config` is asked each time a credential is needed. */
export async function openFleetIdentity(
  config: () => FleetConfig,
  { env, secrets, http }: FleetIdentityOptions,
): Promise<FleetIdentity> {
  const { createFleetCredentials } = await import("@gitsync/worker");
  const credentials = createFleetCredentials({
    credentials: () => config().credentials,
    env,
    secrets,
    http,
  });
  return {
    credentials,
    close: async () => {
      await Promise.all([credentials.close(), http.close()]);
    },
  };
}
