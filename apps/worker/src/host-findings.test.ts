import { SyncError } from "@gitsync/engine";
import { targetKeyOf, type RouteDefinition } from "@gitsync/jobs";
import { expect, test } from "vitest";
import { hostFindings } from "./host-findings.ts";

const ROUTE: RouteDefinition = {
  id: "docs/backup",
  source: { url: "git@Source.test:docs.git" },
  target: { url: "https://target.test:8443/docs.git" },
  scope: {},
  policy: {},
  targetKey: targetKeyOf("https://target.test:8443/docs.git"),
  tenant: "docs",
};
const LOCAL = { ...ROUTE, source: { url: "file:///srv/a" }, target: { url: "file:///srv/b" } };

const failure = (code: "REMOTE_UNREACHABLE" | "AUTH_DENIED" | "RATE_LIMITED", side?: string): SyncError =>
  new SyncError(code, "no", side === undefined ? {} : { side });

test("a run that came back reached both hosts", () => {
  expect(hostFindings(ROUTE, undefined, undefined)).toEqual({
    answered: ["source.test", "target.test:8443"],
  });
  expect(hostFindings(LOCAL, undefined, undefined)).toEqual({ answered: [] });
});

test("a failure is that of the side that it names", () => {
  expect(hostFindings(ROUTE, failure("REMOTE_UNREACHABLE", "source"), undefined)).toEqual({
    failed: "source.test",
  });
  expect(hostFindings(ROUTE, failure("AUTH_DENIED", "target"), undefined)).toEqual({
    answered: ["target.test:8443"],
  });
  expect(hostFindings(ROUTE, failure("REMOTE_UNREACHABLE"), undefined)).toEqual({});
  expect(hostFindings(ROUTE, new Error("a bug"), undefined)).toEqual({});
});

test("the host that asked to wait is left alone, the target when nobody said which", () => {
  const blocked = (side?: string) => hostFindings(ROUTE, failure("RATE_LIMITED", side), 5_000);
  expect(blocked("source")).toEqual({ blocked: { host: "source.test", ms: 5_000 } });
  expect(blocked()).toEqual({ blocked: { host: "target.test:8443", ms: 5_000 } });
  expect(hostFindings(LOCAL, failure("RATE_LIMITED"), 5_000)).toEqual({});
});

test("with a credential, only that one at the host is left alone", () => {
  const route = { ...ROUTE, targetCredential: "bot" };
  expect(hostFindings(route, failure("RATE_LIMITED", "target"), 5_000)).toEqual({
    blocked: { host: "target.test:8443", credential: "bot", ms: 5_000 },
  });
  expect(hostFindings(route, failure("RATE_LIMITED", "source"), 5_000)).toEqual({
    blocked: { host: "source.test", ms: 5_000 },
  });
});
