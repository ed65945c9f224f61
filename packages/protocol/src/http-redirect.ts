// Whether and where to follow a redirect of smart HTTP. Pure; opens no connection.

import type { GitService } from "./advertisement.ts";
import { infoRefsPath } from "./smart-http.ts";

/** The request that was answered with a redirect. RFC 9110 §15.4. */
export interface RedirectedRequest {
  readonly method: "GET" | "POST";
  /** Of the repository, without the tail of `infoRefsPath`. */
  readonly repositoryUrl: string;
  readonly service: GitService;
}

/**
 * Why not to follow. RFC 9110 §15.4.
 *
 * `not-listing-request`: only the first GET is followed; a POST would lose its body, or send it to strangers.
 * `no-address`, `not-a-url`: the `Location` is missing or unreadable. `has-credentials`: it would have us use some.
 * `not-a-listing`: it leads to something that is not this repository. `leaves-https`: it would undo encryption.
 * `leaves-http`: it leads to another protocol.
 */
export type RedirectRefusal =
  | "not-listing-request"
  | "no-address"
  | "not-a-url"
  | "has-credentials"
  | "not-a-listing"
  | "leaves-https"
  | "leaves-http";

/** What to do. With `sameOrigin` false, no secret of the first origin may go along. RFC 9110 §15.4. */
export type RedirectDecision =
  | { readonly type: "follow"; readonly repositoryUrl: string; readonly sameOrigin: boolean }
  | { readonly type: "refuse"; readonly reason: RedirectRefusal };

/**
 * Decide about one redirect; the caller counts them (git stops at 20).
 *
 * As git's `http.followRedirects=initial`, git-config(1): the new repository is the new address without the tail that was
 * asked for. A move from https to http is refused as well.
 *
 * @param location the `Location` header; relative ones are understood.
 */
export function decideRedirect(request: RedirectedRequest, location: string | undefined): RedirectDecision {
  const refuse = (reason: RedirectRefusal): RedirectDecision => ({ type: "refuse", reason });
  if (request.method !== "GET") return refuse("not-listing-request");
  if (location === undefined) return refuse("no-address");
  const tail = infoRefsPath(request.service);
  const asked = parseUrl(request.repositoryUrl + tail);
  const moved = parseUrl(location, request.repositoryUrl + tail);
  if (asked === undefined || moved === undefined) return refuse("not-a-url");
  if (moved.username !== "" || moved.password !== "") return refuse("has-credentials");
  if (moved.protocol !== "http:" && moved.protocol !== "https:") return refuse("leaves-http");
  const address = `${moved.origin}${moved.pathname}${moved.search}`;
  const repositoryUrl = address.slice(0, -tail.length);
  if (!address.endsWith(tail) || repositoryUrl.length < moved.origin.length) return refuse("not-a-listing");
  if (asked.protocol === "https:" && moved.protocol !== "https:") return refuse("leaves-https");
  return { type: "follow", repositoryUrl, sameOrigin: asked.origin === moved.origin };
}

function parseUrl(text: string, base?: string): URL | undefined {
  try {
    return new URL(text, base);
  } catch {
    return undefined;
  }
}
