// What capabilities mean: one typed view for each kind of advertisement. What a view does not know is in `unknown`, unchanged.

import type { Capability, CapabilityList } from "./capabilities.ts";
import { parsePromisorRemotes, type PromisorRemote } from "./promisor-remote.ts";
import type { AckMode, SidebandChoice } from "./upload-capabilities.ts";

/** Names that every advertisement may hold. */
interface CommonFeatures {
  /** Every hash offered, the repository's own first; empty stands for sha1. */
  readonly objectFormats: readonly string[];
  readonly agent?: string;
  readonly sessionId?: string;
  /** In the order of the wire. */
  readonly unknown: readonly Capability[];
}

/** A v0 or v1 upload-pack: gitprotocol-capabilities(5). */
export interface UploadPackFeatures extends CommonFeatures {
  /** The best there is. */
  readonly ackMode: AckMode;
  /** The best there is. */
  readonly sideband: SidebandChoice;
  readonly noDone: boolean;
  readonly thinPack: boolean;
  readonly ofsDelta: boolean;
  readonly shallow: boolean;
  readonly deepenSince: boolean;
  readonly deepenNot: boolean;
  readonly deepenRelative: boolean;
  readonly noProgress: boolean;
  readonly includeTag: boolean;
  readonly filter: boolean;
  readonly allowTipSha1InWant: boolean;
  readonly allowReachableSha1InWant: boolean;
  /** `FROM:TO`, as text; malformed ones included. */
  readonly symrefs: readonly string[];
}

/** A receive-pack: gitprotocol-capabilities(5). */
export interface ReceivePackFeatures extends CommonFeatures {
  /** The best there is. */
  readonly reportStatus: "report-status-v2" | "report-status" | "none";
  readonly sideband: "side-band-64k" | "none";
  readonly deleteRefs: boolean;
  readonly ofsDelta: boolean;
  readonly noThin: boolean;
  readonly quiet: boolean;
  readonly atomic: boolean;
  readonly pushOptions: boolean;
  /** To put into a push certificate. */
  readonly pushNonce?: string;
}

/** A v2 server: gitprotocol-v2(5), "Capabilities". */
export interface V2Features extends CommonFeatures {
  readonly lsRefs?: { readonly unborn: boolean };
  readonly fetch?: {
    readonly shallow: boolean;
    readonly waitForDone: boolean;
    readonly filter: boolean;
    readonly refInWant: boolean;
    readonly sidebandAll: boolean;
    readonly packfileUris: boolean;
  };
  readonly objectInfo?: { readonly size: boolean };
  readonly bundleUri: boolean;
  readonly serverOption: boolean;
  /** Other remotes to ask for objects, the server's word; malformed ones are left out. */
  readonly promisorRemotes: readonly PromisorRemote[];
}

/** Read what a v0 or v1 upload-pack advertises. gitprotocol-capabilities(5). */
export function uploadPackFeatures(list: CapabilityList): UploadPackFeatures {
  const known = new Reader(list);
  const detailed = known.has("multi_ack_detailed");
  const plain = known.has("multi_ack");
  const large = known.has("side-band-64k");
  const small = known.has("side-band");
  return {
    ackMode: detailed ? "multi_ack_detailed" : plain ? "multi_ack" : "none",
    sideband: large ? "side-band-64k" : small ? "side-band" : "none",
    noDone: known.has("no-done"),
    thinPack: known.has("thin-pack"),
    ofsDelta: known.has("ofs-delta"),
    shallow: known.has("shallow"),
    deepenSince: known.has("deepen-since"),
    deepenNot: known.has("deepen-not"),
    deepenRelative: known.has("deepen-relative"),
    noProgress: known.has("no-progress"),
    includeTag: known.has("include-tag"),
    filter: known.has("filter"),
    allowTipSha1InWant: known.has("allow-tip-sha1-in-want"),
    allowReachableSha1InWant: known.has("allow-reachable-sha1-in-want"),
    symrefs: known.values("symref"),
    ...known.common(),
  };
}

/** Read what a receive-pack advertises. gitprotocol-capabilities(5). */
export function receivePackFeatures(list: CapabilityList): ReceivePackFeatures {
  const known = new Reader(list);
  const second = known.has("report-status-v2");
  const first = known.has("report-status");
  const [pushNonce] = known.values("push-cert");
  return {
    reportStatus: second ? "report-status-v2" : first ? "report-status" : "none",
    sideband: known.has("side-band-64k") ? "side-band-64k" : "none",
    deleteRefs: known.has("delete-refs"),
    ofsDelta: known.has("ofs-delta"),
    noThin: known.has("no-thin"),
    quiet: known.has("quiet"),
    atomic: known.has("atomic"),
    pushOptions: known.has("push-options"),
    ...(pushNonce === undefined ? {} : { pushNonce }),
    ...known.common(),
  };
}

/** Read what a v2 server advertises. gitprotocol-v2(5), "Capability Advertisement". */
export function v2Features(list: CapabilityList): V2Features {
  const known = new Reader(list);
  const lsRefs = known.features("ls-refs");
  const fetch = known.features("fetch");
  const objectInfo = known.features("object-info");
  const promisorRemotes = known.values("promisor-remote").flatMap(parsePromisorRemotes);
  return {
    ...(lsRefs === undefined ? {} : { lsRefs: { unborn: lsRefs.has("unborn") } }),
    ...(fetch === undefined
      ? {}
      : {
          fetch: {
            shallow: fetch.has("shallow"),
            waitForDone: fetch.has("wait-for-done"),
            filter: fetch.has("filter"),
            refInWant: fetch.has("ref-in-want"),
            sidebandAll: fetch.has("sideband-all"),
            packfileUris: fetch.has("packfile-uris"),
          },
        }),
    // Before it had values, object-info always knew sizes.
    ...(objectInfo === undefined
      ? {}
      : { objectInfo: { size: list.get("object-info") === undefined || objectInfo.has("size") } }),
    bundleUri: known.has("bundle-uri"),
    serverOption: known.has("server-option"),
    promisorRemotes,
    ...known.common(),
  };
}

/** Remembers what it was asked about, so that the rest is unknown. */
class Reader {
  readonly #list: CapabilityList;
  readonly #asked: Set<string> = new Set();

  constructor(list: CapabilityList) {
    this.#list = list;
  }

  has(name: string): boolean {
    this.#asked.add(name);
    return this.#list.has(name);
  }

  values(name: string): readonly string[] {
    this.#asked.add(name);
    return this.#list.getAll(name);
  }

  /** The words in the values of a v2 command; undefined when the server does not have it. */
  features(name: string): ReadonlySet<string> | undefined {
    return this.has(name) ? new Set(this.values(name).flatMap((value) => value.split(" "))) : undefined;
  }

  common(): CommonFeatures {
    const objectFormats = this.values("object-format");
    const [agent] = this.values("agent");
    const [sessionId] = this.values("session-id");
    return {
      objectFormats,
      ...(agent === undefined ? {} : { agent }),
      ...(sessionId === undefined ? {} : { sessionId }),
      unknown: this.#list.entries().filter(({ name }) => !this.#asked.has(name)),
    };
  }
}
