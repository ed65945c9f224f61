/** Serves fetches from a repository in memory: what `UploadPackServer` asks is answered from its objects. */

import {
  encodeServiceHeader,
  type FetchRequest,
  type ObjectId,
  type ObjectInfoEntry,
  type ObjectInfoRequest,
  type PackRequest,
  ProtocolError,
  type ShallowInfo,
  type UploadPackRequest,
  uploadPackCapabilities,
  UploadPackServer,
  type WantedRef,
} from "@gitsync/protocol";
import { batches } from "./batches.ts";
import { type Conversation, Refusal } from "./conversation.ts";
import { moveBoundary } from "./deepening.ts";
import { History } from "./history.ts";
import { type ObjectFilter, objectFilter } from "./object-filter.ts";
import { type Selection, selectLacking } from "./object-selection.ts";
import { buildPack } from "./pack-building.ts";
import type { ServedRepository } from "./served-repository.ts";
import { AGENT } from "./service-options.ts";

const PACK_BATCH_BYTES = 32 * 1024;

/** What the wants of a request stand for. */
interface Agreement {
  readonly wants: readonly ObjectId[];
  readonly filter: ObjectFilter;
  readonly moved: ShallowInfo;
}

/** Serves one connection, or one HTTP request. */
export class UploadPackService {
  readonly #repository: ServedRepository;
  readonly #conversation: Conversation;
  readonly #server: UploadPackServer;
  #agreement: Agreement = { wants: [], filter: () => true, moved: { shallow: [], unshallow: [] } };

