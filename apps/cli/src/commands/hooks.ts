/** `git-sync hooks`: try a webhook, and see whether webhooks come. */

import { chooseAction } from "../command-line/choose-action.ts";
import type { CommandContext } from "../command-line/command.ts";
import type { ExitStatus } from "../exit-status.ts";
import { showHookHealth } from "./hooks-health.ts";
import { testHook } from "./hooks-test.ts";

export async function runHooks(context: CommandContext): Promise<ExitStatus> {
  const action = chooseAction(context, ["health", "test"]);
  return action === "health" ? await showHookHealth(context) : await testHook(context);
}
