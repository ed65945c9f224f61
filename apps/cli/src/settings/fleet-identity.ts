/** The configured credentials, ready to be used: with what it takes to read secrets and to ask for tokens. */

import { createHttpClient } from "@gitsync/engine";
import type { FleetConfig, SecretRegistry } from "@gitsync/runtime";
import type { FleetCredentials } from "@gitsync/worker";
import { egressPolicyOf } from "./engine-client.ts";

export interface FleetIdentity {
  readonly credentials: FleetCredentials;
  close(): Promise<void>;
}

export interface FleetIdentityOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly secrets: SecretRegistry;
}

/** `config` is asked each time a credential is needed; where tokens are asked for is settled now. */
export async function openFleetIdentity(
  config: () => FleetConfig,
  { env, secrets }: FleetIdentityOptions,
): Promise<FleetIdentity> {
  const { createFleetCredentials } = await import("@gitsync/worker");
  const http = createHttpClient({ egress: egressPolicyOf(config().egress) });
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
