import { ADHOC_KEEP_MS } from "@gitsync/jobs";
import { expect, test } from "vitest";
import { adhocRoute } from "./adhoc-route.ts";

const source = { url: "https://source.test/a" };
const target = { url: "https://target.test/b" };

test("adhocRoute() fills in a mirror of branches and tags that deletes nothing", () => {
  expect(adhocRoute({ source, target })).toMatchObject({
    id: expect.stringMatching(/^adhoc-[0-9a-f]{32}$/u),
    source,
    target,
    scope: {},
    policy: { mode: "replicate", includeTags: true, bestEffort: true, verify: "list" },
    targetKey: "target.test/b",
    tenant: "adhoc",
    keepMs: ADHOC_KEEP_MS,
  });
});

test("adhocRoute() gives the same request the same id, whatever the order of its members and who asks", () => {
  const one = adhocRoute({
    source,
    target,
    policy: { prune: true, atomic: false },
    trigger: "person",
    tenant: "a",
  });
  const two = adhocRoute({
    policy: { atomic: false, prune: true },
    target,
    source,
    scope: {},
    trigger: "webhook",
    tenant: "b",
  });
  expect(two.id).toBe(one.id);
});

test("adhocRoute() tells requests apart that differ in scope, policy or credential", () => {
  const ids = [
    {},
    { scope: { branches: ["main"] } },
    { policy: { prune: true } },
    { targetCredential: "bot" },
  ].map((more) => adhocRoute({ source, target, ...more }).id);
  expect(new Set(ids).size).toBe(4);
});

test("adhocRoute() names the field that is wrong", () => {
  expect(() => adhocRoute({ source, target, scope: { branches: [""] } })).toThrow(
    expect.objectContaining({ code: "REQUEST_INVALID", details: { field: "scope.branches[0]" } }),
  );
});
