// A repository that exists only as answers, behind the server's side of this package; and a client that talks to it.

import type { AdvertisedRef } from "../advertisement.ts";
import { encodeServiceHeader } from "../advertisement-encoder.ts";
import { CapabilityList, encodeCapabilities } from "../capabilities.ts";
import type { PackfileUri, ShallowInfo, WantedRef } from "../fetch-response.ts";
import type { ObjectFormat, ObjectId } from "../object-id.ts";
import { uploadPackCapabilities } from "../server/server-capabilities.ts";
import type { UploadPackRequest } from "../server/upload-pack-request.ts";
import { UploadPackServer } from "../server/upload-pack-server.ts";
import type { FetchSession } from "../session/fetch-session.ts";
import { concat } from "./bytes.ts";

export interface ModelRepository {
  readonly version: 0 | 1 | 2;
  readonly transport: "stateful" | "stateless";
  readonly objectFormat?: ObjectFormat;
  /** Capabilities that this server lacks. */
  readonly without?: readonly string[];
  readonly refs: readonly AdvertisedRef[];
  readonly known: ReadonlySet<ObjectId>;
  /** So many common haves are enough. Default: 1. */
  readonly enough?: number;
  readonly pack: Uint8Array;
  readonly shallowInfo?: ShallowInfo;
  readonly wantedRefs?: readonly WantedRef[];
  readonly packfileUris?: readonly PackfileUri[];
}

/** Answers bytes with bytes. */
export class ModelUploadPack {
  readonly #repository: ModelRepository;
  #server: UploadPackServer;
  /** Each request as it was heard, in a word. */
  readonly heard: string[] = [];
  /** What came with each command, or with the wants. */
  readonly accompanied: string[] = [];

  constructor(repository: ModelRepository) {
    this.#repository = repository;
    this.#server = this.#start();
  }

  /** It has said all, and closes the connection. */
  get closed(): boolean {
    return this.#server.state === "done" && this.#repository.transport === "stateful";
  }

  /** What it says first. */
  greet(): Uint8Array {
    const bytes = this.#server.advertise(this.#repository.refs);
    if (this.#repository.transport === "stateful") return bytes;
    return concat(encodeServiceHeader("git-upload-pack"), bytes);
  }

  /** The answer to what was written, or to the body of one POST request. */
  answer(bytes: Uint8Array): Uint8Array {
    if (this.#repository.transport === "stateless") this.#server = this.#start();
    const pieces: Uint8Array[] = [];
    for (const request of this.#server.feed(bytes)) pieces.push(this.#reply(request));
    if (this.#repository.transport === "stateless") this.#server.end();
    return concat(...pieces);
  }

  #start(): UploadPackServer {
    const { version, transport, objectFormat = "sha1", without = [] } = this.#repository;
    const all = new CapabilityList(
      uploadPackCapabilities({
        version,
        transport,
        objectFormat,
        agent: "model",
        filter: true,
        refInWant: true,
        sidebandAll: true,
        packfileUris: true,
        objectInfo: true,
        bundleUri: true,
        serverOptions: true,
        sessionId: "model-1",
      }),
    );
    const capabilities = all.entries().filter(({ name }) => !without.includes(name));
    return new UploadPackServer({ version, transport, objectFormat, capabilities });
  }

  #reply(request: UploadPackRequest): Uint8Array {
    const { known, enough = 1, pack, refs, shallowInfo, wantedRefs, packfileUris } = this.#repository;
    const server = this.#server;
    this.heard.push(request.type === "haves" && request.done ? "done" : request.type);
    if ("capabilities" in request) this.accompanied.push(encodeCapabilities(request.capabilities));
    switch (request.type) {
      case "ls-refs":
        return server.listRefs(refs);
      case "object-info":
        return server.describeObjects(
          request.request.oids.map((oid) =>
            known.has(oid)
              ? { type: "found", oid, ...(request.request.size ? { size: 7 } : {}) }
              : { type: "missing", oid },
          ),
        );
      case "bundle-uri":
        return server.listBundles({ mode: "all", bundles: [{ id: "a", uri: "https://example.com/a" }] });
      case "wants":
        return server.acceptWants({
          ...(shallowInfo === undefined ? {} : { shallowInfo }),
          ...(wantedRefs === undefined ? {} : { wantedRefs }),
          ...(packfileUris === undefined ? {} : { packfileUris }),
        });
      case "haves":
        return server.acknowledge({
          has: (oid) => known.has(oid),
          isReady: (common) => common.size >= enough,
        });
      case "pack":
        return concat(
          server.progress("counting\n"),
          server.keepalive(),
          server.packData(pack),
          server.endPack(),
        );
    }
  }
}

/** Cuts an answer into the pieces in which it arrives. */
export type Cutting = (bytes: Uint8Array) => Iterable<Uint8Array>;

/**
 * Carries bytes between the two until the session waits for its caller, or is over. Sends what it takes before it
 * reads.
 */
export function converse(
  session: FetchSession,
  server: ModelUploadPack,
  cut: Cutting,
  transport: ModelRepository["transport"],
): void {
  if (transport === "stateless") {
    for (let request = session.takeRequest(); request !== undefined; request = session.takeRequest()) {
      const { body } = request;
      for (const piece of cut(body === undefined ? server.greet() : server.answer(body))) session.feed(piece);
      session.end();
    }
    return;
  }
  let waiting = session.state === "advertisement" ? server.greet() : undefined;
  while (session.receiving) {
    const bytes = session.takeBytes();
    if (bytes !== undefined) waiting = concat(waiting ?? new Uint8Array(0), server.answer(bytes));
    const arriving = waiting ?? new Uint8Array(0);
    waiting = undefined;
    if (arriving.length === 0 && !server.closed) throw new Error(`both wait, in ${session.state}`);
    for (const piece of cut(arriving)) session.feed(piece);
    if (server.closed && session.receiving) session.end();
  }
}
