// The v2 command fetch, both directions.

import { hasFeature } from "./capabilities.ts";
import { ProtocolError } from "./errors.ts";
import { FetchArguments } from "./fetch-arguments.ts";
import type { FetchRequest } from "./fetch-request.ts";
import { encodeFilterSpec } from "./filter-spec.ts";
import type { ObjectFormat } from "./object-id.ts";
import { PktLineWriter } from "./pkt-line/pkt-line-encoder.ts";
import { writeBoundary } from "./upload-request.ts";
import { invalidArgument, type V2Command, type V2Session, writeCommand } from "./v2-command.ts";

/**
 * A v2 fetch command: gitprotocol-v2(5), "fetch". Byte for byte as git writes it. A new array.
 *
 * @throws {ProtocolError} `CAPABILITY_MISSING` when the request needs what the server does not advertise;
 * `FILTER_INVALID`, `CAPABILITY_INVALID`.
 * @throws {RangeError} for a depth that is not 1 to 2147483647.
 */
export function encodeFetchRequestV2(request: FetchRequest, session: V2Session): Uint8Array {
  const need = (feature: string): void => {
    if (hasFeature(session.capabilities, "fetch", feature)) return;
    throw new ProtocolError(
      "CAPABILITY_MISSING",
      `Cannot request pack: the server does not advertise fetch=${feature}`,
      { phase: "fetch-request", details: { capability: `fetch=${feature}` } },
    );
  };
  const writer = new PktLineWriter();
  writeCommand(writer, "fetch", session);
  if (request.thinPack === true) writer.line("thin-pack");
  if (request.noProgress === true) writer.line("no-progress");
  if (request.includeTag === true) writer.line("include-tag");
  if (request.ofsDelta === true) writer.line("ofs-delta");
  if (request.sidebandAll === true) {
    need("sideband-all");
    writer.line("sideband-all");
  }
  if (request.waitForDone === true) {
    need("wait-for-done");
    writer.line("wait-for-done");
  }
  if (request.shallow !== undefined || request.deepen !== undefined) need("shallow");
  writeBoundary(writer, request);
  if (request.deepen?.type === "depth" && request.deepen.relative === true) writer.line("deepen-relative\n");
  if (request.filter !== undefined) {
    need("filter");
    writer.line(`filter ${encodeFilterSpec(request.filter)}`);
  }
  if (request.packfileUris !== undefined && request.packfileUris.length > 0) {
    need("packfile-uris");
    writer.line(`packfile-uris ${request.packfileUris.join(",")}`);
  }
  for (const want of request.wants) writer.line(`want ${want}\n`);
  if (request.wantRefs !== undefined && request.wantRefs.length > 0) {
    need("ref-in-want");
    for (const name of request.wantRefs) writer.line(`want-ref ${name}\n`);
  }
  for (const have of request.haves) writer.line(`have ${have}\n`);
  if (request.done) writer.line("done\n");
  return writer.flush().take();
}

/**
 * The arguments of a fetch command: gitprotocol-v2(5), "fetch". Server side.
 *
 * @throws {ProtocolError} `REQUEST_INVALID` for an unknown argument, a ref wanted twice or lines that contradict each
 * other; `FILTER_INVALID`, `OBJECT_ID_INVALID`, `REF_NAME_INVALID`.
 */
export function decodeFetchRequestV2(command: V2Command, objectFormat: ObjectFormat): FetchRequest {
  const collected = new FetchArguments(objectFormat);
  for (const argument of command.args) {
    if (!collected.take(argument)) throw invalidArgument("fetch", argument);
  }
  return collected.request();
}
