// What a server of ours can offer, as capabilities in git's own order.

import { agentCapability, type Capability } from "../capabilities.ts";
import type { ObjectFormat } from "../object-id.ts";

/** What both services say about themselves. */
export interface ServerIdentity {
  readonly objectFormat: ObjectFormat;
  readonly agent?: string;
  /** Printable, without spaces; for logs on both sides. */
  readonly sessionId?: string;
}

/** What {@link uploadPackCapabilities} may offer besides what every server here can do. */
export interface UploadPackOffer extends ServerIdentity {
  readonly version: 0 | 1 | 2;
  /** `stateless`: HTTP. */
  readonly transport: "stateful" | "stateless";
  /** The caller can leave objects out: git-rev-list(1), `--filter`. */
  readonly filter?: boolean;
  /** v2: the caller resolves wanted names. */
  readonly refInWant?: boolean;
  /** v0, v1: the caller gives away objects that no ref names. v2 has no word for it. */
  readonly wantAny?: "tip" | "reachable";
  /** v2: answers under side-band from their first packet, so that progress may come before the pack. */
  readonly sidebandAll?: boolean;
  /** v2: the caller knows where parts of packs can be got instead. */
  readonly packfileUris?: boolean;
  /** v2: the caller tells the sizes of objects. */
  readonly objectInfo?: boolean;
  /** v2: the caller knows bundles. */
  readonly bundleUri?: boolean;
  /** v2: the caller takes `server-option`s. */
  readonly serverOptions?: boolean;
}

/** What {@link receivePackCapabilities} may offer besides what every server here can do. */
export interface ReceivePackOffer extends ServerIdentity {
  /** The caller can do all or nothing. */
  readonly atomic?: boolean;
  readonly pushOptions?: boolean;
  /** For signed pushes, new for each advertisement: see `createPushNonce`. The caller checks certificates. */
  readonly pushNonce?: string;
  /** The caller cannot complete thin packs. */
  readonly noThin?: boolean;
  /** The caller refuses to delete any ref. */
  readonly noDelete?: boolean;
}

/** The capabilities of upload-pack: gitprotocol-capabilities(5); gitprotocol-v2(5), "Capabilities". A new array. */
export function uploadPackCapabilities(offer: UploadPackOffer): Capability[] {
  return offer.version === 2 ? commandCapabilities(offer) : uploadCapabilities(offer);
}

function uploadCapabilities(offer: UploadPackOffer): Capability[] {
  const names = [
    "multi_ack",
    "thin-pack",
    "side-band",
    "side-band-64k",
    "ofs-delta",
    "shallow",
    "deepen-since",
    "deepen-not",
    "deepen-relative",
    "no-progress",
    "include-tag",
    "multi_ack_detailed",
    ...(offer.wantAny === undefined ? [] : ["allow-tip-sha1-in-want"]),
    ...(offer.wantAny === "reachable" ? ["allow-reachable-sha1-in-want"] : []),
    // Where the connection stays open, both ends would wait for each other.
    ...(offer.transport === "stateless" ? ["no-done"] : []),
    ...(offer.filter === true ? ["filter"] : []),
  ];
  return [...names.map((name) => ({ name })), ...identity(offer)];
}

function commandCapabilities(offer: UploadPackOffer): Capability[] {
  const fetch = ["shallow", "wait-for-done"];
  if (offer.filter === true) fetch.push("filter");
  if (offer.refInWant === true) fetch.push("ref-in-want");
  if (offer.sidebandAll === true) fetch.push("sideband-all");
  if (offer.packfileUris === true) fetch.push("packfile-uris");
  return [
    ...(offer.agent === undefined ? [] : [agentCapability(offer.agent)]),
    { name: "ls-refs", value: "unborn" },
    { name: "fetch", value: fetch.join(" ") },
    ...(offer.serverOptions === true ? [{ name: "server-option" }] : []),
    { name: "object-format", value: offer.objectFormat },
    ...(offer.sessionId === undefined ? [] : [{ name: "session-id", value: offer.sessionId }]),
    ...(offer.objectInfo === true ? [{ name: "object-info" }] : []),
    ...(offer.bundleUri === true ? [{ name: "bundle-uri" }] : []),
  ];
}

/** The capabilities of receive-pack: gitprotocol-capabilities(5). A new array. */
export function receivePackCapabilities(offer: ReceivePackOffer): Capability[] {
  const names = [
    "report-status",
    "report-status-v2",
    ...(offer.noDelete === true ? [] : ["delete-refs"]),
    "side-band-64k",
    "quiet",
    ...(offer.atomic === true ? ["atomic"] : []),
    "ofs-delta",
    ...(offer.noThin === true ? ["no-thin"] : []),
    ...(offer.pushOptions === true ? ["push-options"] : []),
  ];
  const nonce = offer.pushNonce === undefined ? [] : [{ name: "push-cert", value: offer.pushNonce }];
  return [...names.map((name) => ({ name })), ...nonce, ...identity(offer)];
}

function identity({ objectFormat, agent, sessionId }: ServerIdentity): Capability[] {
  return [
    ...(sessionId === undefined ? [] : [{ name: "session-id", value: sessionId }]),
    { name: "object-format", value: objectFormat },
    ...(agent === undefined ? [] : [agentCapability(agent)]),
  ];
}
