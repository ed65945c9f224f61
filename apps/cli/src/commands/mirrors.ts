/** `git-sync mirrors`: how the fleet is, is the configuration right, and what may stand in it. */

import { mirrorsFileSchema } from "@gitsync/runtime";
import { CliError } from "../cli-error.ts";
import { chooseAction } from "../command-line/choose-action.ts";
import type { CommandContext } from "../command-line/command.ts";
import { EXIT, type ExitStatus } from "../exit-status.ts";
import { reportJson } from "../output/report.ts";
import { checkMirrors } from "./mirrors-check.ts";
import { approvePlan, listMirrors, pauseMirror, showMirror } from "./mirrors-steer.ts";

const ACTIONS = ["list", "show", "pause", "resume", "approve", "check", "schema"] as const;

export async function runMirrors(context: CommandContext): Promise<ExitStatus> {
  const action = chooseAction(context, ACTIONS);
  const { id } = context.positionals;
  if (action === "show" || action === "pause" || action === "resume") {
    if (id === undefined) throw usage(context, `mirrors ${action} needs the ID of a mirror or of a route`);
    return action === "show"
      ? await showMirror(context, id)
      : await pauseMirror(context, id, action === "pause");
  }
  if (action === "approve") {
    const { plan } = context.flags;
    if (id === undefined || plan === undefined)
      throw usage(context, "mirrors approve needs the ID of a route and --plan HASH");
    return await approvePlan(context, id, plan);
  }
  if (id !== undefined)
    throw usage(context, `unexpected argument ${JSON.stringify(id)}: ${action} takes none`);
  if (action === "list") return await listMirrors(context);
  if (action === "check") return await checkMirrors(context);
  // Editors find the draft by this name; the rest is the schema that validates.
  reportJson(context.terminal, {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    ...mirrorsFileSchema,
  });
  return EXIT.ok;
}

function usage(context: CommandContext, message: string): CliError {
  return new CliError("USAGE", message, { command: context.command.name });
}
