import { describe, expect, test } from "vitest";
import { REFUSALS, refusalOf } from "./refusal.ts";

describe("refusalOf()", () => {
  test.for([
    // Stock git.
    ["failed to update ref", "refused-unknown"],
    ["atomic transaction failed", "refused-unknown"],
    ["non-fast-forward", "non-fast-forward-denied"],
    ["deletion prohibited", "deletion-denied"],
    ["deletion of the current branch prohibited", "default-branch"],
    ["refusing to delete the current branch: refs/heads/main", "default-branch"],
    ["branch is currently checked out", "checked-out"],
    ["deny updating a hidden ref", "hidden-ref"],
    ["missing necessary objects", "missing-objects"],
    ["funny refname", "invalid-name"],
    ["pre-receive hook declined", "hook-declined"],
    ["hook declined", "hook-declined"],
    ["unpacker error", "missing-objects"],
    ["unpacker error: index-pack abnormal exit (fatal: pack has 3 unresolved deltas)", "missing-objects"],
    [
      "unpacker error: unpack-objects abnormal exit (fatal: pack exceeds maximum allowed size)",
      "pack-too-large",
    ],
    [
      "unpacker error: index-pack abnormal exit (error: object 1234: missingSpaceBeforeDate: invalid author/committer line\nfatal: fsck error in packed object)",
      "object-check-failed",
    ],
    // Forges.
    ["protected branch hook declined", "protected"],
    ["GH006: Protected branch update failed for refs/heads/main.", "protected"],
    [
      "refusing to allow an OAuth App to create or update workflow `.github/workflows/x.yml` without `workflow` scope",
      "workflow-scope",
    ],
    [
      "pre-receive hook declined (GH001: Large files detected. You may want to try Git Large File Storage)",
      "file-too-large",
    ],
    [
      "push declined due to repository rule violations (GH013: Repository rule violations found\n- Push cannot contain secrets: secret)",
      "secret-scanning",
    ],
    ["GitLab: LFS objects are missing. Ensure LFS is properly set up", "lfs-missing"],
    [
      "pre-receive hook declined (GitLab: You are not allowed to push code to protected branches)",
      "protected",
    ],
    ["This repository was archived so it is read-only.", "archived"],
    ["", "refused-unknown"],
  ] as const)("%j is %s", ([text, code]) => {
    expect(refusalOf(text).code).toBe(code);
  });

  test("has a remedy for every code, each code once", () => {
    expect(REFUSALS.every((rule) => rule.remedy !== "" && /^[a-z]+(?:-[a-z]+)*$/u.test(rule.code))).toBe(
      true,
    );
    expect(new Set(REFUSALS.map((rule) => rule.code)).size).toBe(REFUSALS.length);
  });

  test("reads a long text in no time", () => {
    const start = performance.now();
    for (const piece of ["exceeds ", "GH013", "push rule ", "a"]) refusalOf(piece.repeat(2_000));
    expect(performance.now() - start).toBeLessThan(1_000);
  });
});
