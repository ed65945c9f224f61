import { test } from "vitest";
import { accessNeeds } from "./access-needs.ts";

test.for([
  ["github.com", "target", "basic", "a fine-grained token needs Contents: write, and Workflows: write"],
  ["github.example.com", "source", "basic", "a fine-grained token needs Contents: read"],
  ["github.com", "target", "github-app", "the App needs the repository permissions Contents: write"],
  ["gitlab.com", "source", "basic", "the token needs read_repository"],
  ["gitlab.example.com", "target", "basic", "the token needs write_repository"],
  ["codeberg.org", "target", "basic", "the token needs write:repository"],
  ["bitbucket.org", "source", "basic", "the token needs to read repositories"],
  ["dev.azure.com", "target", "basic", "the token needs Code (read & write)"],
  ["backup.example.com", "target", "ssh", "the key has to be a deploy key with write access"],
  [
    "backup.example.com",
    "target",
    "basic",
    "the credential has to be allowed to read the repository and to push",
  ],
  ["backup.example.com", "source", undefined, "the credential has to be allowed to read the repository"],
] as const)("at %s as %s with %s", ([host, role, type, needs], { expect }) => {
  expect(accessNeeds("AUTH_DENIED", host, role, type)).toMatch(
    new RegExp(`^${needs.replaceAll(/[()]/gu, "\\$&")}`, "u"),
  );
});

test("is said of what a permission may end", ({ expect }) => {
  expect(accessNeeds("NOT_FOUND", "github.com", "source", "basic")).toBeDefined();
  expect(accessNeeds("NOT_FOUND", "github.com", "source", undefined)).toBeUndefined();
  expect(accessNeeds("REMOTE_UNREACHABLE", "github.com", "source", "basic")).toBeUndefined();
});
