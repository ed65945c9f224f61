/** `git-sync hooks health`: whether the webhooks that should come do come, by what the runs of each mirror found. */

import { hookHealth, type HookHealth, type Producer } from "@gitsync/producer";
import { configuredRoutes, expectsDeliveries, loadConfig } from "@gitsync/runtime";
import { CliError } from "../cli-error.ts";
import type { CommandContext } from "../command-line/command.ts";
import { EXIT, type ExitStatus } from "../exit-status.ts";
import { durationText } from "../output/mirrors-text.ts";
import { reportJson } from "../output/report.ts";
import { tableText } from "../output/table.ts";
import { openQueueSession } from "../settings/queue-session.ts";
import { readSettings } from "../settings/settings.ts";

/** Mirrors that are looked up at the same time. */
const AT_A_TIME = 8;

interface MirrorHealth extends HookHealth {
  readonly mirror: string;
}

export async function showHookHealth(context: CommandContext): Promise<ExitStatus> {
  const { flags, terminal, positionals, command } = context;
  const settings = await readSettings(context);
  const file = flags.config ?? settings.environment.configFile;
  if (file === undefined) {
    throw new CliError("USAGE", "hooks health needs --config FILE or GITSYNC_CONFIG", {
      command: command.name,
    });
  }
  const { config } = await loadConfig(file);
  const { id } = positionals;
  if (id !== undefined && config.mirrors.every((mirror) => mirror.id !== id)) {
    throw new CliError("MIRROR_NOT_FOUND", `Cannot find the mirror ${JSON.stringify(id)} in ${file}`, {
      remedy: "name a mirror of that file",
    });
  }
  const chosen = config.mirrors.filter((mirror) => id === undefined || mirror.id === id);
  const expecting = chosen.filter((mirror) => expectsDeliveries(config, mirror)).map((mirror) => mirror.id);
  const routes = Map.groupBy(configuredRoutes(config), ({ mirror }) => mirror);
  await using session = await openQueueSession(context, settings, "producer");
  const found: MirrorHealth[] = [];
  const queue = expecting.entries();
  const lookInTurn = async (): Promise<void> => {
    for (const [index, mirror] of queue) {
      const ids = (routes.get(mirror) ?? []).map(({ definition }) => definition.id);
      found[index] = { mirror, ...(await healthOf(session.producer, ids)) };
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, lookInTurn));
  const { now } = await session.producer.moment();
  const withoutWebhook = chosen.length - expecting.length;
  if (flags.json) reportJson(terminal, { now, mirrors: found, withoutWebhook });
  else terminal.result(healthText(found, withoutWebhook, now));
  return found.some(({ state }) => state === "missing") ? EXIT.failed : EXIT.ok;
}

async function healthOf(producer: Producer, routes: readonly string[]): Promise<HookHealth> {
  const reports = await Promise.all(routes.map((route) => producer.routes.reports(route)));
  return hookHealth(reports.flat());
}

function healthText(found: readonly MirrorHealth[], withoutWebhook: number, now: number): string {
  const rows = found.map(({ mirror, state, lastHeardAt, changes, missed }) => [
    mirror,
    state,
    lastHeardAt === undefined ? "never" : `${durationText(now - lastHeardAt)} ago`,
    String(changes),
    String(missed),
  ]);
  const table =
    rows.length === 0 ? "" : tableText(["MIRROR", "WEBHOOKS", "LAST HEARD", "CHANGES", "MISSED"], rows);
  const others = withoutWebhook === 1 ? "1 mirror expects" : `${withoutWebhook} mirrors expect`;
  return `${table}${withoutWebhook === 0 ? "" : `${others} no webhook\n`}`;
}
