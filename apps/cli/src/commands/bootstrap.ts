/** `git-sync bootstrap`: fill a target for the first time, now and in this process. */

import type { CommandContext } from "../command-line/command.ts";
import type { ExitStatus } from "../exit-status.ts";
import { createProgressLine, progressOptionsOf } from "../output/progress-line.ts";
import { reportOptionsOf, reportResult } from "../output/report.ts";
import { createCommandLineClient } from "../settings/engine-client.ts";
import { readSettings } from "../settings/settings.ts";
import { bootstrapRequestOf } from "../settings/sync-request.ts";

export async function runBootstrap(context: CommandContext): Promise<ExitStatus> {
  const { flags, terminal, signal } = context;
  const settings = await readSettings(context);
  const { runNow } = settings.environment;
  const request = bootstrapRequestOf(context, runNow);
  const client = createCommandLineClient(context, settings);
  const progress = createProgressLine(terminal, progressOptionsOf(flags));
  try {
    const measure = flags["measure-memory"] === true;
    const result = await client.bootstrap(request, { signal, observer: progress.observe, measure });
    return reportResult(terminal, result, reportOptionsOf(flags));
  } finally {
    progress.end();
    await client.close();
  }
}
