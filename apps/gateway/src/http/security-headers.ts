/** Headers that every answer carries: no framing, no sniffing, no referrer, nothing from elsewhere, no cache. */

import type { FastifyInstance } from "fastify";

const HEADERS = Object.freeze({
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "cache-control": "no-store",
});

export function addSecurityHeaders(server: FastifyInstance): void {
  server.addHook("onRequest", (_request, reply, done) => {
    void reply.headers(HEADERS);
    done();
  });
}
