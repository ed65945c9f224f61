/** `git-sync fetch`: what a source would send, downloaded and counted. Writes nothing. */

import type { CommandContext } from "../command-line/command.ts";
import { EXIT, type ExitStatus } from "../exit-status.ts";
import { fetchText } from "../output/fetch-text.ts";
import { createProgressLine, progressOptionsOf } from "../output/progress-line.ts";
import { reportJson } from "../output/report.ts";
import { createCommandLineClient } from "../settings/engine-client.ts";
import { readSettings } from "../settings/settings.ts";
import { fetchRequestOf } from "../settings/sync-request.ts";

export async function runFetch(context: CommandContext): Promise<ExitStatus> {
  const { flags, terminal, signal } = context;
  const settings = await readSettings(context);
  const { runNow } = settings.environment;
  const request = fetchRequestOf(context, runNow);
  const client = createCommandLineClient(context, settings);
  const progress = createProgressLine(terminal, progressOptionsOf(flags));
  try {
    const measure = flags["measure-memory"] === true;
    const result = await client.fetch(request, { signal, observer: progress.observe, measure });
    progress.end();
    if (flags.json) reportJson(terminal, result);
    else terminal.result(fetchText(result, { stats: flags.stats === true }));
    return EXIT.ok;
  } finally {
    progress.end();
    await client.close();
  }
}
