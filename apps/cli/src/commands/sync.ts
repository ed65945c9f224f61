/** `git-sync sync`, `replicate` and `plan`: run now, in this process, without the queue. */

import type { CallOptions, Client, SyncPolicy, SyncRequest, SyncResult } from "@gitsync/engine";
import type { CommandContext } from "../command-line/command.ts";
import type { ExitStatus } from "../exit-status.ts";
import { createProgressLine, progressOptionsOf } from "../output/progress-line.ts";
import { reportOptionsOf, reportResult } from "../output/report.ts";
import { createCommandLineClient } from "../settings/engine-client.ts";
import { readSettings } from "../settings/settings.ts";
import { syncRequestOf } from "../settings/sync-request.ts";

type Call = (client: Client, request: SyncRequest, options: CallOptions) => Promise<SyncResult>;

export function runSync(context: CommandContext): Promise<ExitStatus> {
  return run(context, { mode: "sync" }, (client, request, options) => client.sync(request, options));
}

export function runReplicate(context: CommandContext): Promise<ExitStatus> {
  return run(context, { mode: "replicate" }, (client, request, options) =>
    client.replicate(request, options),
  );
}

export function runPlan(context: CommandContext): Promise<ExitStatus> {
  return run(context, { mode: "sync" }, (client, request, options) => client.plan(request, options));
}

async function run(context: CommandContext, defaults: SyncPolicy, call: Call): Promise<ExitStatus> {
  const { flags, terminal, signal } = context;
  const settings = await readSettings(context);
  const request = syncRequestOf(context, defaults, settings.environment.runNow);
  const client = createCommandLineClient(context, settings);
  const progress = createProgressLine(terminal, progressOptionsOf(flags));
  try {
    const result = await call(client, request, {
      signal,
      observer: progress.observe,
      measure: flags["measure-memory"] === true,
    });
    return reportResult(terminal, result, reportOptionsOf(flags));
  } finally {
    progress.end();
    await client.close();
  }
}
