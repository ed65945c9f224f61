import { expect, test } from "vitest";
import { checkAdhocRequest } from "./adhoc-request.ts";

const source = { url: "https://source.test/a" };
const target = { url: "https://target.test/b" };

test("checkAdhocRequest() takes endpoints with scope, policy and names of credentials", () => {
  expect(checkAdhocRequest({ source, target })).toEqual([]);
  const more = {
    scope: { branches: ["main"] },
    policy: { prune: true },
    sourceCredential: "bot",
    targetCredential: "app",
  };
  expect(checkAdhocRequest({ source, target, ...more })).toEqual([]);
});

test("checkAdhocRequest() names each fault with its path", () => {
  const faults = checkAdhocRequest({ source: {}, target, policy: { force: "always" }, token: "x" });
  expect(faults.map((fault) => fault.path)).toEqual(["source.url", "policy.force", "token"]);
});
