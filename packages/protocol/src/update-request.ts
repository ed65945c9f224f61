// Asking a server to move refs: what stands in front of the pack.

import { type Capability, CapabilityList, encodeCapabilities } from "./capabilities.ts";
import { ProtocolError, type ProtocolErrorCode } from "./errors.ts";
import type { ObjectFormat, ObjectId } from "./object-id.ts";
import { PktLineWriter } from "./pkt-line/pkt-line-encoder.ts";
import { encodePushCertificate, type PushCertificate } from "./push-certificate.ts";
import { checkedId, commandLine, type RefUpdateCommand } from "./ref-update-command.ts";

/** What {@link encodeUpdateRequest} writes. */
export interface UpdateRequest {
  readonly commands: readonly RefUpdateCommand[];
  /** To send, as they are: see `chooseUpdateCapabilities`. */
  readonly capabilities: CapabilityList | readonly string[];
  readonly objectFormat: ObjectFormat;
  /** Boundary of what we push from, when it is shallow. */
  readonly shallow?: readonly ObjectId[];
  /** Only with the `push-options` capability. */
  readonly pushOptions?: readonly string[];
  /** Vouches for `commands` and `pushOptions`, and is sent in the place of the commands. Only if the server gave a nonce. */
  readonly certificate?: PushCertificate;
}

/**
 * An update-request: gitprotocol-pack(5), "Reference Update Request and Packfile Transfer". Byte for byte as git writes
 * it. A new array.
 *
 * No pack is appended. The caller sends one after it, an empty one at least, unless every command is a delete.
 *
 * @throws {ProtocolError} `REF_NAME_INVALID`, `OBJECT_ID_INVALID`, `CAPABILITY_INVALID`; `REQUEST_INVALID` for a push
 * option that is not one line or would be taken for an error; `CAPABILITY_MISSING` for push options without their
 * capability; `CERTIFICATE_INVALID` for a certificate that vouches for something else, and as `encodePushCertificate`.
 */
export function encodeUpdateRequest(request: UpdateRequest): Uint8Array {
  const { objectFormat, certificate } = request;
  const capabilities = new CapabilityList(request.capabilities).entries();
  const writer = new PktLineWriter();
  for (const oid of request.shallow ?? []) writer.line(`shallow ${checkedId(oid, objectFormat)}\n`);
  if (certificate === undefined) writeCommands(writer, request, capabilities);
  else writeCertificate(writer, certificate, request, capabilities);
  writer.flush();
  const takesOptions = capabilities.some((capability) => capability.name === "push-options");
  if (takesOptions) writePushOptions(writer, request.pushOptions ?? []);
  else if (request.pushOptions !== undefined && request.pushOptions.length > 0) {
    throw new ProtocolError("CAPABILITY_MISSING", "Cannot push: push-options was not agreed", {
      phase: "update-request",
      details: { capability: "push-options" },
    });
  }
  return writer.take();
}

/** What follows the first command, or `push-cert`: git puts a space before the first capability. */
function suffixOf(capabilities: readonly Capability[]): string {
  return capabilities.length > 0 ? `\0 ${encodeCapabilities(capabilities)}` : "";
}

function writeCommands(
  writer: PktLineWriter,
  request: UpdateRequest,
  capabilities: readonly Capability[],
): void {
  let suffix = suffixOf(capabilities);
  for (const command of request.commands) {
    writer.line(`${commandLine(command, request.objectFormat)}${suffix}`);
    suffix = "";
  }
}

function writeCertificate(
  writer: PktLineWriter,
  certificate: PushCertificate,
  request: UpdateRequest,
  capabilities: readonly Capability[],
): void {
  const { commands, objectFormat, pushOptions = [] } = request;
  const lines = (list: readonly RefUpdateCommand[]): string =>
    list.map((command) => commandLine(command, objectFormat)).join("\n");
  if (
    lines(commands) !== lines(certificate.commands) ||
    pushOptions.join("\n") !== certificate.pushOptions.join("\n")
  ) {
    throw refused("CERTIFICATE_INVALID", "the certificate is for other commands or push options");
  }
  writer.line(`push-cert${suffixOf(capabilities)}`);
  const bytes = encodePushCertificate(certificate, objectFormat);
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(0x0a, start) + 1;
    writer.line(bytes.subarray(start, end));
    start = end;
  }
  writer.line("push-cert-end\n");
}

function writePushOptions(writer: PktLineWriter, options: readonly string[]): void {
  for (const option of options) {
    if (/[\0\n]/.test(option)) throw refused("REQUEST_INVALID", "a push option holds NUL or LF");
    // A server would take the packet for an error of ours.
    if (option.startsWith("ERR ")) throw refused("REQUEST_INVALID", "a push option begins with ERR");
    writer.line(option);
  }
  writer.flush();
}

function refused(code: ProtocolErrorCode, why: string): ProtocolError {
  return new ProtocolError(code, `Cannot push: ${why}`, { phase: "update-request" });
}
