// The command line for git over ssh, both directions. Runs nothing.

import { ProtocolError } from "./errors.ts";
import { parseRequestCommand, type RequestCommand } from "./request-command.ts";

/** What a client runs on the server: gitprotocol-pack(5), "SSH Transport". */
export interface SshCommand {
  readonly service: RequestCommand;
  /** As the server's shell would see it: relative, absolute, or `~user/…`. */
  readonly path: string;
}

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
export function encodeSshCommand(service: RequestCommand, path: string): string {
  if (path === "" || path.startsWith("-") || /[\0\n]/.test(path)) {
    throw refused("Cannot use path over ssh: it is empty, an option, or has line ends");
  }
  return `${service} ${quoteSshArgument(path.startsWith("/~") ? path.slice(1) : path)}`;
}

/**
 * Read the command line that a client sent, as git-shell(1) does. Server side. `git upload-pack` with a space is taken too.
 *
 * @throws {ProtocolError} `REQUEST_INVALID` for another program, for quoting that is not git's, or a path that
 * {@link encodeSshCommand} would refuse.
 */
export function decodeSshCommand(line: string): SshCommand {
  const match = /^git[- ]([a-z-]+) (.*)$/s.exec(line);
  const service = parseRequestCommand(`git-${match?.[1] ?? ""}`);
  const path = unquote(match?.[2] ?? "");
  if (path === undefined || path === "" || path.startsWith("-") || /[\0\n]/.test(path)) {
    throw refused("Cannot read ssh command: its path is empty, an option, or not quoted as git does");
  }
  return { service, path };
}

/** Single quotes with `\'` and `\!` between them; text without any quoting is itself. */
function unquote(text: string): string | undefined {
  if (/^[A-Za-z0-9_./~@%+=:,-]+$/.test(text)) return text;
  return /^'[^']*'(?:\\['!]'[^']*')*$/.test(text)
    ? text.slice(1, -1).replace(/'\\(['!])'/g, "$1")
    : undefined;
}

function refused(message: string): ProtocolError {
  return new ProtocolError("REQUEST_INVALID", message, { phase: "ssh-command" });
}
