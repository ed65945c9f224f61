// The server's side of a fetch: a client's bytes in, its requests out, and bytes for what the caller answers. Does no
// I/O, knows no object, and never waits.

import type { AdvertisedRef } from "../advertisement.ts";
import { encodeCapabilityAdvertisement, encodeRefAdvertisement } from "../advertisement-encoder.ts";
import { type BundleList, bundleListEntries, encodeBundleUriResponse } from "../bundle-uri.ts";
import { throwUnlessIn } from "../call-order.ts";
import { type Capability, CapabilityList } from "../capabilities.ts";
import type { ShallowInfo } from "../fetch-response.ts";
import { encodeFetchResponse, encodeShallowInfo, encodeSidebandAll } from "../fetch-response-encoder.ts";
import { type ProtocolLimits, resolveLimits } from "../limits.ts";
import { encodeLsRefsResponse } from "../ls-refs-encoder.ts";
import type { LsRefsResult } from "../ls-refs.ts";
import type { LsRefsRequest } from "../ls-refs-request.ts";
import type { ObjectFormat, ObjectId } from "../object-id.ts";
import { encodeObjectInfo, type ObjectInfoEntry } from "../object-info.ts";
import { PktLineWriter } from "../pkt-line/pkt-line-encoder.ts";
import { ChunkLoan } from "./chunk-loan.ts";
import {
  type ClientMessage,
  type ClientMessageReader,
  endedEarly,
  type WantsMessage,
} from "./client-message.ts";
import { CommandReader } from "./command-reader.ts";
import type { HaveRound } from "../upload-request.ts";
import type { HaveKnowledge } from "./have-acknowledger.ts";
import { selectRefs, wantsUnbornHead } from "./ref-selection.ts";
import { encodeErrPacket, SidebandOutput } from "./sideband-output.ts";
import type { UploadPackRequest, WantsAnswer } from "./upload-pack-request.ts";
import { UploadRequestReader } from "./upload-request-reader.ts";

/**
 * Where a conversation stands.
 *
 * `advertisement`: the first word is ours. `request`, `haves`: bytes of the client are due. `ls-refs`,
 * `object-info`, `bundle-uri`, `wants`, `negotiation`, `pack`: the caller's answer is due. `done`: all is said. `failed`: it was refused.
 */
export type UploadPackState =
  | "advertisement"
  | "request"
  | "ls-refs"
  | "object-info"
  | "bundle-uri"
  | "wants"
  | "haves"
  | "negotiation"
  | "pack"
  | "done"
  | "failed";

/** Options of {@link UploadPackServer}. */
export interface UploadPackServerOptions {
  /** What the client asked for; a server may stay below it, never above. */
  readonly version: 0 | 1 | 2;
  /**
   * `stateful`: one server for all of a connection (ssh, git://, pipes). `stateless`: one for the advertisement and one
   * for each POST request (HTTP).
   */
  readonly transport: "stateful" | "stateless";
  readonly objectFormat: ObjectFormat;
  /** To advertise, and what a client may use: see `uploadPackCapabilities`. */
  readonly capabilities: Iterable<Capability | string>;
  readonly limits?: Partial<ProtocolLimits>;
}

const PHASE = "upload-pack";

/**
 * The server's side of git-upload-pack: gitprotocol-pack(5), "Fetching Data From a Server"; gitprotocol-v2(5).
 *
 * ```
 * v0, v1  advertisement → request → wants → (haves → negotiation)… → pack → done
 * v2      advertisement → request → ls-refs | object-info | bundle-uri → request | wants → (negotiation) → (pack) → request …→ done
 * ```
 *
 * Over HTTP a POST request starts at `request`, and every answer ends in `done`. Each method returns bytes for the
 * client, to be sent in the order of the calls; they are the caller's, unless the method says otherwise.
 *
 * A call out of place throws `STATE_INVALID` and changes nothing.
 */
