/** Who we are at a remote. A provider is asked whenever credentials are needed or were refused. */

import type { Endpoint } from "./schema/index.ts";

/** Which side of a run an endpoint is. */
export type EndpointRole = "source" | "target";

/** Credentials for one endpoint. Never logged, never part of a request, a job or an error. */
export interface EndpointAuth {
  /** User name for basic authentication; `git` when only a token is given. */
  readonly username?: string;
  /** Password or token for basic authentication. */
  readonly token?: string;
  /** Sent as `Authorization: Bearer …`; wins over a token. */
  readonly bearerToken?: string;
  /** Accept any TLS certificate of this endpoint. */
  readonly skipTlsVerify?: boolean;
  /** When the credentials end, in milliseconds since the epoch; others are asked for shortly before. */
  readonly expiresAtMs?: number;
  /**
   * Further origins (`https://host[:port]`) that the credentials are for, where `followInfoRefsRedirect` leads to
   * one. Without it they go to the endpoint's own origin only.
   */
  readonly origins?: readonly string[];
  /** A certificate of our own for TLS, with its key: both PEM. */
  readonly clientCertificate?: { readonly certificate: string; readonly key: string };
  /** For ssh: the path of a private key without passphrase, readable by its owner only. */
  readonly identityFile?: string;
  /** For ssh: the path of the only file of host keys that are believed: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT". */
  readonly knownHostsFile?: string;
}

/** Why a provider is asked again: a server did not take what it was sent. */
export interface AuthChallenge {
  /** Who asks: the endpoint's own origin, or one that its listing was redirected to. */
  readonly origin: string;
  /** What was sent; `undefined` when nothing was. */
  readonly refused: EndpointAuth | undefined;
  /** The `WWW-Authenticate` headers, sanitised. */
  readonly challenges: readonly string[];
}

/** Gives credentials; asked again after a refusal, so that a long run outlives a short token. */
export interface AuthProvider {
  /** `challenge` is there when a server refused what was given before, or asks for credentials and got none. */
  authFor(
    endpoint: Endpoint,
    role: EndpointRole,
    signal: AbortSignal,
    challenge?: AuthChallenge,
  ): Promise<EndpointAuth>;
  /**
   * Told what became of credentials that were sent: once when the server took them, once when it refused them.
   * Whoever keeps credentials can then keep or forget them. A rejection is ignored.
   */
  settled?(
    endpoint: Endpoint,
    role: EndpointRole,
    auth: EndpointAuth,
    verdict: "accepted" | "refused",
  ): Promise<void>;
}

/** The same credentials whenever asked. */
export class StaticAuthProvider implements AuthProvider {
  readonly #auth: Readonly<Partial<Record<EndpointRole, EndpointAuth>>>;

  constructor(auth: Readonly<Partial<Record<EndpointRole, EndpointAuth>>> = {}) {
    this.#auth = auth;
  }

  authFor(_endpoint: Endpoint, role: EndpointRole): Promise<EndpointAuth> {
    return Promise.resolve(this.#auth[role] ?? {});
  }
}
