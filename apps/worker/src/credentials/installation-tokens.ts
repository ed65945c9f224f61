/**
 * Tokens of a GitHub App's installation: asked for as they are needed, for one repository each, kept until
 * shortly before they end ("Generating an installation access token for a GitHub App").
 */

import { SyncError, type EndpointRole, type HttpAnswer, type HttpClient } from "@gitsync/engine";
import {
  RotatingSecrets,
  type GithubAppCredential,
  type Secret,
  type SecretReader,
  type SecretRegistry,
} from "@gitsync/runtime";
import { appAssertion } from "./app-assertion.ts";

/** A run may go on for long with the token that it began with. */
const RENEW_BEFORE_MS = 10 * 60_000;
const API_VERSION = "2022-11-28";
/** What is shown of GitHub's own words. */
const MAX_SAID = 300;
/** Of more repositories than this, those that were not asked for the longest are forgotten. */
const MAX_KEPT = 10_000;

export interface InstallationToken {
  readonly token: Secret;
  /** Milliseconds since the epoch. */
  readonly expiresAtMs: number;
}

export interface InstallationTokensOptions {
  readonly http: HttpClient;
  readonly reader: SecretReader;
  readonly secrets: SecretRegistry;
  /** Milliseconds since the epoch. Default: `Date.now`. */
  readonly now?: () => number;
}

/** What a token is good for: nothing but one repository, and only reading for a source. */
export interface TokenScope {
  /** Without its owner. */
  readonly repository: string;
  readonly role: EndpointRole;
}

export class InstallationTokens {
  readonly #http: HttpClient;
  readonly #reader: SecretReader;
  readonly #rotating: RotatingSecrets;
  readonly #now: () => number;
  readonly #kept = new Map<string, Promise<InstallationToken>>();

  constructor({ http, reader, secrets, now = Date.now }: InstallationTokensOptions) {
    this.#http = http;
    this.#reader = reader;
    this.#rotating = new RotatingSecrets(secrets);
    this.#now = now;
  }