export class UploadPackServer {
  readonly #version: 0 | 1 | 2;
  readonly #stateless: boolean;
  readonly #objectFormat: ObjectFormat;
  readonly #capabilities: CapabilityList;
  readonly #reader: ClientMessageReader;
  readonly #loan = new ChunkLoan(PHASE);
  #state: UploadPackState = "advertisement";
  #wants: WantsMessage | undefined;
  #answer: WantsAnswer = {};
  #round: HaveRound | undefined;
  #lsRefs: LsRefsRequest | undefined;
  #asksSizes = false;

  constructor(options: UploadPackServerOptions) {
    const limits = resolveLimits(options.limits);
    this.#version = options.version;
    this.#stateless = options.transport === "stateless";
    this.#objectFormat = options.objectFormat;
    this.#capabilities = new CapabilityList(options.capabilities);
    const Reader = options.version === 2 ? CommandReader : UploadRequestReader;
    this.#reader = new Reader(this.#capabilities, options.objectFormat, limits);
  }

  get state(): UploadPackState {
    return this.#state;
  }

  /**
   * What the server says first. v2 says its capabilities, and neither refs nor boundary are used; v0 and v1 list the
   * refs, with the target of a symbolic `HEAD` among the capabilities.
   *
   * Over HTTP, `encodeServiceHeader` goes before it, and the conversation is done: a POST request begins another one.
   *
   * @param refs `HEAD` first if it leads to an object, then all others in byte order.
   * @param shallow the boundary of this repository, when it has one.
   */
  advertise(refs: readonly AdvertisedRef[], shallow: readonly ObjectId[] = []): Uint8Array {
    throwUnlessIn("advertise", PHASE, this.#state, "advertisement");
    this.#state = this.#stateless ? "done" : "request";
    if (this.#version === 2) return encodeCapabilityAdvertisement({ capabilities: this.#capabilities });
    const head = refs.find(({ name }) => name === "HEAD")?.symrefTarget;
    const symref = head === undefined ? [] : [{ name: "symref", value: `HEAD:${head}` }];
    return encodeRefAdvertisement({
      version: this.#version,
      objectFormat: this.#objectFormat,
      capabilities: [...this.#capabilities, ...symref],
      refs,
      shallow,
    });
  }

  /**
   * Take a chunk of any size.
   *
   * @returns the requests in it. Iterate them to their end before the next chunk, and answer each before the next one
   * is taken: the iteration refuses to go on otherwise. It reads `chunk` while it lasts. After `done` and `failed`
   * whatever comes is ignored.
   * @throws {ProtocolError} while iterating: `REQUEST_INVALID`, `OBJECT_ID_INVALID`, `OBJECT_FORMAT_UNSUPPORTED`,
   * `REF_NAME_INVALID`, `LIMIT_EXCEEDED`, `NOT_GIT`, the `PKT_*` codes. The caller may tell the client through
   * {@link refuse}.
   */
  feed(chunk: Uint8Array): Iterable<UploadPackRequest> {
    if (this.#stateless && this.#state === "advertisement") this.#state = "request";
    if (this.#state === "done" || this.#state === "failed") return [];
    throwUnlessIn("feed", PHASE, this.#state, "request", "haves");
    return this.#loan.lend(this.#requests(chunk));
  }

  /**
   * Declare the end of what the client sends. Between messages that is a goodbye.
   *
   * @throws {ProtocolError} `PKT_TRUNCATED` or `STREAM_TRUNCATED` inside a message, or where a connection that stays
   * open must bring more haves.
   */
  end(): void {
    if (this.#state === "done" || this.#state === "failed") return;
    throwUnlessIn("end", PHASE, this.#state, "advertisement", "request", "haves");
    this.#reader.finish();
    // A stateless client may end with the wants, only to learn of its boundary; any other owes more haves.
    if (this.#state === "haves" && !this.#stateless) throw endedEarly();
    this.#state = "done";
  }

  /**
   * Answer ls-refs. Prefixes, `peel`, `symrefs` and `unborn` are applied here: give everything, or at least what was
   * asked for.
   */
  listRefs(refs: Iterable<AdvertisedRef>, unbornHead?: LsRefsResult["unbornHead"]): Uint8Array {
    throwUnlessIn("list refs", PHASE, this.#state, "ls-refs");
    const request = this.#lsRefs ?? { prefixes: [] };
    this.#endAnswer();
    return encodeLsRefsResponse({
      refs: selectRefs(refs, request),
      ...(unbornHead !== undefined && wantsUnbornHead(request) ? { unbornHead } : {}),
    });
  }

  /** Answer object-info: the objects in the order asked for, with sizes where those were asked for. */
  describeObjects(objects: readonly ObjectInfoEntry[]): Uint8Array {
    throwUnlessIn("describe objects", PHASE, this.#state, "object-info");
    this.#endAnswer();
    return encodeObjectInfo({ size: this.#asksSizes, objects });
  }

  /** Answer bundle-uri. @throws {ProtocolError} `BUNDLE_LIST_INVALID` for a part that would not be one line. */
  listBundles(list: BundleList): Uint8Array {
    throwUnlessIn("list bundles", PHASE, this.#state, "bundle-uri");
    const bytes = encodeBundleUriResponse(bundleListEntries(list));
    this.#endAnswer();
    return bytes;
  }

  /** Agree to send what is wanted. */
  acceptWants(answer: WantsAnswer = {}): Uint8Array {
    throwUnlessIn("accept wants", PHASE, this.#state, "wants");
    this.#answer = answer;
    if (this.#version !== 2) {
      this.#state = "haves";
      const deepens = this.#wants?.request.deepen !== undefined;
      return deepens ? encodeShallowInfo(answer.shallowInfo ?? UNMOVED, { version: 0 }) : new Uint8Array(0);
    }
    if (this.#round === undefined) return this.#beginPack();
    this.#state = "negotiation";
    return new Uint8Array(0);
  }

  /** Say which haves are here. */
  acknowledge(knowledge: HaveKnowledge): Uint8Array {
    throwUnlessIn("acknowledge", PHASE, this.#state, "negotiation");
    const round = this.#round ?? { haves: [], done: true };
    const answer = this.#wants?.acknowledger.answer(round, knowledge);
    const writer = new PktLineWriter().raw(this.#framed(answer?.bytes ?? new Uint8Array(0)));
    if (answer?.packFollows === true) return writer.raw(this.#beginPack()).take();
    // A stateful v0 client goes on with more haves; any other repeats its whole request.
    if (this.#version === 2 || this.#stateless) this.#endAnswer();
    else this.#state = "haves";
    return writer.take();
  }

  /** A piece of the pack. Without side-band the result is `data` itself. */
  packData(data: Uint8Array): Uint8Array {
    return this.#output("send a pack").data(data);
  }

  /** Progress while the pack is made; empty when the client does not want it. */
  progress(text: string | Uint8Array): Uint8Array {
    return this.#output("send progress").progress(text);
  }

  /** Something to send while the pack takes long, so that nobody takes the connection for dead. */
  keepalive(): Uint8Array {
    return this.#output("keep alive").keepalive();
  }

  /** The pack is complete. */
  endPack(): Uint8Array {
    const end = this.#output("end a pack").end();
    this.#endAnswer();
    return end;
  }

  /**
   * Give up, with a word to the client: an ERR packet, or band 3 once the pack began or where all is in side-band. Empty
   * when the client listens to neither; close the connection then.
   */
  refuse(message: string): Uint8Array {
    throwUnlessIn("refuse", PHASE, this.#state, ...LIVE);
    const isPack = this.#state === "pack";
    const hasBands =
      isPack || ((this.#state === "wants" || this.#state === "negotiation") && this.#isSidebandAll);
    this.#state = "failed";
    return hasBands ? (this.#wants?.output.error(message) ?? new Uint8Array(0)) : encodeErrPacket(message);
  }

  *#requests(chunk: Uint8Array): Generator<UploadPackRequest, void, undefined> {
    let left = chunk;
    while (left.length > 0 && (this.#state === "request" || this.#state === "haves")) {
      const rest = this.#reader.feed(left);
      if (rest === undefined) return;
      left = rest;
      yield* this.#onMessage(this.#reader.message());
    }
  }

  *#onMessage(message: ClientMessage): Generator<UploadPackRequest, void, undefined> {
    switch (message.type) {
      case "goodbye":
        this.#state = "done";
        return;
      case "nothing":
        this.#endAnswer();
        return;
      case "ls-refs":
        this.#lsRefs = message.request;
        yield* this.#ask("ls-refs", message);
        return;
      case "object-info":
        this.#asksSizes = message.request.size;
        yield* this.#ask("object-info", message);
        return;
      case "bundle-uri":
        yield* this.#ask("bundle-uri", message);
        return;
      case "wants":
        this.#wants = message;
        this.#round = message.round;
        yield* this.#ask("wants", {
          type: "wants",
          request: message.request,
          capabilities: message.capabilities,
        });
        break;
      case "round":
        this.#round = message.round;
        this.#state = "negotiation";
        break;
    }
    if (this.#is("negotiation") && this.#round !== undefined) {
      yield* this.#ask("negotiation", { type: "haves", ...this.#round });
    }
    if (this.#is("pack") && this.#wants !== undefined) {
      const { request, acknowledger } = this.#wants;
      yield* this.#ask("pack", { type: "pack", request, common: acknowledger.common });
    }
  }

  *#ask(state: UploadPackState, request: UploadPackRequest): Generator<UploadPackRequest, void, undefined> {
    this.#state = state;
    yield request;
    if (this.#is(state)) throwUnlessIn("read on", PHASE, this.#state, "request", "haves");
  }

  /** A question to the field: what it was before a call says nothing about what it is after. */
  #is(state: UploadPackState): boolean {
    return this.#state === state;
  }

  #beginPack(): Uint8Array {
    this.#state = "pack";
    if (this.#version !== 2) return new Uint8Array(0);
    const { wantedRefs = [], packfileUris = [] } = this.#answer;
    const request = this.#wants?.request;
    const isBoundaryDue = request?.deepen !== undefined || request?.shallow !== undefined;
    const shallowInfo = this.#answer.shallowInfo ?? (isBoundaryDue ? UNMOVED : undefined);
    return encodeFetchResponse(
      {
        ...(shallowInfo === undefined ? {} : { shallowInfo }),
        ...(wantedRefs.length > 0 ? { wantedRefs } : {}),
        ...(packfileUris.length > 0 ? { packfileUris } : {}),
        packfile: true,
      },
      { version: 2, sidebandAll: this.#isSidebandAll },
    );
  }

  /** v2: the client asked for every packet in side-band. */
  get #isSidebandAll(): boolean {
    return this.#wants?.request.sidebandAll === true;
  }

  #framed(packets: Uint8Array): Uint8Array {
    return this.#isSidebandAll ? encodeSidebandAll(packets) : packets;
  }

  /** The answer to a command, or to a whole v0 conversation, is complete. */
  #endAnswer(): void {
    this.#state = this.#version === 2 && !this.#stateless ? "request" : "done";
  }

  #output(call: string): SidebandOutput {
    throwUnlessIn(call, PHASE, this.#state, "pack");
    return this.#wants?.output ?? NO_OUTPUT;
  }
}

const UNMOVED: ShallowInfo = { shallow: [], unshallow: [] };
const NO_OUTPUT = new SidebandOutput("none", false);
const LIVE: readonly UploadPackState[] = [
  "advertisement",
  "request",
  "ls-refs",
  "object-info",
  "bundle-uri",
  "wants",
  "haves",
  "negotiation",
  "pack",
];
