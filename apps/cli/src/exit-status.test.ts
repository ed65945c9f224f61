import { SYNC_ERRORS } from "@gitsync/engine";
import { describe, test } from "vitest";
import { exitStatusOfCode } from "./exit-status.ts";

describe("exitStatusOfCode()", () => {
  test("every error of the engine has its status", ({ expect }) => {
    const byStatus = Object.groupBy(Object.keys(SYNC_ERRORS), (code) => String(exitStatusOfCode(code)));
    expect(byStatus["2"]).toEqual(["REQUEST_INVALID", "URL_INVALID", "SAME_REPOSITORY"]);
    expect(byStatus["3"]).toEqual(["REFS_BLOCKED", "REFS_REFUSED"]);
    expect(byStatus["130"]).toEqual(["ABORTED"]);
    expect(Object.keys(byStatus)).toEqual(["1", "2", "3", "130"]);
  });

  test("bad usage and configuration are 2, whatever failed otherwise is 1", ({ expect }) => {
    const bad = ["USAGE", "CONFIG_INVALID", "ENVIRONMENT_INVALID", "QUEUE_URL_INVALID", "LISTEN_NEEDS_TOKEN"];
    expect(bad.map((code) => exitStatusOfCode(code))).toEqual([2, 2, 2, 2, 2]);
    expect(["QUEUE_UNAVAILABLE", "JOB_NOT_FOUND", "INTERNAL"].map((code) => exitStatusOfCode(code))).toEqual([
      1, 1, 1,
    ]);
  });
});
