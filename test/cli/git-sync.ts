/** Runs the command line as a shell does: its own process, an environment of its own, nothing of this machine's. */

import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { nodeCommand, outcomeOf, startProcess, type RunningProcess } from "../support/process.ts";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.ts";

/** The file that `npx git-sync` runs. */
export const BIN = join(import.meta.dirname, "../../apps/cli/bin/git-sync.js");

export interface CliOptions {
  /** State, home and working directory of the run. */
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly node?: string;
  /** The script that is the command. Default: the checkout's. */
  readonly bin?: string;
}

export interface CliOutcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder for one test whose embedded queue can be entered by the account that the server runs under. */
export function cliFolder(label: string): TemporaryFolder {
  const folder = temporaryFolder(label);
  chmodSync(folder.path, 0o711);
  mkdirSync(folder.join("home"));
  return folder;
}

/** Start `git-sync` with its embedded queue in the folder. */
export function startCli(
  args: readonly string[],
  { folder, env, cwd, node = nodeCommand, bin = BIN }: CliOptions,
): RunningProcess {
  return startProcess(node, [bin, ...args], {
    cwd: cwd ?? folder,
    env: {
      HOME: join(folder, "home"),
      XDG_STATE_HOME: join(folder, "state"),
      GITSYNC_QUEUE_URL: `embedded:${join(folder, "queue")}`,
      GIT_CONFIG_NOSYSTEM: "1",
      ...env,
    },
  });
}

/** Run `git-sync` to its end. */
export async function runCli(args: readonly string[], options: CliOptions): Promise<CliOutcome> {
  await using running = startCli(args, options);
  return await outcomeOf(running);
}

/** Standard output as the one JSON document that `--json` promises. */
export function documentOf(outcome: Pick<CliOutcome, "stdout">): Readonly<Record<string, unknown>> {
  const document: unknown = JSON.parse(outcome.stdout);
  if (typeof document !== "object" || document === null)
    throw new TypeError(`no document: ${outcome.stdout}`);
  return { ...document };
}

/** Where a gateway listens, from its log. */
export async function addressOf(gateway: RunningProcess): Promise<string> {
  const line = await gateway.waitForLine(/Gateway listens/u, { timeoutMs: 60_000 });
  const { url }: { url: string } = JSON.parse(line);
  return url;
}
