/**
 * The credentials of one side of a run: asked for when they are needed, shortly before they end, and after a
 * refusal. A credential goes to the endpoint's own origin, or to just those that it names.
 */

import type { AuthChallenge, AuthProvider, EndpointAuth, EndpointRole } from "../auth.ts";
import { SyncError } from "../errors.ts";
import type { Endpoint } from "../schema/index.ts";

/** How long before its end a credential is not begun with any more. */
const RENEW_BEFORE_MS = 60_000;

/** For an origin that the credentials are not for: neither secrets nor leave to skip the certificate's check. */
const NOTHING: EndpointAuth = Object.freeze({});

export class Credentials {
  readonly #provider: AuthProvider;
  readonly #endpoint: Endpoint;
  readonly #role: EndpointRole;
  readonly #home: string;
  /** What the provider gave unasked. */
  #own: EndpointAuth | undefined;
  /** What an origin is sent. */
  readonly #held = new Map<string, EndpointAuth>();
  /** Those whose provider knows what became of them. */
  readonly #settled = new WeakSet<EndpointAuth>();

  /** `home` is the endpoint's own origin; any constant where the transport knows none. */
  constructor(provider: AuthProvider, endpoint: Endpoint, role: EndpointRole, home: string) {
    this.#provider = provider;
    this.#endpoint = endpoint;
    this.#role = role;
    this.#home = home;
  }

  /**
   * What to send to an origin now; nothing in it when there is nothing to send.
   *
   * @throws {SyncError} `AUTH_PROVIDER_FAILED`.
   */
  async current(origin: string, signal: AbortSignal): Promise<EndpointAuth> {
    const held = this.#held.get(origin);
    if (held !== undefined && !endsSoon(held)) return held;
    if (this.#own === undefined || endsSoon(this.#own)) this.#own = await this.#ask(signal);
    const auth = this.#mayGoTo(this.#own, origin) ? this.#own : NOTHING;
    this.#held.set(origin, auth);
    return auth;
  }

  /** Ask for others after a refusal. @returns false when there are none, or the same again. */
  async renew(challenge: AuthChallenge, signal: AbortSignal): Promise<boolean> {
    const { origin, refused } = challenge;
    const asked = await this.#ask(signal, challenge);
    if (!this.#mayGoTo(asked, origin) || !isOther(asked, refused ?? {})) return false;
    this.#held.set(origin, asked);
    if (origin === this.#home) this.#own = asked;
    return true;
  }

  /** Tell the provider what became of credentials that were sent, once. Never rejects. */
  async settle(auth: EndpointAuth, verdict: "accepted" | "refused"): Promise<void> {
    if (!hasSecret(auth) || this.#settled.has(auth)) return;
    this.#settled.add(auth);
    try {
      await this.#provider.settled?.(this.#endpoint, this.#role, auth, verdict);
    } catch {
      // What a helper makes of the news does not change the run.
    }
  }

  #mayGoTo(auth: EndpointAuth, origin: string): boolean {
    return auth.origins === undefined ? origin === this.#home : auth.origins.includes(origin);
  }

  async #ask(signal: AbortSignal, challenge?: AuthChallenge): Promise<EndpointAuth> {
    try {
      return checked(await this.#provider.authFor(this.#endpoint, this.#role, signal, challenge), this.#role);
    } catch (cause) {
      signal.throwIfAborted();
      if (cause instanceof SyncError) throw cause;
      throw new SyncError(
        "AUTH_PROVIDER_FAILED",
        `Cannot get credentials for the ${this.#role}`,
        { role: this.#role },
        { cause },
      );
    }
  }
}

/** A token with a line end, as read from a file, would fail as a header and look like a lost connection. */
function checked(auth: EndpointAuth, role: EndpointRole): EndpointAuth {
  if (auth.bearerToken === undefined || /^[!-~]+$/u.test(auth.bearerToken)) return auth;
  throw new SyncError(
    "AUTH_PROVIDER_FAILED",
    `The bearer token for the ${role} is empty or holds a space, a line end or another character that a header cannot hold`,
    { role },
  );
}

/** Whether there is anything in it that a server could refuse. */
export function hasSecret(auth: EndpointAuth): boolean {
  return auth.token !== undefined || auth.bearerToken !== undefined;
}

function isOther(auth: EndpointAuth, before: EndpointAuth): boolean {
  if (!hasSecret(auth)) return false;
  return (
    auth.username !== before.username ||
    auth.token !== before.token ||
    auth.bearerToken !== before.bearerToken
  );
}

function endsSoon({ expiresAtMs }: EndpointAuth): boolean {
  return expiresAtMs !== undefined && expiresAtMs - Date.now() < RENEW_BEFORE_MS;
}
