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
}

/** Gives credentials; asked again after a refusal, so that a long run outlives a short token. */
export interface AuthProvider {
  authFor(endpoint: Endpoint, role: EndpointRole, signal: AbortSignal): Promise<EndpointAuth>;
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
