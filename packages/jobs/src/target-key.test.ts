import { describe, expect, test } from "vitest";
import { laneOf, targetKeyOf } from "./target-key.ts";

describe("targetKeyOf()", () => {
  test.for([
    ["https://GitHub.com/Org/Repo.git", "github.com/org/repo"],
    ["https://github.com/org/repo/", "github.com/org/repo"],
    ["ssh://git@github.com/org/repo", "github.com/org/repo"],
    ["git@github.com:org/repo.git", "github.com/org/repo"],
    ["ssh://git@github.com:22/org/repo", "github.com/org/repo"],
    ["https://example.com/Org/Repo.git", "example.com/Org/Repo"],
    ["https://example.com:8443/a", "example.com:8443/a"],
    ["https://example.com:443/a", "example.com/a"],
    ["https://example.com/", "example.com/"],
    ["file:///srv/repo.git", "file:///srv/repo"],
    ["file:///srv/repo/.git", "file:///srv/repo"],
    ["file:///srv/repo.git/", "file:///srv/repo"],
  ] as const)("%s is %s", ([url, key]) => {
    expect(targetKeyOf(url)).toBe(key);
  });

  test("refuses what is not absolute", () => {
    expect(() => targetKeyOf("../backup.git")).toThrow(TypeError);
  });
});

describe("laneOf()", () => {
  test.for([
    ["https://github.com/org/repo", "sync.github.com"],
    ["https://example.com:8443/a", "sync.example.com_3a_8443"],
    ["https://[::1]/a", "sync._5b__3a__3a_1_5d_"],
    ["file:///srv/repo", "sync.local"],
  ] as const)("%s waits in %s", ([url, lane]) => {
    expect(laneOf(targetKeyOf(url))).toBe(lane);
    expect(lane).not.toContain(":");
  });
});
