import { expect, test } from "vitest";
import { createExportLog } from "./export-log.ts";
import { createLogger } from "./logger.ts";

test("createExportLog() speaks once when nobody takes anything, and once when somebody does again", () => {
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger({
    name: "test",
    level: "info",
    destination: { write: (line) => lines.push(JSON.parse(line)) },
  });
  const told = createExportLog(logger, "traces");
  told({ code: 0 });
  // What an answer said is cut, and the rest of it is in no field.
  const refused = Object.assign(new Error("x".repeat(1_000)), { data: "<html>canary" });
  for (let n = 0; n < 5; n += 1) told({ code: 1, error: refused });
  told({ code: 0 });
  told({ code: 0 });
  told({ code: 1 });
  expect(lines.map(({ level, signal, msg }) => [level, signal, msg])).toEqual([
    ["warn", "traces", "Nobody takes the telemetry: it is dropped until somebody does"],
    ["info", "traces", "Telemetry is taken again"],
    ["warn", "traces", "Nobody takes the telemetry: it is dropped until somebody does"],
  ]);
  expect(String(lines[0]?.["reason"])).toHaveLength(300);
  expect(JSON.stringify(lines)).not.toContain("canary");
});
