// The first words over git:// and ssh, as text for traces and test names. One line; nothing is parsed back.

import type { DaemonRequest } from "../daemon-request.ts";
import type { RequestCommand } from "../request-command.ts";
import type { SshCommand } from "../ssh-command.ts";
import { shown } from "./line.ts";

/** The program's name. */
export function formatRequestCommand(command: RequestCommand): string {
  return command;
}

/** The program and the path, then address and extra parameters where given. */
export function formatDaemonRequest(request: DaemonRequest): string {
  const { service, path, host, port, extraParameters = [] } = request;
  const address = host === undefined ? "" : ` at ${shown(host)}${port === undefined ? "" : ` port ${port}`}`;
  const extra = extraParameters.map((parameter) => `, ${shown(parameter)}`).join("");
  return `${formatRequestCommand(service)} ${shown(path)}${address}${extra}`;
}

/** The program and the path. */
export function formatSshCommand(command: SshCommand): string {
  return `${formatRequestCommand(command.service)} ${shown(command.path)}`;
}
