/** `git-sync mirrors`: is the configuration right, and what may stand in it. */

import { mirrorsFileSchema } from "@gitsync/runtime";
import { chooseAction } from "../command-line/choose-action.ts";
import type { CommandContext } from "../command-line/command.ts";
import { EXIT, type ExitStatus } from "../exit-status.ts";
import { reportJson } from "../output/report.ts";
import { checkMirrors } from "./mirrors-check.ts";

const ACTIONS = ["check", "schema"] as const;

export async function runMirrors(context: CommandContext): Promise<ExitStatus> {
  const action = chooseAction(context, ACTIONS);
  if (action === "check") return await checkMirrors(context);
  // Editors find the draft by this name; the rest is the schema that validates.
  reportJson(context.terminal, {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    ...mirrorsFileSchema,
  });
  return EXIT.ok;
}
