import { SpanKind, trace, type SpanOptions, type Tracer } from "@opentelemetry/api";
import { expect, test } from "vitest";
import type { RemoteLocation } from "./location/location.ts";
import { exchangeSpansOf } from "./spans.ts";

function started(location: RemoteLocation): { readonly name: string; readonly options: SpanOptions } {
  const seen: { name: string; options: SpanOptions }[] = [];
  const noop = trace.getTracer("test");
  const tracer: Tracer = {
    startSpan: (name, options = {}) => {
      seen.push({ name, options });
      return noop.startSpan(name);
    },
    startActiveSpan: () => {
      throw new Error("not used");
    },
  };
  exchangeSpansOf(tracer, "git-receive-pack", location)();
  const [first] = seen;
  if (first === undefined) throw new Error("no span was started");
  return first;
}

test.for([
  [
    { kind: "ssh", user: "git", hostname: "h.test", port: 2222, path: "/a.git" },
    "ssh git-receive-pack",
    { "url.scheme": "ssh", "server.address": "h.test", "server.port": 2222, "url.path": "/a.git" },
  ],
  [
    { kind: "ssh", user: undefined, hostname: "h.test", port: undefined, path: "a.git" },
    "ssh git-receive-pack",
    { "url.scheme": "ssh", "server.address": "h.test", "url.path": "a.git" },
  ],
  [
    { kind: "daemon", hostname: "h.test", port: 9418, path: "/a.git" },
    "git git-receive-pack",
    { "url.scheme": "git", "server.address": "h.test", "server.port": 9418, "url.path": "/a.git" },
  ],
  [
    { kind: "path", path: "/srv/a.git" },
    "file git-receive-pack",
    { "url.scheme": "file", "url.path": "/srv/a.git" },
  ],
  // What a helper is given may hold a secret anywhere.
  [
    { kind: "helper", scheme: "codecommit", address: "codecommit://profile:canary@a" },
    "codecommit git-receive-pack",
    { "url.scheme": "codecommit" },
  ],
] as const)("exchangeSpansOf() names the place of %j", ([location, name, attributes]) => {
  const { name: given, options } = started(location);
  expect(given).toBe(name);
  expect(options).toEqual({ kind: SpanKind.CLIENT, attributes });
});
