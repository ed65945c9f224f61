/** A process that is told to stop, by real signals. */

import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startScript } from "../support/process.ts";

const SCRIPT = join(import.meta.dirname, "support/shutdown-script.ts");

describe("a process with a shutdown", () => {
  test.for(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
    "ends its stages in order on %s and exits with 0",
    async (signal) => {
      await using script = startScript(SCRIPT, ["50"]);
      await script.waitForLine(/^ready/);
      expect(await script.kill(signal)).toEqual({ code: 0, signal: null });
      expect(script.output.stdout).toBe("ready\nworker drains\nworker drained\ndatabase closed\n");
    },
  );

  test.for([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("exits at once on a second %s, with %d", async ([signal, status]) => {
    await using script = startScript(SCRIPT, ["60000"]);
    await script.waitForLine(/^ready/);
    script.signal("SIGTERM");
    await script.waitForLine(/^worker drains/);
    expect(await script.kill(signal)).toEqual({ code: status, signal: null });
    expect(script.output.stdout).not.toContain("database closed");
  });

  test("closes the database although a stage before it hangs, and exits with 1", async () => {
    await using script = startScript(SCRIPT, ["60000", "100"]);
    await script.waitForLine(/^ready/);
    expect(await script.kill("SIGTERM")).toEqual({ code: 1, signal: null });
    expect(script.output.stdout).toContain("database closed");
  });
});
