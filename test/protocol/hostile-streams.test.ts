/**
 * Streams that never end, to every decoder: what it keeps stays small, and it ends in a typed error or a value.
 *
 * Each stream has a process of its own, so that the memory is its own. `GITSYNC_HOSTILE_BYTES` says how much is sent.
 */

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { nodeCommand } from "../support/process.ts";

interface HostileOutcome {
  readonly end: string;
  readonly bytes: number;
  readonly seconds: number;
  readonly grewMebibytes: number;
}

const MEBIBYTE = 1024 * 1024;
const SCRIPT = join(import.meta.dirname, "../../packages/protocol/fuzz/hostile-run.ts");
const BYTES = Number(process.env["GITSYNC_HOSTILE_BYTES"] ?? 20 * MEBIBYTE);
const MAX_MEBIBYTES = 64;
/** Far more than any decoder takes on a busy machine: a loop or a quadratic one takes more. */
const MAX_SECONDS = 30 + BYTES / (4 * MEBIBYTE);

const streams = JSON.parse(runScript([], 30)) as { name: string; endsWithin: number | null }[];

describe("a stream that never ends", () => {
  test.for(streams)("$name", { timeout: 2000 * MAX_SECONDS }, ({ name, endsWithin }) => {
    const outcome = JSON.parse(runScript([name, String(BYTES)], MAX_SECONDS)) as HostileOutcome;
    expect(outcome.grewMebibytes).toBeLessThan(MAX_MEBIBYTES);
    expect(outcome.seconds).toBeLessThan(MAX_SECONDS);
    if (endsWithin !== null && endsWithin < BYTES) {
      expect(outcome.end).toBe("LIMIT_EXCEEDED");
      expect(outcome.bytes).toBeLessThan(endsWithin + MEBIBYTE);
    } else expect(outcome.end).toMatch(/^(?:value|[A-Z_]+)$/);
  });
});

function runScript(args: readonly string[], seconds: number): string {
  const { status, stdout, stderr } = spawnSync(nodeCommand, [SCRIPT, ...args], {
    encoding: "utf8",
    timeout: seconds * 1000,
    killSignal: "SIGKILL",
  });
  if (status !== 0) throw new Error(`${args.join(" ")} ended with ${status}: ${stderr}`);
  return stdout;
}
