// One command of a push, and its line on the wire.

import { ProtocolError } from "./errors.ts";
import {
  isZeroObjectId,
  type ObjectFormat,
  type ObjectId,
  objectIdHexLength,
  parseObjectId,
  zeroObjectId,
} from "./object-id.ts";
import { isValidRefName, parseRefName, refNameError, type RefName } from "./ref-name.ts";

/**
 * One command of an update-request. gitprotocol-pack(5), "Reference Update Request and Packfile Transfer".
 *
 * Create and delete carry one id only, so a zero id cannot be mistaken for an object. `oldId` is a lease: the server
 * refuses the command when the ref is elsewhere.
 */
export type RefUpdateCommand =
  | { readonly type: "create"; readonly ref: RefName; readonly newId: ObjectId }
  | { readonly type: "update"; readonly ref: RefName; readonly oldId: ObjectId; readonly newId: ObjectId }
  | { readonly type: "delete"; readonly ref: RefName; readonly oldId: ObjectId };

/** True when a pack must follow the commands: gitprotocol-pack(5) has one unless all are deletes. */
export function needsPack(commands: readonly RefUpdateCommand[]): boolean {
  return commands.some((command) => command.type !== "delete");
}

/**
 * A command as a line without LF: gitprotocol-pack(5), "Reference Update Request and Packfile Transfer".
 *
 * @throws {ProtocolError} `REF_NAME_INVALID`; `OBJECT_ID_INVALID` for an id of another object-format.
 */
export function commandLine(command: RefUpdateCommand, format: ObjectFormat): string {
  if (!isValidRefName(command.ref)) throw refNameError(command.ref, "update-request");
  const oldId = command.type === "create" ? zeroObjectId(format) : checkedId(command.oldId, format);
  const newId = command.type === "delete" ? zeroObjectId(format) : checkedId(command.newId, format);
  return `${oldId} ${newId} ${command.ref}`;
}

/**
 * The command that a line without LF and capabilities is.
 *
 * @throws {ProtocolError} `REQUEST_INVALID`, `OBJECT_ID_INVALID`, `REF_NAME_INVALID`.
 */
export function parseCommandLine(line: string, format: ObjectFormat): RefUpdateCommand {
  const match = /^([0-9A-Fa-f]+) ([0-9A-Fa-f]+) (.+)$/s.exec(line);
  if (match === null) throw invalid("a line that is no command", line);
  const oldId = parseObjectId(match[1] ?? "", format);
  const newId = parseObjectId(match[2] ?? "", format);
  const ref = parseRefName(match[3] ?? "");
  if (isZeroObjectId(newId)) {
    if (isZeroObjectId(oldId)) throw invalid("a command that does nothing", line);
    return { type: "delete", ref, oldId };
  }
  return isZeroObjectId(oldId) ? { type: "create", ref, newId } : { type: "update", ref, oldId, newId };
}

/** The id, if it is as wide as the format says. */
export function checkedId(oid: ObjectId, format: ObjectFormat): ObjectId {
  if (oid.length === objectIdHexLength(format)) return oid;
  throw new ProtocolError("OBJECT_ID_INVALID", "Cannot push: an id belongs to another object-format", {
    phase: "update-request",
    excerpt: new TextEncoder().encode(oid),
  });
}

function invalid(found: string, line: string): ProtocolError {
  return new ProtocolError("REQUEST_INVALID", `Cannot read update-request: found ${found}`, {
    phase: "update-request",
    excerpt: new TextEncoder().encode(line.slice(0, 80)),
  });
}
