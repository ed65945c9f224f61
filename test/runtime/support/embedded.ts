/** Members of an embedded queue as real processes, and what is left of the server when they are gone. */

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { nodeCommand, startProcess } from "../../support/process.ts";
import type { RunningProcess } from "../../support/process.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import type { TemporaryFolder } from "../../support/temporary-folder.ts";

const SCRIPT = join(import.meta.dirname, "queue-member.ts");

export interface MemberOptions {
  /** Run as `nobody` although the test is run by root. */
  readonly asNobody?: boolean;
  readonly script?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A folder with the data of an embedded queue that was used and left before; making it anew takes a second. */
export async function usedFolder(): Promise<TemporaryFolder> {
  template ??= makeTemplate();
  const { path } = await template;
  const folder = temporaryFolder("embedded");
  // Root's server belongs to another account: owners must stay.
  execFileSync("cp", ["-a", `${path}/.`, folder.path]);
  return folder;
}

let template: Promise<TemporaryFolder> | undefined;

async function makeTemplate(): Promise<TemporaryFolder> {
  const folder = temporaryFolder("embedded-template");
  await using member = startMember(`embedded:${folder.path}`);
  await member.waitForLine(/^opened/);
  await closeMember(member);
  await rm(folder.join("supervisor.log"));
  return folder;
}

/** Remove what {@link usedFolder} copies from. */
export async function disposeTemplate(): Promise<void> {
  const made = await template;
  template = undefined;
  await made?.[Symbol.asyncDispose]();
}

/** Start a member; it says `opened` once it has joined. */
export function startMember(queueUrl: string, options: MemberOptions = {}): RunningProcess {
  const node = [nodeCommand, "--conditions=@gitsync/source", options.script ?? SCRIPT, queueUrl];
  const drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
  const [command = "", ...args] = options.asNobody === true ? [...drop, ...node] : node;
  return startProcess(command, args, { env: { HOME: "/nonexistent", ...options.env } });
}

/** Let it close everything in order; returns its last line. */
export async function closeMember(member: RunningProcess): Promise<string> {
  member.write("close\n");
  return member.waitForLine(/^closed/);
}

/** Processes whose command line names the directory: supervisor and server, not the members. */
export function serverProcesses(directory: string): readonly number[] {
  return processesWith(
    (words) =>
      words.includes(join(directory, "postgres")) || (words.includes(directory) && isSupervisor(words)),
  );
}

/** Processes that have this very word on their command line. */
export function processesNaming(word: string): readonly number[] {
  return processesWith((words) => words.includes(word));
}

function processesWith(matches: (words: readonly string[]) => boolean): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && matches(commandLine(name)))
    .map(Number);
}

/** The first server process's number, as PostgreSQL wrote it down. */
export function postmasterOf(directory: string): number {
  return Number(readFileSync(join(directory, "postgres/postmaster.pid"), "utf8").split("\n")[0]);
}

export function supervisorOf(directory: string): number {
  const pid = serverProcesses(directory).find((candidate) => isSupervisor(commandLine(String(candidate))));
  if (pid === undefined) throw new Error("no supervisor");
  return pid;
}

/** Wait until a condition holds; for facts about processes that send no event. */
export async function until(what: string, condition: () => boolean, timeoutMs = 15_000): Promise<void> {
  const endsAt = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > endsAt) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await sleep(20);
  }
}

function isSupervisor(words: readonly string[]): boolean {
  return words.some((word) => word.endsWith("supervisor-main.ts") || word.endsWith("supervisor-main.js"));
}

function commandLine(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}
