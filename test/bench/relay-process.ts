/**
 * The process that is measured: reads one sync request per line, runs it with the engine, and writes what it
 * took as one line. Run with `--expose-gc`, so that the baseline of memory holds no garbage.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { createClient, type SyncRequest } from "@gitsync/engine";

/** What is read: a request with a number, which the answer bears too. */
export interface RelayOrder {
  readonly run: number;
  readonly request: SyncRequest;
}

/** What a run took, as it is written. */
export interface RelayCost {
  readonly run: number;
  readonly wallMs: number;
  /** User and system time of this process alone. */
  readonly cpuMs: number;
  readonly packBytes: number;
  /** From the start until bytes of the pack came, and until most had left: the last that was told before the answer. */
  readonly firstByteMs: number;
  readonly lastByteMs: number;
  /** Resident memory before the run and its peak during it; undefined where there is no /proc. */
  readonly baselineBytes: number | undefined;
  readonly peakBytes: number | undefined;
}

const client = createClient({
  egress: { addresses: "any", schemes: ["http", "file"] },
  childEnvironment: {
    PATH: process.env["PATH"] ?? "",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
  },
});

for await (const line of createInterface({ input: process.stdin })) {
  const order: RelayOrder = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(await relay(order))}\n`);
}
await client.close();

async function relay({ run, request }: RelayOrder): Promise<RelayCost> {
  globalThis.gc?.();
  const baselineBytes = statusBytes("VmRSS");
  resetPeak();
  let packBytes = 0;
  let firstByteMs = 0;
  let lastByteMs = 0;
  let toldMs = 0;
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  await client.sync(request, {
    observer: (event) => {
      if (event.type !== "progress") return;
      const elapsedMs = performance.now() - startedAt;
      if (firstByteMs === 0) firstByteMs = elapsedMs;
      if (event.side !== "target") return;
      // Told a few times a second, and once more when the target has answered.
      lastByteMs = toldMs;
      toldMs = elapsedMs;
      packBytes = event.bytes;
    },
  });
  const wallMs = performance.now() - startedAt;
  const cpu = process.cpuUsage(cpuBefore);
  return {
    run,
    wallMs,
    cpuMs: (cpu.user + cpu.system) / 1_000,
    packBytes,
    firstByteMs,
    lastByteMs,
    baselineBytes,
    peakBytes: statusBytes("VmHWM"),
  };
}

/** A memory line of /proc/self/status. */
function statusBytes(name: "VmRSS" | "VmHWM"): number | undefined {
  try {
    const found = new RegExp(`^${name}:\\s*(\\d+) kB`, "mu").exec(readFileSync("/proc/self/status", "utf8"));
    return found?.[1] === undefined ? undefined : Number(found[1]) * 1_024;
  } catch {
    return undefined;
  }
}

/** Let the peak begin anew at what is resident now (proc(5), clear_refs). */
function resetPeak(): void {
  try {
    writeFileSync("/proc/self/clear_refs", "5");
  } catch {
    // Without /proc the peak is not measured at all.
  }
}
