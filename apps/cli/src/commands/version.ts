/** `git-sync version` and `git-sync --version`. */

import type { CommandContext } from "../command-line/command.ts";
import { EXIT, type ExitStatus } from "../exit-status.ts";
import { reportJson } from "../output/report.ts";
import type { Terminal } from "../output/terminal.ts";
import { VERSION } from "../version.ts";

export async function runVersion({
  terminal,
  flags,
}: Pick<CommandContext, "terminal" | "flags">): Promise<ExitStatus> {
  if (flags.json) reportJson(terminal, { version: VERSION, node: process.versions.node });
  else printVersion(terminal);
  return EXIT.ok;
}

/** `git-sync 0.1.0 (Node.js 26.10.0)` */
export function printVersion(terminal: Terminal): void {
  terminal.result(`git-sync ${VERSION} (Node.js ${process.versions.node})\n`);
}
