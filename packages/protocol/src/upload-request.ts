// What a v0 or v1 client sends for a pack: the wire messages, and their relation to a version-independent FetchRequest.

import { type Capability, CapabilityList, encodeCapabilities, objectFormatOf } from "./capabilities.ts";
import type { Deepen, FetchRequest } from "./fetch-request.ts";
import { type FilterSpec, encodeFilterSpec } from "./filter-spec.ts";
import { type ObjectFormat, type ObjectId, objectIdHexLength } from "./object-id.ts";
import { PktLineWriter } from "./pkt-line/pkt-line-encoder.ts";

/**
 * An `upload-request`: gitprotocol-pack(5), "Packfile Negotiation". It opens the negotiation and is sent once on a
 * stateful connection.
 */
export interface UploadRequest {
  /** Without wants it is the flush-pkt that says goodbye, and nothing else of it is sent. */
  readonly wants: readonly ObjectId[];
  /** What the client chose of the server's; on the wire they stand behind the first want. */
  readonly capabilities: CapabilityList;
  /** The client's own boundary. */
  readonly shallow: readonly ObjectId[];
  /** `relative` is the capability `deepen-relative`; a decoder sets it, an encoder takes it from `capabilities`. */
  readonly deepen?: Deepen;
  readonly filter?: FilterSpec;
}

/** One round of `upload-haves`: gitprotocol-pack(5), "Packfile Negotiation". */
export interface HaveRound {
  readonly haves: readonly ObjectId[];
  /** The round ends the negotiation; otherwise it ends in a flush-pkt and asks for an answer. */
  readonly done: boolean;
}

/**
 * A request over HTTP, where each stands alone: gitprotocol-http(5), "Smart Service git-upload-pack". Every round
 * repeats the upload-request, then all haves known to be common, then new ones.
 */
export interface HttpUploadRequest extends UploadRequest, HaveRound {}

/**
 * An upload-request with its flush-pkt, byte for byte as git writes it: gitprotocol-pack(5), "Packfile Negotiation". A
 * new array.
 *
 * @throws {ProtocolError} `CAPABILITY_INVALID`, `FILTER_INVALID`.
 * @throws {RangeError} for a depth that is not 1 to 2147483647.
 */
export function encodeUploadRequest(request: UploadRequest): Uint8Array {
  return writeUploadRequest(new PktLineWriter(), request).take();
}

/**
 * One round: haves, then `done` or a flush-pkt. Source: gitprotocol-pack(5), "Packfile Negotiation". A new array.
 */
export function encodeHaves(round: HaveRound): Uint8Array {
  return writeHaves(new PktLineWriter(), round).take();
}

/**
 * The body of a POST: gitprotocol-http(5), "Smart Service git-upload-pack". A new array. Without haves and `done` it
 * ends with the upload-request, which asks for shallow lines alone.
 *
 * @throws {ProtocolError} as {@link encodeUploadRequest}.
 */
export function encodeHttpUploadRequest(request: HttpUploadRequest): Uint8Array {
  const writer = writeUploadRequest(new PktLineWriter(), request);
  const isSilent = request.wants.length === 0 || (request.haves.length === 0 && !request.done);
  return (isSilent ? writer : writeHaves(writer, request)).take();
}

/** The wire form of a fetch, with capabilities from `chooseUploadCapabilities`. */
export function uploadRequestOf(
  request: FetchRequest,
  capabilities: Iterable<Capability | string>,
): HttpUploadRequest {
  return {
    wants: request.wants,
    capabilities: new CapabilityList(capabilities),
    shallow: request.shallow ?? [],
    ...(request.deepen === undefined ? {} : { deepen: request.deepen }),
    ...(request.filter === undefined ? {} : { filter: request.filter }),
    haves: request.haves,
    done: request.done,
  };
}

/** What a v0 or v1 client asks for, in the form that v2 shares. Server side. */
export function fetchRequestOf(request: UploadRequest & Partial<HaveRound>): FetchRequest {
  const has = (name: string): true | undefined => (request.capabilities.has(name) ? true : undefined);
  const flags = {
    thinPack: has("thin-pack"),
    ofsDelta: has("ofs-delta"),
    includeTag: has("include-tag"),
    noProgress: has("no-progress"),
  };
  return {
    wants: request.wants,
    haves: request.haves ?? [],
    done: request.done ?? false,
    ...Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined)),
    ...(request.shallow.length === 0 ? {} : { shallow: request.shallow }),
    ...(request.deepen === undefined ? {} : { deepen: request.deepen }),
    ...(request.filter === undefined ? {} : { filter: request.filter }),
  };
}

/** The hash a request is for: what it says, or the width of its first want, as git's own client does not say it. */
export function requestedFormat(capabilities: CapabilityList, firstWant: string): ObjectFormat {
  const isSilent = !capabilities.has("object-format");
  return isSilent && firstWant.length === objectIdHexLength("sha256")
    ? "sha256"
    : objectFormatOf(capabilities);
}

/** Write the lines that cut history, as v0 and v2 share them, except `deepen-relative`. */
export function writeBoundary(
  writer: PktLineWriter,
  request: { readonly shallow?: readonly ObjectId[]; readonly deepen?: Deepen },
): void {
  for (const oid of request.shallow ?? []) writer.line(`shallow ${oid}`);
  const { deepen } = request;
  if (deepen?.type === "depth") {
    // git servers refuse 0 and count no further than a signed 32-bit integer.
    if (!Number.isInteger(deepen.depth) || deepen.depth < 1 || deepen.depth > 0x7fff_ffff) {
      throw new RangeError(`Cannot deepen by ${deepen.depth}: expected 1 to 2147483647`);
    }
    writer.line(`deepen ${deepen.depth}`);
  } else if (deepen?.type === "boundary") {
    if (deepen.since !== undefined) writer.line(`deepen-since ${deepen.since}`);
    for (const ref of deepen.not ?? []) writer.line(`deepen-not ${ref}`);
  }
}

function writeUploadRequest(writer: PktLineWriter, request: UploadRequest): PktLineWriter {
  const capabilities = encodeCapabilities(request.capabilities);
  let suffix = capabilities === "" ? "" : ` ${capabilities}`;
  for (const want of request.wants) {
    writer.line(`want ${want}${suffix}\n`);
    suffix = "";
  }
  if (request.wants.length === 0) return writer.flush();
  writeBoundary(writer, request);
  if (request.filter !== undefined) writer.line(`filter ${encodeFilterSpec(request.filter)}`);
  return writer.flush();
}

function writeHaves(writer: PktLineWriter, round: HaveRound): PktLineWriter {
  for (const have of round.haves) writer.line(`have ${have}\n`);
  return round.done ? writer.line("done\n") : writer.flush();
}
