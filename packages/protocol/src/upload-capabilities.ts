// Which capabilities a v0 or v1 client sends: what the fetch needs, as far as the server has it.

import { agentCapability, type CapabilityList, encodeCapability } from "./capabilities.ts";
import { ProtocolError } from "./errors.ts";
import type { FetchRequest } from "./fetch-request.ts";

/** How acknowledgments are written in v0 and v1: gitprotocol-capabilities(5), "multi_ack". */
export type AckMode = "none" | "multi_ack" | "multi_ack_detailed";

/** What frames the pack in v0 and v1. */
export type SidebandChoice = "side-band-64k" | "side-band" | "none";

/** What a v0 or v1 request asks of the server; a `FetchResponseDecoder` needs the same. */
export interface UploadCapabilityChoice {
  /** To send, in git's order. */
  readonly capabilities: readonly string[];
  readonly ackMode: AckMode;
  readonly sideband: SidebandChoice;
  readonly noDone: boolean;
}

/** What {@link chooseUploadCapabilities} must know besides the request. */
export interface UploadRequestOptions {
  /** The server's. */
  readonly capabilities: CapabilityList;
  /** True over HTTP, where each request stands alone. */
  readonly stateless: boolean;
  /** Sent when the server advertised an agent. */
  readonly agent?: string;
  /** Sent when the server advertised one: printable, without white space. */
  readonly sessionId?: string;
}

/**
 * The capabilities of a v0 or v1 request: gitprotocol-capabilities(5). Nothing is sent that the server did not advertise.
 *
 * @throws {ProtocolError} `CAPABILITY_MISSING` for a filter, a deepening or a wanted name that the server cannot do.
 */
export function chooseUploadCapabilities(
  request: FetchRequest,
  options: UploadRequestOptions,
): UploadCapabilityChoice {
  const server = options.capabilities;
  const detailed = server.has("multi_ack_detailed");
  const ackMode: AckMode = detailed ? "multi_ack_detailed" : server.has("multi_ack") ? "multi_ack" : "none";
  // A server that can leave out `done` says so only to stateless clients; asking elsewhere would hang both ends.
  const noDone = options.stateless && detailed && server.has("no-done");
  const sideband: SidebandChoice = server.has("side-band-64k")
    ? "side-band-64k"
    : server.has("side-band")
      ? "side-band"
      : "none";
  const { deepen } = request;
  const chosen: string[] = [];
  const offer = (name: string, wanted: boolean): void => {
    if (wanted && server.has(name)) chosen.push(name);
  };
  const need = (name: string, wanted: boolean): void => {
    if (wanted && !server.has(name)) throw missing(name);
    if (wanted) chosen.push(name);
  };
  const needOrOffer = (name: string, wanted: boolean): void =>
    wanted ? need(name, true) : offer(name, true);
  const offerValue = (name: string, value: string | undefined): void => {
    if (value !== undefined && server.has(name)) chosen.push(encodeCapability({ name, value }));
  };
  if (request.wantRefs !== undefined && request.wantRefs.length > 0) throw missing("ref-in-want");
  if ((request.shallow !== undefined || deepen !== undefined) && !server.has("shallow"))
    throw missing("shallow");
  offer(ackMode, ackMode !== "none");
  offer("no-done", noDone);
  offer(sideband, sideband !== "none");
  need("deepen-relative", deepen?.type === "depth" && deepen.relative === true);
  offer("thin-pack", request.thinPack === true);
  offer("no-progress", request.noProgress === true);
  offer("include-tag", request.includeTag === true);
  offer("ofs-delta", request.ofsDelta === true);
  // git agrees to these two whenever it can, and uses them or not.
  needOrOffer("deepen-since", deepen?.type === "boundary" && deepen.since !== undefined);
  needOrOffer("deepen-not", deepen?.type === "boundary" && (deepen.not?.length ?? 0) > 0);
  offerValue("object-format", server.get("object-format"));
  offerValue("agent", options.agent === undefined ? undefined : agentCapability(options.agent).value);
  offerValue("session-id", options.sessionId);
  need("filter", request.filter !== undefined);
  return { capabilities: chosen, ackMode, sideband, noDone };
}

function missing(capability: string): ProtocolError {
  return new ProtocolError(
    "CAPABILITY_MISSING",
    `Cannot request pack: the server does not advertise ${capability}`,
    { phase: "fetch-request", details: { capability } },
  );
}
