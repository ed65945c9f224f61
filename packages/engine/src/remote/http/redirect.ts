/**
 * Where a redirect of the first listing leads. Pure.
 *
 * The new base is the redirect's URL without the tail that was asked for; anything else is refused, as git
 * does (`http.followRedirects=initial`, git-config(1)).
 */

import { infoRefsPath, type GitService } from "@gitsync/protocol";
import { SyncError } from "../../errors.ts";
import { parseLocation } from "../../location/parse-location.ts";
import type { RequestFacts } from "../connection-failure.ts";

interface Asked {
  readonly origin: string;
  readonly base: string;
  readonly service: GitService;
  /** Credentials were sent with the request that is redirected. */
  readonly hadSecret: boolean;
}

/** Where hosts send those whom they do not know: a page to sign in on. */
const SIGN_IN = /(?:^|[/._-])(?:_?sign[_-]?in|log[_-]?in|oauth2?|saml2?|sso)(?:[/?._-]|$)/iu;

export function redirectedBase(
  header: string | undefined,
  asked: Asked,
  facts: RequestFacts,
): { readonly origin: string; readonly base: string } {
  const refused = (why: string): SyncError =>
    new SyncError("REDIRECT_REFUSED", `The ${facts.side} redirects, and ${why}: ${facts.url}`, {
      side: facts.side,
      url: facts.url,
    });
  if (header === undefined) throw refused("does not say where to");
  const tail = infoRefsPath(asked.service);
  const full = URL.parse(header, `${asked.origin}${asked.base}${tail}`);
  if (full === null) throw refused("its address is not a URL");
  const text = `${full.protocol}//${full.host}${full.pathname}${full.search}`;
  if (full.username !== "" || full.password !== "") throw refused("its address holds credentials");
  if (!text.endsWith(tail)) {
    if (SIGN_IN.test(`${full.hostname}${full.pathname}`)) throw signInWanted(asked, facts);
    throw refused("its address is not that of a listing");
  }
  if (asked.origin.startsWith("https:") && full.protocol !== "https:") throw refused("it leaves https");
  const location = parseLocation(text.slice(0, -tail.length), facts.side);
  if (location.kind !== "http") throw refused("it leaves HTTP");
  return { origin: location.origin, base: location.path };
}

function signInWanted({ hadSecret }: Asked, { side, url }: RequestFacts): SyncError {
  const why = hadSecret ? "did not accept the credentials" : "asks for credentials";
  return new SyncError(
    hadSecret ? "AUTH_DENIED" : "AUTH_REQUIRED",
    `The ${side} ${why}: ${url} redirects to a page to sign in on`,
    { side, url },
  );
}
