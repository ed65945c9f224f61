/** `git-sync probe`: what a source offers and what a target can do. */

import { validateProbeRequest } from "@gitsync/engine";
import type { CommandContext } from "../command-line/command.ts";
import { EXIT, type ExitStatus } from "../exit-status.ts";
import { createProgressLine, progressOptionsOf } from "../output/progress-line.ts";
import { probeText } from "../output/probe-text.ts";
import { reportJson } from "../output/report.ts";
import { createCommandLineClient } from "../settings/engine-client.ts";
import { readSettings } from "../settings/settings.ts";
import { endpointOf, protocolOf } from "../settings/sync-request.ts";

export async function runProbe(context: CommandContext): Promise<ExitStatus> {
  const { flags, terminal, signal, positionals } = context;
  const settings = await readSettings(context);
  const { runNow } = settings.environment;
  const request = validateProbeRequest({
    source: endpointOf(context, "source", runNow),
    ...(positionals["target"] === undefined ? {} : { target: endpointOf(context, "target", runNow) }),
    ...(flags.tags ? { includeTags: true } : {}),
    ...(flags["all-refs"] ? { allRefs: true } : {}),
    ...(flags["exclude-ref-prefix"] ? { excludeRefPrefixes: flags["exclude-ref-prefix"] } : {}),
    protocol: protocolOf(context, runNow),
    ...(flags.stats ? { collectStats: true } : {}),
  });
  const client = createCommandLineClient(context, settings);
  const progress = createProgressLine(terminal, progressOptionsOf(flags));
  try {
    const result = await client.probe(request, { signal, observer: progress.observe });
    progress.end();
    if (flags.json) reportJson(terminal, result);
    else terminal.result(probeText(result));
    return EXIT.ok;
  } finally {
    progress.end();
    await client.close();
  }
}
