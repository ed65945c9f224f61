/** `git-sync mirrors`: is the configuration right, and what may stand in it. Connects to nothing. */

import { configuredRoutes, loadConfig, mirrorsFileSchema } from "@gitsync/runtime";
import { CliError } from "../cli-error.ts";
import { chooseAction } from "../command-line/choose-action.ts";
import type { CommandContext } from "../command-line/command.ts";
import { EXIT, type ExitStatus } from "../exit-status.ts";
import { reportJson } from "../output/report.ts";
import { readSettings } from "../settings/settings.ts";

const ACTIONS = ["check", "schema"] as const;

export async function runMirrors(context: CommandContext): Promise<ExitStatus> {
  const action = chooseAction(context, ACTIONS);
  if (action === "check") return await check(context);
  // Editors find the draft by this name; the rest is the schema that validates.
  reportJson(context.terminal, {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    ...mirrorsFileSchema,
  });
  return EXIT.ok;
}

async function check(context: CommandContext): Promise<ExitStatus> {
  const { flags, terminal, command } = context;
  const { environment } = await readSettings(context);
  const file = flags.config ?? environment.configFile;
  if (file === undefined) {
    throw new CliError("USAGE", "mirrors check needs --config FILE or GITSYNC_CONFIG", {
      command: command.name,
    });
  }
  const { config, files } = await loadConfig(file);
  const routes = configuredRoutes(config);
  if (flags.json) {
    reportJson(terminal, {
      files,
      mirrors: config.mirrors.length,
      routes: routes.map(({ definition }) => definition.id),
      hash: config.hash,
    });
  } else {
    terminal.result(
      `${file}: ${counted(config.mirrors.length, "mirror")}, ${counted(routes.length, "route")}, no faults\n`,
    );
  }
  return EXIT.ok;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
