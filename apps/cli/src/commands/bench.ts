/** `git-sync bench`: how long a mirror takes here, into fresh local targets, and what it costs. */

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Client, SyncRequest } from "@gitsync/engine";
import {
  aggregateRuns,
  BENCH_SCENARIOS,
  type BenchReport,
  type BenchRun,
  type BenchScenario,
} from "../bench/bench-report.ts";
import { timeGit } from "../bench/git-peer.ts";
import { CliError } from "../cli-error.ts";
import type { CommandContext } from "../command-line/command.ts";
import { EXIT, type ExitStatus } from "../exit-status.ts";
import { benchText } from "../output/bench-text.ts";
import { failureOf } from "../output/failure.ts";
import { createProgressLine, progressOptionsOf } from "../output/progress-line.ts";
import { reportJson } from "../output/report.ts";
import { createCommandLineClient, gitEnvironmentOf } from "../settings/engine-client.ts";
import { readSettings } from "../settings/settings.ts";
import { syncRequestOf } from "../settings/sync-request.ts";

const DEFAULT_REPEAT = 3;
const MAX_REPEAT = 1_000;

export async function runBench(context: CommandContext): Promise<ExitStatus> {
  const { flags, terminal } = context;
  const repeat = repeatOf(context);
  const scenario = BENCH_SCENARIOS.find((known) => known === flags.scenario) ?? "bootstrap";
  const settings = await readSettings(context);
  const workDir =
    flags["work-dir"] === undefined
      ? await mkdtemp(join(tmpdir(), "git-sync-bench-"))
      : resolve(context.cwd, flags["work-dir"]);
  await mkdir(workDir, { recursive: true });
  const client = createCommandLineClient(context, settings);
  try {
    const runs: BenchRun[] = [];
    for (let index = 0; index < repeat; index += 1) {
      const targetPath = join(workDir, `target-${process.pid}-${index}.git`);
      const request = requestOf(context, scenario, targetPath, settings.environment.runNow);
      // One after the other: a neighbour would be measured, too.
      runs.push(await measure(context, client, request, { index, targetPath }));
    }
    const report: BenchReport = {
      scenario,
      sourceUrl: context.positionals["source"] ?? "",
      repeat,
      keepTargets: flags["keep-targets"] === true,
      workDir,
      aggregate: aggregateRuns(runs),
      runs,
    };
    if (flags.json) reportJson(terminal, report);
    else terminal.result(benchText(report));
    return report.aggregate.failedRuns === 0 ? EXIT.ok : EXIT.failed;
  } finally {
    await client.close();
    if (flags["work-dir"] === undefined && !flags["keep-targets"]) {
      await rm(workDir, { recursive: true, force: true });
    }
  }
}

function requestOf(
  context: CommandContext,
  scenario: BenchScenario,
  target: string,
  runNow: Parameters<typeof syncRequestOf>[2],
): SyncRequest {
  const policy = { mode: scenario === "bootstrap" ? "replicate" : "sync", includeTags: true } as const;
  return syncRequestOf({ ...context, positionals: { ...context.positionals, target } }, policy, runNow);
}

async function measure(
  context: CommandContext,
  client: Client,
  request: SyncRequest,
  { index, targetPath }: Pick<BenchRun, "index" | "targetPath">,
): Promise<BenchRun> {
  const { flags, terminal, signal, env } = context;
  const progress = createProgressLine(terminal, progressOptionsOf(flags));
  const run = { index, targetPath, targetUrl: request.target.url };
  const startedAt = performance.now();
  try {
    const result = await client.sync(request, { signal, observer: progress.observe, measure: true });
    const wallMillis = performance.now() - startedAt;
    progress.end();
    if (!flags["compare-git"]) return { ...run, wallMillis, result };
    progress.say("the same with git clone and git push");
    const gitWallMillis = await timeGit({
      source: request.source.url,
      target: `${targetPath}-git`,
      clone: `${targetPath}-clone`,
      env: gitEnvironmentOf(env),
      signal,
    });
    return { ...run, wallMillis, gitWallMillis, result };
  } catch (error) {
    signal.throwIfAborted();
    const { code, message } = failureOf(error);
    return { ...run, wallMillis: performance.now() - startedAt, error: { code, message } };
  } finally {
    progress.end();
    if (!flags["keep-targets"]) {
      for (const path of [targetPath, `${targetPath}-git`]) {
        await rm(path, { recursive: true, force: true });
      }
    }
  }
}

function repeatOf({ flags, command }: CommandContext): number {
  if (flags.repeat === undefined) return DEFAULT_REPEAT;
  const repeat = /^\d{1,4}$/u.test(flags.repeat) ? Number(flags.repeat) : 0;
  if (repeat >= 1 && repeat <= MAX_REPEAT) return repeat;
  throw new CliError("USAGE", `flag --repeat needs a number from 1 to ${MAX_REPEAT}`, {
    command: command.name,
  });
}
