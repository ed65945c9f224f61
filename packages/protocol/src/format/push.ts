// What is said in a push, as text for traces and test names. Lines, no final LF; nothing is parsed back.

import { CapabilityList } from "../capabilities.ts";
import type { PushCertificate } from "../push-certificate.ts";
import type { RefName } from "../ref-name.ts";
import { formatRefName } from "../ref-name-format.ts";
import type { RefUpdateCommand } from "../ref-update-command.ts";
import type { CommandStatus, ReportStatus } from "../report-status.ts";
import type { UpdateRequest } from "../update-request.ts";
import { formatCapabilities } from "./advertisement.ts";
import { lines, shown } from "./line.ts";

/** `create name new`, `update name old..new` or `delete name old`. */
export function formatRefUpdateCommand(command: RefUpdateCommand): string {
  const name = formatRefName(command.ref);
  switch (command.type) {
    case "create":
      return `create ${name} ${command.newId}`;
    case "delete":
      return `delete ${name} ${command.oldId}`;
    case "update":
      return `update ${name} ${command.oldId}..${command.newId}`;
  }
}

/** Header fields, commands and the size of the signature, a line each. */
export function formatPushCertificate(certificate: PushCertificate): string {
  const { pusher, pushee, nonce, pushOptions, commands, signature } = certificate;
  return lines(
    `pusher ${shown(pusher)}`,
    pushee === undefined ? undefined : `pushee ${shown(pushee)}`,
    nonce === undefined ? undefined : `nonce ${shown(nonce)}`,
    pushOptions.map((option) => `push-option ${shown(option)}`),
    commands.map(formatRefUpdateCommand),
    `signature ${signature.length} bytes`,
  );
}

/** Capabilities, boundary, commands or the certificate with them, and options, a line each. */
export function formatUpdateRequest(request: UpdateRequest): string {
  const capabilities = new CapabilityList(request.capabilities);
  const { shallow = [], pushOptions = [], certificate } = request;
  return lines(
    capabilities.size === 0 ? undefined : `capabilities ${formatCapabilities(capabilities)}`,
    shallow.map((oid) => `shallow ${oid}`),
    certificate === undefined
      ? request.commands.map(formatRefUpdateCommand)
      : ["certificate", formatPushCertificate(certificate)],
    pushOptions.map((option) => `option ${shown(option)}`),
  );
}

/** The unpack line, then one line for each command. */
export function formatReportStatus(report: ReportStatus): string {
  const unpack = report.unpack.ok ? "unpack ok" : `unpack ${report.unpack.error}`;
  return lines(unpack, report.commands.map(formatCommandStatus));
}

function formatCommandStatus(status: CommandStatus): string {
  if (status.type === "ng") return `ng ${formatRefName(status.ref)} ${status.reason}`;
  const { refName, oldId, newId, forcedUpdate } = status.options;
  const as = (name: RefName | undefined): string => (name === undefined ? "" : ` as ${formatRefName(name)}`);
  const ids = oldId === undefined && newId === undefined ? "" : ` ${oldId ?? ""}..${newId ?? ""}`;
  return `ok ${formatRefName(status.ref)}${as(refName)}${ids}${forcedUpdate === true ? " forced" : ""}`;
}
