// Asking for a pack: the request, and its two spellings on the wire.

import { agentCapability, type CapabilityList, encodeCapability, hasFeature } from "./capabilities.ts";
import { ProtocolError } from "./errors.ts";
import { writeCommand } from "./ls-refs.ts";
import type { ObjectFormat, ObjectId } from "./object-id.ts";
import { PktLineWriter } from "./pkt-line/pkt-line-encoder.ts";
import type { RefName } from "./ref-name.ts";

/**
 * How to cut history.
 *
 * `depth` counts commits from the tips, or with `relative` from the present boundary. `boundary` cuts at a time
 * (seconds since 1970) and at refs, which may be given together.
 */
export type Deepen =
  | { readonly type: "depth"; readonly depth: number; readonly relative?: boolean }
  | { readonly type: "boundary"; readonly since?: number; readonly not?: readonly string[] };

/** A fetch: gitprotocol-pack(5), "Packfile Negotiation"; gitprotocol-v2(5), "fetch". */
export interface FetchRequest {
  readonly wants: readonly ObjectId[];
  /** Wanted by name; v2 servers with `ref-in-want` only. */
  readonly wantRefs?: readonly RefName[];
  readonly haves: readonly ObjectId[];
  /** End the negotiation: the pack comes in the answer, whatever is common. */
  readonly done: boolean;
  /** Accept deltas against objects that are not in the pack. Never set it when the pack goes to a strange repository. */
  readonly thinPack?: boolean;
  readonly ofsDelta?: boolean;
  readonly includeTag?: boolean;
  readonly noProgress?: boolean;
  /** A filter-spec of git-rev-list(1), `--filter`. */
  readonly filter?: string;
  /** Our own boundary. */
  readonly shallow?: readonly ObjectId[];
  readonly deepen?: Deepen;
  /** v2: acknowledge, but send no pack before `done`. */
  readonly waitForDone?: boolean;
}

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

/** {@link encodeFetchRequestV2}'s knowledge of the server. */
export interface FetchRequestV2Options {
  /** The server's. */
  readonly capabilities: CapabilityList;
  readonly objectFormat: ObjectFormat;
  /** Sent when the server advertised an agent. */
  readonly agent?: string;
}

/** {@link encodeUploadRequest}'s knowledge of the server. */
export interface UploadRequestOptions {
  /** The server's. */
  readonly capabilities: CapabilityList;
  /** True over HTTP, where each request stands alone. */
  readonly stateless: boolean;
  /** Sent when the server advertised an agent. */
  readonly agent?: string;
}

/**
 * A v2 fetch command: gitprotocol-v2(5), "fetch". A new array.
 *
 * @throws {ProtocolError} `CAPABILITY_MISSING` when the request needs what the server does not advertise.
 */
export function encodeFetchRequestV2(request: FetchRequest, options: FetchRequestV2Options): Uint8Array {
  const { capabilities } = options;
  const need = (feature: string): void => {
    if (!hasFeature(capabilities, "fetch", feature)) throw missing(`fetch=${feature}`);
  };
  const writer = new PktLineWriter();
  writeCommand(writer, "fetch", options);
  writer.delim();
  if (request.thinPack === true) writer.line("thin-pack\n");
  if (request.noProgress === true) writer.line("no-progress\n");
  if (request.includeTag === true) writer.line("include-tag\n");
  if (request.ofsDelta === true) writer.line("ofs-delta\n");
  if (request.waitForDone === true) {
    need("wait-for-done");
    writer.line("wait-for-done\n");
  }
  if (request.shallow !== undefined || request.deepen !== undefined) need("shallow");
  writeShallow(writer, request);
  if (request.deepen?.type === "depth" && request.deepen.relative === true) writer.line("deepen-relative\n");
  if (request.filter !== undefined) {
    need("filter");
    writer.line(`filter ${request.filter}\n`);
  }
  for (const want of request.wants) writer.line(`want ${want}\n`);
  if (request.wantRefs !== undefined && request.wantRefs.length > 0) {
    need("ref-in-want");
    for (const name of request.wantRefs) writer.line(`want-ref ${name}\n`);
  }
  writeHaves(writer, request.haves);
  if (request.done) writer.line("done\n");
  return writer.flush().take();
}

/**
 * The capabilities of a v0 or v1 request: what the request needs, as far as the server has it.
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
  const objectFormat = server.get("object-format");
  if (objectFormat !== undefined) chosen.push(`object-format=${objectFormat}`);
  if (options.agent !== undefined && server.has("agent"))
    chosen.push(encodeCapability(agentCapability(options.agent)));
  need("filter", request.filter !== undefined);
  return { capabilities: chosen, ackMode, sideband, noDone };
}

/**
 * A v0 or v1 request: wants, flush, haves, then `done` or flush. A new array.
 *
 * Over HTTP every round repeats it with all common haves; on a stateful connection it opens the negotiation and
 * {@link encodeHaves} continues it. Without wants it is the flush-pkt that says goodbye.
 *
 * Source: gitprotocol-pack(5), "Packfile Negotiation".
 *
 * @throws {ProtocolError} `CAPABILITY_MISSING` as {@link chooseUploadCapabilities}.
 */
export function encodeUploadRequest(request: FetchRequest, options: UploadRequestOptions): Uint8Array {
  const writer = new PktLineWriter();
  const { capabilities } = chooseUploadCapabilities(request, options);
  let suffix = capabilities.length > 0 ? ` ${capabilities.join(" ")}` : "";
  for (const want of request.wants) {
    writer.line(`want ${want}${suffix}\n`);
    suffix = "";
  }
  if (request.wants.length === 0) return writer.flush().take();
  writeShallow(writer, request);
  if (request.filter !== undefined) writer.line(`filter ${request.filter}\n`);
  writer.flush();
  writeHaves(writer, request.haves);
  if (request.done) writer.line("done\n");
  else if (request.haves.length > 0) writer.flush();
  return writer.take();
}

/** One more round on a stateful v0 or v1 connection: haves, then `done` or flush. A new array. */
export function encodeHaves(round: {
  readonly haves: readonly ObjectId[];
  readonly done: boolean;
}): Uint8Array {
  const writer = new PktLineWriter();
  writeHaves(writer, round.haves);
  return (round.done ? writer.line("done\n") : writer.flush()).take();
}

function writeHaves(writer: PktLineWriter, haves: readonly ObjectId[]): void {
  for (const have of haves) writer.line(`have ${have}\n`);
}

function writeShallow(writer: PktLineWriter, request: FetchRequest): void {
  for (const oid of request.shallow ?? []) writer.line(`shallow ${oid}\n`);
  const { deepen } = request;
  if (deepen?.type === "depth") {
    // git servers refuse 0 and count no further than a signed 32-bit integer.
    if (!Number.isInteger(deepen.depth) || deepen.depth < 1 || deepen.depth > 0x7fff_ffff) {
      throw new RangeError(`Cannot deepen by ${deepen.depth}: expected 1 to 2147483647`);
    }
    writer.line(`deepen ${deepen.depth}\n`);
  } else if (deepen?.type === "boundary") {
    if (deepen.since !== undefined) writer.line(`deepen-since ${deepen.since}\n`);
    for (const ref of deepen.not ?? []) writer.line(`deepen-not ${ref}\n`);
  }
}

function missing(capability: string): ProtocolError {
  return new ProtocolError(
    "CAPABILITY_MISSING",
    `Cannot request pack: the server does not advertise ${capability}`,
    {
      phase: "fetch-request",
      details: { capability },
    },
  );
}
