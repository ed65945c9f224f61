// Asking a server to move refs: the commands in front of the pack.

import {
  agentCapability,
  type Capability,
  CapabilityList,
  encodeCapabilities,
  objectFormatOf,
} from "./capabilities.ts";
import { ProtocolError } from "./errors.ts";
import { type ObjectFormat, type ObjectId, objectIdHexLength, zeroObjectId } from "./object-id.ts";
import { PktLineWriter } from "./pkt-line/pkt-line-encoder.ts";
import { isValidRefName, type RefName } from "./ref-name.ts";

/**
 * One command of an update-request.
 *
 * Create and delete carry one id only, so a zero id cannot be mistaken for an object. `oldId` is a lease: the server
 * refuses the command when the ref is elsewhere.
 */
export type RefUpdateCommand =
  | { readonly type: "create"; readonly ref: RefName; readonly newId: ObjectId }
  | { readonly type: "update"; readonly ref: RefName; readonly oldId: ObjectId; readonly newId: ObjectId }
  | { readonly type: "delete"; readonly ref: RefName; readonly oldId: ObjectId };

/** What {@link encodeUpdateRequest} writes. */
export interface UpdateRequest {
  readonly commands: readonly RefUpdateCommand[];
  /** To send, as they are: see {@link chooseUpdateCapabilities}. */
  readonly capabilities: CapabilityList | readonly string[];
  readonly objectFormat: ObjectFormat;
  /** Boundary of what we push from, when it is shallow. */
  readonly shallow?: readonly ObjectId[];
  /** Only with the `push-options` capability. */
  readonly pushOptions?: readonly string[];
}

/** What a push wishes for. */
export interface UpdateCapabilityWishes {
  readonly objectFormat: ObjectFormat;
  readonly atomic?: boolean;
  readonly quiet?: boolean;
  readonly pushOptions?: boolean;
  readonly agent?: string;
}

/**
 * An update-request: gitprotocol-pack(5), "Reference Update Request and Packfile Transfer". A new array.
 *
 * No pack is appended. The caller sends one after it, an empty one at least, unless every command is a delete.
 *
 * @throws {ProtocolError} `REF_NAME_INVALID`, `OBJECT_ID_INVALID`, `CAPABILITY_INVALID`; `REQUEST_INVALID` for a push
 * option with NUL or LF; `CAPABILITY_MISSING` for push options without their capability.
 */
export function encodeUpdateRequest(request: UpdateRequest): Uint8Array {
  const { objectFormat } = request;
  const capabilities = new CapabilityList(request.capabilities).entries();
  const writer = new PktLineWriter();
  for (const oid of request.shallow ?? []) writer.line(`shallow ${checkedId(oid, objectFormat)}`);
  // git puts a space before the first capability.
  let suffix = capabilities.length > 0 ? `\0 ${encodeCapabilities(capabilities)}` : "";
  const zero = zeroObjectId(objectFormat);
  for (const command of request.commands) {
    if (!isValidRefName(command.ref)) throw refusedName(command.ref);
    const oldId = command.type === "create" ? zero : checkedId(command.oldId, objectFormat);
    const newId = command.type === "delete" ? zero : checkedId(command.newId, objectFormat);
    writer.line(`${oldId} ${newId} ${command.ref}${suffix}`);
    suffix = "";
  }
  writer.flush();
  const takesOptions = capabilities.some((capability) => capability.name === "push-options");
  if (takesOptions) writePushOptions(writer, request.pushOptions ?? []);
  else if (request.pushOptions !== undefined && request.pushOptions.length > 0) throw missing("push-options");
  return writer.take();
}

/** True when a pack must follow the commands: gitprotocol-pack(5) has one unless all are deletes. */
export function needsPack(commands: readonly RefUpdateCommand[]): boolean {
  return commands.some((command) => command.type !== "delete");
}

/**
 * The capabilities to send to a receive-pack: those wished for that the server has, in git's order. Look into the
 * result for what became of a wish.
 *
 * @throws {ProtocolError} `OBJECT_FORMAT_UNSUPPORTED` when the repository has another hash.
 */
export function chooseUpdateCapabilities(
  server: CapabilityList,
  wishes: UpdateCapabilityWishes,
): CapabilityList {
  if (objectFormatOf(server) !== wishes.objectFormat) {
    throw new ProtocolError(
      "OBJECT_FORMAT_UNSUPPORTED",
      "Cannot push: the repository has another object-format",
      {
        phase: "update-request",
      },
    );
  }
  const chosen: Capability[] = [];
  const offer = (name: string, wanted: boolean): boolean => {
    const agreed = wanted && server.has(name);
    if (agreed) chosen.push({ name });
    return agreed;
  };
  if (!offer("report-status-v2", true)) offer("report-status", true);
  offer("side-band-64k", true);
  offer("quiet", wishes.quiet === true);
  offer("atomic", wishes.atomic === true);
  offer("push-options", wishes.pushOptions === true);
  if (server.has("object-format")) chosen.push({ name: "object-format", value: wishes.objectFormat });
  if (wishes.agent !== undefined && server.has("agent")) chosen.push(agentCapability(wishes.agent));
  return new CapabilityList(chosen);
}

function writePushOptions(writer: PktLineWriter, options: readonly string[]): void {
  for (const option of options) {
    if (/[\0\n]/.test(option)) {
      throw new ProtocolError("REQUEST_INVALID", "Cannot push: a push option holds NUL or LF", {
        phase: "update-request",
      });
    }
    writer.line(option);
  }
  writer.flush();
}

function checkedId(oid: ObjectId, format: ObjectFormat): ObjectId {
  if (oid.length === objectIdHexLength(format)) return oid;
  throw new ProtocolError("OBJECT_ID_INVALID", "Cannot push: an id belongs to another object-format", {
    phase: "update-request",
    excerpt: new TextEncoder().encode(oid),
  });
}

function refusedName(name: RefName): ProtocolError {
  return new ProtocolError("REF_NAME_INVALID", "Cannot push: git check-ref-format refuses a ref name", {
    phase: "update-request",
    excerpt: new TextEncoder().encode(name.slice(0, 80)),
  });
}

function missing(capability: string): ProtocolError {
  return new ProtocolError("CAPABILITY_MISSING", `Cannot push: ${capability} was not agreed`, {
    phase: "update-request",
    details: { capability },
  });
}
