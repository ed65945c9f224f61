/**
 * Credentials that the user keeps with git, for servers that ask for some and were given none: asked of
 * `git credential` when a server says 401, kept when they were taken, and forgotten when they were refused.
 *
 * What was given on the command line or in the environment comes first, and git is not asked then.
 */

import type { AuthChallenge, AuthProvider, Endpoint, EndpointAuth, EndpointRole } from "@gitsync/engine";
import type { SecretRegistry } from "@gitsync/runtime";
import type { CredentialDescription, GitCredential } from "./git-credential.ts";

export class StoredCredentials implements AuthProvider {
  readonly #given: AuthProvider;
  readonly #git: GitCredential;
  readonly #secrets: SecretRegistry;
  /** What git said of the credentials that came from it. */
  readonly #origins = new WeakMap<EndpointAuth, CredentialDescription>();

  constructor(given: AuthProvider, git: GitCredential, secrets: SecretRegistry) {
    this.#given = given;
    this.#git = git;
    this.#secrets = secrets;
  }

  async authFor(
    endpoint: Endpoint,
    role: EndpointRole,
    signal: AbortSignal,
    challenge?: AuthChallenge,
  ): Promise<EndpointAuth> {
    const given = await this.#given.authFor(endpoint, role, signal, challenge);
    const isGiven = given.token !== undefined || given.bearerToken !== undefined;
    if (isGiven || challenge === undefined) return given;
    const answer = await this.#git("fill", descriptionOf(endpoint, challenge, given), signal);
    if (answer === undefined || isYes(answer["quit"])) return given;
    const { username, password } = answer;
    if (password === undefined || password === "") return given;
    this.#secrets.add(password, username);
    const auth = {
      ...given,
      ...(username === undefined ? {} : { username }),
      token: password,
      origins: [challenge.origin],
      ...expiryOf(answer),
    };
    this.#origins.set(auth, answer);
    return auth;
  }

  async settled(
    _endpoint: Endpoint,
    _role: EndpointRole,
    auth: EndpointAuth,
    verdict: "accepted" | "refused",
  ): Promise<void> {
    const answer = this.#origins.get(auth);
    if (answer !== undefined) await this.#git(verdict === "accepted" ? "approve" : "reject", answer);
  }
}

/** What git needs to find a credential; it drops the path unless `credential.useHttpPath` says otherwise. */
function descriptionOf(
  { url }: Endpoint,
  { origin }: AuthChallenge,
  { username }: EndpointAuth,
): CredentialDescription {
  const { protocol, host } = new URL(origin);
  const path = URL.parse(url)?.pathname.slice(1) ?? "";
  return {
    protocol: protocol.slice(0, -1),
    host,
    ...(path === "" ? {} : { path }),
    ...(username === undefined ? {} : { username }),
  };
}

function expiryOf({
  password_expiry_utc: expiry = "",
}: CredentialDescription): Pick<EndpointAuth, "expiresAtMs"> {
  return /^\d{1,12}$/u.test(expiry) ? { expiresAtMs: Number(expiry) * 1_000 } : {};
}

/** A helper that says so wants nobody else to be asked. */
function isYes(value: string | undefined): boolean {
  return value === "1" || value === "true";
}
