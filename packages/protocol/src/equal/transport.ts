// Equality of the first words over git:// and ssh.

import type { DaemonRequest } from "../daemon-request.ts";
import type { RequestCommand } from "../request-command.ts";
import type { SshCommand } from "../ssh-command.ts";
import { equalLists } from "./lists.ts";

/** The same program. */
export function equalRequestCommands(left: RequestCommand, right: RequestCommand): boolean {
  return left === right;
}

/** Same program, path and address, and the same extra parameters in the same order. */
export function equalDaemonRequests(left: DaemonRequest, right: DaemonRequest): boolean {
  return (
    equalRequestCommands(left.service, right.service) &&
    left.path === right.path &&
    left.host === right.host &&
    left.port === right.port &&
    equalLists(left.extraParameters ?? [], right.extraParameters ?? [])
  );
}

/** Same program and path. */
export function equalSshCommands(left: SshCommand, right: SshCommand): boolean {
  return equalRequestCommands(left.service, right.service) && left.path === right.path;
}
