/**
 * Who may ask for what. Deny by default: a route that declares no role keeps the gateway from starting.
 *
 * - `probe`: anybody; says whether the process is up, nothing else.
 * - `page`: the dashboard's files, which hold no data.
 * - `hook`: whoever signs what it sends; the route itself looks at that.
 * - `api`: whoever has the token; without one configured, this machine only, and no page of another site.
 */

import { createHash, timingSafeEqual } from "node:crypto";
import type { Secret } from "@gitsync/runtime";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { GatewayError } from "../gateway-error.ts";
import { hostOfHeader, isLoopback } from "../listen-address.ts";
import { Problem } from "./problem.ts";

export type Role = "probe" | "page" | "hook" | "api";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Who may use this route. */
    readonly role?: Role;
    /** Replaces method and path as the name of its span. `false`: none, for what is asked by the clock. */
    readonly spanName?: string | false;
  }
}

/**
 * Guard every route of a server. Register before any route.
 *
 * @throws {GatewayError} `ROUTE_WITHOUT_ROLE`, from the registration of such a route.
 */
export function guardRoutes(server: FastifyInstance, token: Secret | undefined): void {
  server.addHook("onRoute", (route) => {
    if (route.config?.role !== undefined) return;
    const route_ = `${String(route.method)} ${route.url}`;
    throw new GatewayError("ROUTE_WITHOUT_ROLE", `The route ${route_} declares no role`, { route: route_ });
  });
  server.addHook("onRequest", (request, _reply, done) => {
    const refusal = refusalOf(request, token);
    if (refusal === undefined) done();
    else done(refusal);
  });
}

function refusalOf(request: FastifyRequest, token: Secret | undefined): Problem | undefined {
  // What was not found has no role; it is told no more than that, but by the same rules as the API.
  const role = request.routeOptions.config.role ?? "api";
  if (role === "probe" || role === "hook") return undefined;
  if (token === undefined && !isLoopback(hostOfHeader(request.headers.host ?? ""))) {
    // Another name that leads here is how a page of another site reaches this machine (DNS rebinding).
    return new Problem("host-refused", "Ask by the name localhost or a loopback address, or set a token");
  }
  if (role === "page") return undefined;
  if (isCrossSite(request)) return new Problem("cross-site", "The request comes from a page of another site");
  return token === undefined ? undefined : refusalOfToken(request.headers.authorization, token);
}

function refusalOfToken(authorization: string | undefined, token: Secret): Problem | undefined {
  const given = /^bearer +(\S+) *$/iu.exec(authorization ?? "")?.[1];
  if (given === undefined)
    return new Problem("token-missing", "Send Authorization: Bearer with the API token");
  return isEqual(given, token.expose())
    ? undefined
    : new Problem("token-invalid", "The token is not the one set here");
}

/** Digests are compared, so that neither the time nor an exception tells the token's length. */
function isEqual(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

/** Whether a browser says that a page of another origin is asking. Other clients send neither header. */
function isCrossSite({ headers }: FastifyRequest): boolean {
  const site = headers["sec-fetch-site"];
  if (site !== undefined) return site !== "same-origin" && site !== "none";
  const { origin } = headers;
  if (origin === undefined) return false;
  return !URL.canParse(origin) || new URL(origin).host !== headers.host;
}
