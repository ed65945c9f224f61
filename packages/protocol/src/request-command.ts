// The programs that a git client may ask a server to run.

import type { GitService } from "./advertisement.ts";
import { ProtocolError } from "./errors.ts";

/** The `request-command` of gitprotocol-pack(5), "Git Transport". `git-upload-archive` does not speak this package's protocol. */
export type RequestCommand = GitService | "git-upload-archive";

/**
 * Read a request-command; case matters.
 *
 * @throws {ProtocolError} `REQUEST_INVALID` for the name of any other program.
 */
export function parseRequestCommand(text: string): RequestCommand {
  if (text === "git-upload-pack" || text === "git-receive-pack" || text === "git-upload-archive") return text;
  throw new ProtocolError("REQUEST_INVALID", "Cannot run command: it is none of git's services", {
    phase: "request-command",
    excerpt: new TextEncoder().encode(text.slice(0, 80)),
  });
}
