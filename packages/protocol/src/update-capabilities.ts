// Which capabilities a push sends: what it wishes for, as far as the server has it.

import { agentCapability, type Capability, CapabilityList, objectFormatOf } from "./capabilities.ts";
import { ProtocolError } from "./errors.ts";
import type { ObjectFormat } from "./object-id.ts";

/** What a push wishes for. */
export interface UpdateCapabilityWishes {
  readonly objectFormat: ObjectFormat;
  readonly atomic?: boolean;
  readonly quiet?: boolean;
  readonly pushOptions?: boolean;
  readonly agent?: string;
  /** Printable, without white space. */
  readonly sessionId?: string;
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
      { phase: "update-request" },
    );
  }
  const chosen: Capability[] = [];
  const offer = (name: string, wanted: boolean): boolean => {
    const agreed = wanted && server.has(name);
    if (agreed) chosen.push({ name });
    return agreed;
  };
  const offerValue = (name: string, value: string | undefined): void => {
    if (value !== undefined && server.has(name)) chosen.push({ name, value });
  };
  if (!offer("report-status-v2", true)) offer("report-status", true);
  offer("side-band-64k", true);
  offer("quiet", wishes.quiet === true);
  offer("atomic", wishes.atomic === true);
  offer("push-options", wishes.pushOptions === true);
  offerValue("object-format", wishes.objectFormat);
  offerValue("agent", wishes.agent === undefined ? undefined : agentCapability(wishes.agent).value);
  offerValue("session-id", wishes.sessionId);
  return new CapabilityList(chosen);
}
