/**
 * Who the fleet is at each end of a route: from the credential's name in a route's definition to what the engine
 * sends. A credential is never shown to an origin that its configuration does not name.
 */

import {
  SyncError,
  type AuthProvider,
  type Endpoint,
  type EndpointAuth,
  type EndpointRole,
  type HttpClient,
} from "@gitsync/engine";
import type { RouteDefinition } from "@gitsync/jobs";
import {
  credentialFits,
  RuntimeError,
  SecretReader,
  type Secret,
  type CredentialConfig,
  type FleetConfig,
  type SecretRegistry,
} from "@gitsync/runtime";
import { InstallationTokens, type TokenScope } from "./installation-tokens.ts";
import { removeAbandonedFolders } from "./private-folder.ts";
import { SshFiles } from "./ssh-files.ts";

export interface FleetCredentialsOptions {
  /** The credentials in force now; asked each time. */
  readonly credentials: () => FleetConfig["credentials"];
  /** Where `env` references are looked up. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Learns every secret. */
  readonly secrets: SecretRegistry;
  /** For the APIs that give tokens. */
  readonly http: HttpClient;
}

/** The names of the credentials that a route uses, as its definition has them. */
export type RouteCredentials = Pick<RouteDefinition, "sourceCredential" | "targetCredential">;

/** Gives the engine an {@link AuthProvider} for each route. Holds no secret longer than it has to. */
export interface FleetCredentials {
  forRoute(route: RouteCredentials): AuthProvider;
  /**
   * The secret of a credential as it is kept now; its key, for one that has a key.
   *
   * @throws {RuntimeError} when it cannot be read, or no credential of this name is configured.
   */
  secretOf(name: string): Promise<Secret>;
  /** Removes what was written for ssh. Runs that are under way may lose their key. */
  close(): Promise<void>;
}

export function createFleetCredentials(options: FleetCredentialsOptions): FleetCredentials {
  const { secrets, env, http } = options;
  const reader = new SecretReader({ env, secrets });
  const tokens = new InstallationTokens({ http, reader, secrets });
  const files = new SshFiles();
  // Keys of a worker that was killed must not lie there until somebody looks.
  const removed = removeAbandonedFolders().catch(() => undefined);
  return {
    close: async () => {
      await removed;
      await files.close();
    },
    secretOf: async (name) => {
      const credential = options.credentials().get(name);
      if (credential === undefined)
        throw new RuntimeError("SECRET_UNREADABLE", `No credential ${name} is configured`);
      return await reader.read(credential.type === "basic" ? credential.token : credential.privateKey);
    },
    forRoute: (route) => ({
      authFor: async (endpoint, role, _signal, challenge) => {
        const name = role === "source" ? route.sourceCredential : route.targetCredential;
        if (name === undefined) return {};
        const credential = options.credentials().get(name);
        if (credential === undefined) throw unknownCredential(name, role);
        if (!credentialFits(credential, endpoint.url)) throw strangeOrigin(credential, endpoint, role);
        const refused = challenge !== undefined;
        try {
          return await authOf(credential, { reader, tokens, files, endpoint, role, refused });
        } catch (error) {
          throw error instanceof RuntimeError ? unreadable(credential, role, error) : error;
        }
      },
    }),
  };
}

interface Asked {
  readonly reader: SecretReader;
  readonly tokens: InstallationTokens;
  readonly files: SshFiles;
  readonly endpoint: Endpoint;
  readonly role: EndpointRole;
  /** What was given before did not work: nothing that is kept is given again. */
  readonly refused: boolean;
}

async function authOf(credential: CredentialConfig, asked: Asked): Promise<EndpointAuth> {
  const { reader, tokens, files, endpoint, role, refused } = asked;
  switch (credential.type) {
    case "basic": {
      const { username, token, origins } = credential;
      if (refused) reader.forget(token);
      return { username, token: (await reader.read(token, username)).expose(), origins };
    }
    case "github-app": {
      const scope: TokenScope = { repository: repositoryOf(endpoint.url), role };
      if (refused) tokens.forget(credential, scope);
      const { token, expiresAtMs } = await tokens.token(credential, scope);
      return { username: "x-access-token", token: token.expose(), expiresAtMs, origins: credential.origins };
    }
    case "ssh": {
      const { privateKey, knownHosts } = credential;
      if (refused) reader.forget(privateKey);
      const key = await reader.read(privateKey);
      return {
        // OpenSSH takes no key without a newline at its end.
        identityFile: await files.write("key", `${key.expose()}\n`),
        knownHostsFile: await files.write("known_hosts", `${await reader.readPublic(knownHosts)}\n`),
      };
    }
  }
}

/** The last part of a repository's path, which is its name in GitHub's API. */
function repositoryOf(url: string): string {
  const path = decodeURIComponent(new URL(url).pathname).replace(/\/+$/u, "");
  return path.slice(path.lastIndexOf("/") + 1).replace(/\.git$/u, "");
}

function unreadable({ id }: CredentialConfig, role: EndpointRole, cause: RuntimeError): SyncError {
  return new SyncError(
    "AUTH_PROVIDER_FAILED",
    `Cannot get credential ${id} for the ${role}: ${cause.message}`,
    { role, credential: id },
    { cause },
  );
}

function unknownCredential(name: string, role: EndpointRole): SyncError {
  return new SyncError(
    "AUTH_PROVIDER_FAILED",
    `The route's credential for the ${role} is not in this worker's configuration: ${name}`,
    { role, credential: name },
  );
}

function strangeOrigin({ id, origins }: CredentialConfig, endpoint: Endpoint, role: EndpointRole): SyncError {
  return new SyncError(
    "AUTH_DENIED",
    `Credential ${id} may be shown to ${origins.join(", ")} only, not to the ${role} ${new URL(endpoint.url).origin}`,
    { role, credential: id },
  );
}
