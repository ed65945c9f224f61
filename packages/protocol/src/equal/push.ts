// Equality of what is said in a push. Order matters everywhere: it is that of the wire.

import { CapabilityList } from "../capabilities.ts";
import type { PushCertificate } from "../push-certificate.ts";
import type { RefUpdateCommand } from "../ref-update-command.ts";
import type { CommandStatus, RefReport, ReportStatus } from "../report-status.ts";
import type { UpdateRequest } from "../update-request.ts";
import { equalCapabilities } from "./advertisement.ts";
import { equalBytes, equalLists, equalOptional } from "./lists.ts";

/** Same kind, ref and ids. */
export function equalRefUpdateCommands(left: RefUpdateCommand, right: RefUpdateCommand): boolean {
  if (left.ref !== right.ref) return false;
  switch (left.type) {
    case "create":
      return right.type === "create" && left.newId === right.newId;
    case "delete":
      return right.type === "delete" && left.oldId === right.oldId;
    case "update":
      return right.type === "update" && left.oldId === right.oldId && left.newId === right.newId;
  }
}

/** Same contents, options and commands in the same order, and the same bytes of signature. */
export function equalPushCertificates(left: PushCertificate, right: PushCertificate): boolean {
  return (
    left.pusher === right.pusher &&
    left.pushee === right.pushee &&
    left.nonce === right.nonce &&
    equalLists(left.pushOptions, right.pushOptions) &&
    equalLists(left.commands, right.commands, equalRefUpdateCommands) &&
    equalBytes(left.signature, right.signature)
  );
}

/** Same commands, capabilities, boundary and options, each in the same order, and the same certificate or none. */
export function equalUpdateRequests(left: UpdateRequest, right: UpdateRequest): boolean {
  return (
    left.objectFormat === right.objectFormat &&
    equalLists(left.commands, right.commands, equalRefUpdateCommands) &&
    equalCapabilities(new CapabilityList(left.capabilities), new CapabilityList(right.capabilities)) &&
    equalLists(left.shallow ?? [], right.shallow ?? []) &&
    equalLists(left.pushOptions ?? [], right.pushOptions ?? []) &&
    equalOptional(left.certificate, right.certificate, equalPushCertificates)
  );
}

/** Same unpack status, and the same command statuses in the same order. */
export function equalReportStatuses(left: ReportStatus, right: ReportStatus): boolean {
  const sameUnpack = left.unpack.ok
    ? right.unpack.ok
    : !right.unpack.ok && left.unpack.error === right.unpack.error;
  return sameUnpack && equalLists(left.commands, right.commands, equalCommandStatuses);
}

function equalCommandStatuses(left: CommandStatus, right: CommandStatus): boolean {
  if (left.ref !== right.ref) return false;
  if (left.type === "ng") return right.type === "ng" && left.reason === right.reason;
  return right.type === "ok" && equalRefReports(left.options, right.options);
}

function equalRefReports(left: RefReport, right: RefReport): boolean {
  return (
    left.refName === right.refName &&
    left.oldId === right.oldId &&
    left.newId === right.newId &&
    (left.forcedUpdate ?? false) === (right.forcedUpdate ?? false)
  );
}
