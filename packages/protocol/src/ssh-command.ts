// The command line for git over ssh.

import type { GitService } from "./advertisement.ts";
import { ProtocolError } from "./errors.ts";

/**
 * Quote one argument as git does for the remote shell: always in single quotes, `'` as `'\''` and `!` as `'\!'`.
 * Some servers parse the quotes themselves and need them even around harmless text.
 */
export function quoteSshArgument(argument: string): string {
  return `'${argument.replace(/['!]/g, (character) => `'\\${character}'`)}'`;
}

/**
 * The command to run on the remote: gitprotocol-pack(5), "SSH Transport". `/~user/…` loses its slash.
 *
 * @throws {ProtocolError} `REQUEST_INVALID` for a path that starts with `-`, which would be an option, is empty, or
 * holds NUL or LF.
 */
export function encodeSshCommand(service: GitService, path: string): string {
  if (path === "" || path.startsWith("-") || /[\0\n]/.test(path)) {
    throw new ProtocolError(
      "REQUEST_INVALID",
      "Cannot use path over ssh: it is empty, an option, or has line ends",
      {
        phase: "ssh-command",
      },
    );
  }
  return `${service} ${quoteSshArgument(path.startsWith("/~") ? path.slice(1) : path)}`;
}
