import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createBoundedLog } from "./bounded-log.ts";

test("createBoundedLog() holds at most two files of its limit, and throws for nothing", () => {
  const folder = mkdtempSync(join(tmpdir(), "gitsync-log-"));
  try {
    const path = join(folder, "supervisor.log");
    const log = createBoundedLog(path, 1_000);
    for (let n = 0; n < 200; n++) log.write(`line ${n}\n`);
    expect(readdirSync(folder).toSorted()).toEqual(["supervisor.log", "supervisor.log.1"]);
    expect(statSync(path).size + statSync(`${path}.1`).size).toBeLessThan(2_200);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, "utf8")).toMatch(/^\S+Z line \d+\n[\s\S]*line 199\n$/);
    expect(() => createBoundedLog("/nonexistent/log").write("x")).not.toThrow();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
