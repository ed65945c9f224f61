// Messages as short text for traces and test names. Lines, no final LF; names are printable, nothing is parsed back.

import type { Advertisement, AdvertisedRef } from "./advertisement.ts";
import type { Capability, CapabilityList } from "./capabilities.ts";
import type { FetchRequest } from "./fetch-request.ts";
import type { Acknowledgments, ShallowInfo } from "./fetch-response.ts";
import type { RefName } from "./ref-name.ts";
import { formatRefName } from "./ref-name-format.ts";
import type { CommandStatus, ReportStatus } from "./report-status.ts";
import { sanitizeText } from "./sanitize-text.ts";
import type { RefUpdateCommand } from "./update-request.ts";

/** `name=value` words, sanitised. */
export function formatCapabilities(list: CapabilityList): string {
  const word = ({ name, value }: Capability): string => (value === undefined ? name : `${name}=${value}`);
  return sanitizeText(Array.from(list, word).join(" "), { maxLength: 100_000 });
}

/** `oid name`, then `-> target` and `peels to oid` where known. */
export function formatAdvertisedRef(ref: AdvertisedRef): string {
  const target = ref.symrefTarget === undefined ? "" : ` -> ${formatRefName(ref.symrefTarget)}`;
  return `${ref.oid} ${formatRefName(ref.name)}${target}${ref.peeled === undefined ? "" : ` peels to ${ref.peeled}`}`;
}

/** Version and format, capabilities, refs and the rest, a line each. */
export function formatAdvertisement(advertisement: Advertisement): string {
  const head = [
    `version ${advertisement.version}, ${advertisement.objectFormat}`,
    `capabilities ${formatCapabilities(advertisement.capabilities)}`,
  ];
  if (advertisement.version === 2) return head.join("\n");
  return [
    ...head,
    ...advertisement.refs.map(formatAdvertisedRef),
    ...advertisement.shallow.map((oid) => `shallow ${oid}`),
    ...advertisement.alternateTips.map((oid) => `have ${oid}`),
    ...advertisement.invalidNames.map((name) => `invalid ${formatRefName(name)}`),
  ].join("\n");
}

/** Wants, boundary, haves and options, a line each. */
export function formatFetchRequest(request: FetchRequest): string {
  const flags = (["thinPack", "ofsDelta", "includeTag", "noProgress", "waitForDone"] as const).filter(
    (flag) => request[flag] === true,
  );
  return [
    ...request.wants.map((oid) => `want ${oid}`),
    ...(request.wantRefs ?? []).map((name) => `want-ref ${formatRefName(name)}`),
    ...(request.shallow ?? []).map((oid) => `shallow ${oid}`),
    ...(request.deepen === undefined ? [] : [`deepen ${JSON.stringify(request.deepen)}`]),
    ...(request.filter === undefined ? [] : [`filter ${sanitizeText(request.filter, { maxLength: 1000 })}`]),
    ...(flags.length === 0 ? [] : [`options ${flags.join(" ")}`]),
    ...request.haves.map((oid) => `have ${oid}`),
    ...(request.done ? ["done"] : []),
  ].join("\n");
}

/** `ACK oid status`, `NAK`, `ready`, a line each. */
export function formatAcknowledgments(round: Acknowledgments): string {
  return [
    ...round.acks.map(({ oid, status }) => `ACK ${oid} ${status}`),
    ...(round.nak ? ["NAK"] : []),
    ...(round.ready ? ["ready"] : []),
  ].join("\n");
}

/** `shallow oid` and `unshallow oid`, a line each. */
export function formatShallowInfo(info: ShallowInfo): string {
  return [
    ...info.shallow.map((oid) => `shallow ${oid}`),
    ...info.unshallow.map((oid) => `unshallow ${oid}`),
  ].join("\n");
}

/** `create name new`, `update name old..new` or `delete name old`. */
export function formatRefUpdateCommand(command: RefUpdateCommand): string {
  const name = formatRefName(command.ref);
  if (command.type === "create") return `create ${name} ${command.newId}`;
  if (command.type === "delete") return `delete ${name} ${command.oldId}`;
  return `update ${name} ${command.oldId}..${command.newId}`;
}

/** The unpack line, then one line for each command. */
export function formatReportStatus(report: ReportStatus): string {
  const unpack = report.unpack.ok ? "unpack ok" : `unpack ${report.unpack.error}`;
  return [unpack, ...report.commands.map(formatCommandStatus)].join("\n");
}

function formatCommandStatus(status: CommandStatus): string {
  if (status.type === "ng") return `ng ${formatRefName(status.ref)} ${status.reason}`;
  const { refName, oldId, newId, forcedUpdate } = status.options;
  const as = (name: RefName | undefined): string => (name === undefined ? "" : ` as ${formatRefName(name)}`);
  const ids = oldId === undefined && newId === undefined ? "" : ` ${oldId ?? ""}..${newId ?? ""}`;
  return `ok ${formatRefName(status.ref)}${as(refName)}${ids}${forcedUpdate === true ? " forced" : ""}`;
}
