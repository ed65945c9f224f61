/**
 * A process that probes addresses, each again and again, and tells how it went and what memory that took: for tests
 * of servers that mean harm.
 *
 * Takes a task as JSON and writes an answer for each address as JSON.
 */

import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { isSyncError, type Limits } from "@gitsync/engine";
import { openClient } from "../open-client.ts";

export interface ProbeTask {
  readonly urls: readonly string[];
  readonly limits: Limits;
  /** How often each, one after the other, with one client. Memory is measured from the second tenth on. */
  readonly times: number;
  /** An authority to believe. */
  readonly ca?: string;
}

export interface ProbeAnswer {
  /** Of the last probe: the error's code, or `ok`. */
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly longestMs: number;
  /** What the process held at most, above what it held before the first measured probe. */
  readonly growthBytes: number;
  /** What is pointed to in the end and was not then: of the heap, and what its objects hold outside of it. */
  readonly keptBytes: number;
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const { urls, limits, times, ca }: ProbeTask = JSON.parse(process.argv[2] ?? "");
const client = openClient({ limits, egress: { addresses: "any", ...(ca === undefined ? {} : { ca }) } });

async function probe(url: string): Promise<Pick<ProbeAnswer, "code" | "message" | "remedy">> {
  try {
    await client.probe({ source: { url } });
    return { code: "ok", message: "", remedy: "" };
  } catch (error) {
    if (!isSyncError(error)) return { code: "untyped", message: String(error), remedy: "" };
    const { code, message, remedy } = error;
    return { code, message, remedy };
  }
}

const rss = (): number => process.memoryUsage().rss;

async function bytesInUse(): Promise<number> {
  // What is freed lets go of other things, some of them a turn later.
  for (let time = 0; time < 3; time += 1) {
    collectGarbage();
    await setImmediate();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function probeOften(url: string): Promise<ProbeAnswer> {
  let inUse = 0;
  let before = 0;
  let most = 0;
  let longestMs = 0;
  const timer = setInterval(() => (most = Math.max(most, rss())), 5);
  let told = { code: "", message: "", remedy: "" };
  for (let time = 0; time < times; time += 1) {
    if (time === Math.floor(times / 10)) {
      inUse = await bytesInUse();
      before = most = rss();
    }
    const startedAt = performance.now();
    told = await probe(url);
    longestMs = Math.max(longestMs, performance.now() - startedAt);
    most = Math.max(most, rss());
  }
  clearInterval(timer);
  const growthBytes = most - before;
  return { ...told, longestMs, growthBytes, keptBytes: (await bytesInUse()) - inUse };
}

// Whatever is loaded and compiled once is there after this one.
await probe("https://127.0.0.1:1/a.git");
const answers: ProbeAnswer[] = [];
for (const url of urls) answers.push(await probeOften(url));
await client.close();
process.stdout.write(`${JSON.stringify(answers)}\n`);