  constructor(repository: ServedRepository, conversation: Conversation) {
    const { version, transport, service } = conversation.topic;
    const { capabilities, limits = {} } = conversation.options;
    const { policy, format: objectFormat } = repository;
    const offered = uploadPackCapabilities({ ...policy, version, transport, objectFormat, agent: AGENT });
    this.#repository = repository;
    this.#conversation = conversation;
    this.#server = new UploadPackServer({
      version,
      transport,
      objectFormat,
      capabilities: capabilities?.(service, offered) ?? offered,
      limits,
    });
  }

  /** Say what is here. */
  async advertise(): Promise<void> {
    const { version, transport } = this.#conversation.topic;
    const bytes = this.#server.advertise(this.#repository.listing(), [...this.#repository.shallow]);
    // Like git's own http-backend: no service header in v2.
    const hasHeader = transport === "stateless" && version !== 2;
    const header = hasHeader ? encodeServiceHeader("git-upload-pack") : new Uint8Array(0);
    await this.#conversation.send("advertisement", Buffer.concat([header, bytes]));
  }

  /** Answer until the client has what it wants. */
  async serve(): Promise<void> {
    try {
      for await (const chunk of this.#conversation.input) {
        for (const request of this.#server.feed(chunk)) {
          this.#conversation.record(request);
          await this.#answer(request);
        }
        if (this.#server.state === "done") return;
      }
      this.#server.end();
    } catch (error) {
      const isForClient = error instanceof Refusal || error instanceof ProtocolError;
      if (!isForClient || this.#server.state === "done") throw error;
      await this.#conversation.send("error", this.#server.refuse(error.message));
    }
  }

  async #answer(request: UploadPackRequest): Promise<void> {
    const conversation = this.#conversation;
    switch (request.type) {
      case "ls-refs":
        return conversation.send(
          "ls-refs",
          this.#server.listRefs(this.#repository.listing(), this.#repository.unbornHead()),
        );
      case "object-info":
        return conversation.send(
          "object-info",
          this.#server.describeObjects(this.#describe(request.request)),
        );
      case "bundle-uri":
        return conversation.send("bundle-uri", this.#server.listBundles({ mode: "all", bundles: [] }));
      case "wants":
        return conversation.send("shallow-info", this.#accept(request.request));
      case "haves":
        return conversation.send("acknowledgments", this.#acknowledge());
      case "pack":
        return this.#sendPack(request);
    }
  }

  #describe({ size, oids }: ObjectInfoRequest): ObjectInfoEntry[] {
    return oids.map((oid) => {
      const length = this.#repository.objects.get(oid)?.data.length;
      if (length === undefined) return { type: "missing", oid };
      return size ? { type: "found", oid, size: length } : { type: "found", oid };
    });
  }

  #accept(request: FetchRequest): Uint8Array {
    const wantedRefs = (request.wantRefs ?? []).map((name): WantedRef => {
      const oid = name === "HEAD" ? this.#repository.headId() : this.#repository.ref(name);
      if (oid === undefined) throw new Refusal(`unknown ref ${name}`);
      return { name, oid };
    });
    const wants = [...request.wants, ...wantedRefs.map(({ oid }) => oid)];
    this.#check(request.wants);
    const isDue = request.deepen !== undefined || this.#repository.shallow.size > 0;
    const shallowInfo = isDue ? this.#moveBoundary(request, wants) : undefined;
    this.#agreement = {
      wants,
      filter: request.filter === undefined ? () => true : objectFilter(request.filter),
      moved: shallowInfo ?? { shallow: [], unshallow: [] },
    };
    return this.#server.acceptWants({ wantedRefs, ...(shallowInfo === undefined ? {} : { shallowInfo }) });
  }

  /** v2 gives away whatever is here; v0 and v1 what was advertised, or, where refs may have moved since, was once. */
  #check(wants: readonly ObjectId[]): void {
    const { objects, policy, shallow } = this.#repository;
    const { version, transport } = this.#conversation.topic;
    const tips = new Set(this.#repository.listing().flatMap(({ oid, peeled }) => [oid, peeled ?? oid]));
    const takesReachable = transport === "stateless" || policy.wantAny === "reachable";
    const reachable = lazily(() => new History(objects, shallow).commitsFrom(tips));
    for (const oid of wants) {
      // As git's own server: where commits need only be reachable, trees and blobs need only be here.
      const isReachable = (): boolean =>
        objects.get(oid)?.type === "commit" ? reachable().has(oid) : policy.wantAny === "reachable";
      const isOurs =
        objects.has(oid) && (version === 2 || tips.has(oid) || (takesReachable && isReachable()));
      if (!isOurs) throw new Refusal(`upload-pack: not our ref ${oid}`);
    }
  }

  #moveBoundary(request: FetchRequest, wants: readonly ObjectId[]): ShallowInfo {
    const repository = this.#repository;
    try {
      return moveBoundary(repository.objects, {
        wants,
        deepen: request.deepen,
        clientShallow: this.#clientShallow(request),
        ownShallow: repository.shallow,
        tips: repository.tips(),
        resolve: (name) => repository.resolve(name),
      });
    } catch (error) {
      throw new Refusal(error instanceof Error ? error.message : String(error));
    }
  }

  #acknowledge(): Uint8Array {
    const { objects, shallow } = this.#repository;
    const history = new History(objects, shallow);
    return this.#server.acknowledge({
      has: (oid) => objects.has(oid),
      isReady: (common) => history.allReach(this.#agreement.wants, common),
    });
  }

  async #sendPack(request: PackRequest): Promise<void> {
    const { objects } = this.#repository;
    const selection = this.#select(request);
    const { thinPack = false, ofsDelta = false } = request.request;
    const conversation = this.#conversation;
    await conversation.send(
      "progress",
      this.#server.progress(`Packing ${selection.objects.length} objects\n`),
    );
    const pieces = buildPack(objects, selection, { thin: thinPack, ofsDelta });
    for (const batch of batches(pieces, PACK_BATCH_BYTES)) {
      await conversation.send("pack", this.#server.packData(batch));
    }
    await conversation.send("pack-end", this.#server.endPack());
  }

  #select({ request, common }: PackRequest): Selection {
    const { objects, shallow } = this.#repository;
    const { wants, filter, moved } = this.#agreement;
    const before = this.#clientShallow(request);
    const after = new Set([...before, ...moved.shallow].filter((oid) => !moved.unshallow.includes(oid)));
    const seen = new History(objects, after.union(shallow));
    // What lies behind the old boundary is wanted without being named: no want need lead there.
    const behind = moved.unshallow.flatMap((oid) => seen.parents(oid));
    const selection = selectLacking(
      { history: seen, tips: [...wants, ...behind], filter },
      { history: new History(objects, before.union(shallow)), tips: common },
    );
    return request.includeTag === true ? this.#withTags(selection) : selection;
  }

  /** Annotated tags whose objects are in the pack come with them. */
  #withTags(selection: Selection): Selection {
    const { objects } = this.#repository;
    const selected = new Set(selection.objects.map(({ oid }) => oid));
    const tags: ObjectId[] = [];
    for (const { oid, peeled } of this.#repository.listing()) {
      if (peeled === undefined || !selected.has(peeled)) continue;
      for (let tag = oid; tag !== peeled; tag = objects.tag(tag).object)
        if (!selected.has(tag)) tags.push(tag);
    }
    const added = [...new Set(tags)].map((oid) => ({ oid, path: "" }));
    return { ...selection, objects: [...selection.objects, ...added] };
  }

  #clientShallow(request: FetchRequest): Set<ObjectId> {
    return new Set((request.shallow ?? []).filter((oid) => this.#repository.objects.has(oid)));
  }
}

function lazily<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => (made ??= { value: make() }).value;
}