  /**
   * One that lasts for some minutes at least. Those who ask at the same time get the same.
   *
   * @throws {SyncError} `RATE_LIMITED`, `AUTH_DENIED`, `AUTH_PROVIDER_FAILED` or what {@link HttpClient} throws.
   * @throws {RuntimeError} `SECRET_UNREADABLE` for the private key.
   */
  async token(credential: GithubAppCredential, scope: TokenScope): Promise<InstallationToken> {
    const name = nameOf(credential, scope);
    const kept = this.#kept.get(name);
    if (kept !== undefined) {
      const token = await kept.catch(() => undefined);
      if (token !== undefined && token.expiresAtMs - this.#now() > RENEW_BEFORE_MS) return token;
      // Somebody else may have asked meanwhile.
      if (this.#kept.get(name) !== kept) return await this.token(credential, scope);
    }
    const asked = this.#ask(credential, scope, name);
    this.#kept.delete(name);
    this.#kept.set(name, asked);
    this.#forgetOldest();
    try {
      return await asked;
    } catch (error) {
      if (this.#kept.get(name) === asked) this.#kept.delete(name);
      throw error;
    }
  }

  /** It was refused before its time: revoked, or the installation changed. */
  forget(credential: GithubAppCredential, scope: TokenScope): void {
    this.#kept.delete(nameOf(credential, scope));
  }

  async #ask(
    credential: GithubAppCredential,
    { repository, role }: TokenScope,
    name: string,
  ): Promise<InstallationToken> {
    const key = await this.#reader.read(credential.privateKey);
    const answer = await this.#http.request({
      method: "POST",
      url: `${credential.apiUrl}/app/installations/${credential.installationId}/access_tokens`,
      headers: {
        accept: "application/vnd.github+json",
        "content-type": "application/json",
        "x-github-api-version": API_VERSION,
        authorization: `Bearer ${assertionOf(credential, key, this.#now())}`,
      },
      // What a target needs depends on what is pushed (workflow files have a permission of their own).
      body: JSON.stringify({
        repositories: [repository],
        ...(role === "source" && { permissions: { contents: "read" } }),
      }),
    });
    if (answer.status !== 201) throw refused(credential, repository, answer, this.#now());
    const { token, expiresAtMs } = parseToken(credential, answer.body);
    return { token: this.#rotating.keep(name, token, "x-access-token"), expiresAtMs };
  }

  #forgetOldest(): void {
    for (const name of this.#kept.keys()) {
      if (this.#kept.size <= MAX_KEPT) return;
      this.#kept.delete(name);
    }
  }
}

function nameOf(
  { apiUrl, appId, installationId }: GithubAppCredential,
  { repository, role }: TokenScope,
): string {
  return [apiUrl, appId, installationId, repository, role].join("\n");
}

function assertionOf(credential: GithubAppCredential, key: Secret, nowMs: number): string {
  try {
    return appAssertion(credential.appId, key, nowMs);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : "it cannot be used";
    throw new SyncError(
      "AUTH_PROVIDER_FAILED",
      `The private key of credential ${credential.id} cannot sign: ${why}`,
      { credential: credential.id },
      { cause },
    );
  }
}

function parseToken(
  { id }: GithubAppCredential,
  body: string,
): { readonly token: string; readonly expiresAtMs: number } {
  const answer = jsonObject(body);
  const token = answer?.["token"];
  const expiresAtMs = Date.parse(String(answer?.["expires_at"]));
  if (typeof token === "string" && /^[!-~]{1,4096}$/u.test(token) && !Number.isNaN(expiresAtMs)) {
    return { token, expiresAtMs };
  }
  throw new SyncError("AUTH_PROVIDER_FAILED", `The answer for credential ${id} holds no token`, {
    credential: id,
  });
}

/** What a status says, by "Troubleshooting the REST API" and what the API answers to each wrong value. */
function refused(
  credential: GithubAppCredential,
  repository: string,
  answer: HttpAnswer,
  nowMs: number,
): SyncError {
  const { id, appId, installationId } = credential;
  const { status } = answer;
  const message = jsonObject(answer.body)?.["message"];
  const said = typeof message === "string" ? ` (${printable(message)})` : "";
  const details = { credential: id, status };
  const wait = retryAfterMs(answer, nowMs);
  if (status === 429 || (status === 403 && wait !== undefined)) {
    return new SyncError(
      "RATE_LIMITED",
      `GitHub asks credential ${id} to wait${said}`,
      details,
      wait === undefined ? {} : { retryAfterMs: wait },
    );
  }
  const why = new Map([
    [401, `app ${appId} does not exist, or the key is not its own, or this machine's clock is wrong`],
    [403, `app ${appId} or its installation ${installationId} is suspended`],
    [404, `installation ${installationId} is none of app ${appId}`],
    [422, `installation ${installationId} may not use the repository ${repository}, or not in this way`],
  ]).get(status);
  return why === undefined
    ? new SyncError(
        status >= 500 ? "REMOTE_UNAVAILABLE" : "AUTH_PROVIDER_FAILED",
        `GitHub answered ${status} instead of a token for credential ${id}${said}`,
        details,
      )
    : new SyncError("AUTH_DENIED", `No token for credential ${id}: ${why}${said}`, details);
}

/** The longer of what both kinds of limit say ("Best practices for using the REST API"). */
function retryAfterMs(answer: HttpAnswer, nowMs: number): number | undefined {
  const seconds = Number(answer.header("retry-after") ?? Number.NaN);
  const exhausted = answer.header("x-ratelimit-remaining") === "0";
  const reset = exhausted ? Number(answer.header("x-ratelimit-reset") ?? Number.NaN) * 1000 - nowMs : 0;
  const waits = [seconds * 1000, reset].filter((wait) => Number.isFinite(wait) && wait > 0);
  return waits.length === 0 ? undefined : Math.min(Math.max(...waits), 3_600_000);
}

function jsonObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function printable(text: string): string {
  return text.slice(0, MAX_SAID).replaceAll(/[^\x20-\x7e]/gu, "?");
}
