// The client's side of a fetch as a state machine: bytes in, bytes out. Opens no connection, and keeps no pack.

import type { Advertisement, CapabilityAdvertisement } from "../advertisement.ts";
import { BundleUriDecoder, encodeBundleUriRequest } from "../bundle-uri.ts";
import { ProtocolError } from "../errors.ts";
import { LsRefsDecoder } from "../ls-refs.ts";
import { encodeLsRefsRequest, type LsRefsRequest } from "../ls-refs-request.ts";
import type { MessageDecoder } from "../message-decoder.ts";
import { encodeObjectInfoRequest, ObjectInfoDecoder, type ObjectInfoRequest } from "../object-info.ts";
import type { V2Session } from "../v2-command.ts";
import { type FetchDialect, uploadDialect, v2Dialect } from "./fetch-dialect.ts";
import { FetchExchange } from "./fetch-exchange.ts";
import type { FetchHandlers, FetchPlan, HavePlan } from "./fetch-plan.ts";
import type { FetchStatus, CommandAnswers } from "./fetch-status.ts";
import { type NegotiationStrategy, Negotiator } from "./negotiator.ts";
import { Session, type SessionOptions } from "./session.ts";

/** How to begin a {@link FetchSession}. */
export interface FetchSessionOptions extends SessionOptions {
  /**
   * The protocol version to ask for over HTTP, where the session makes the request; elsewhere the caller asks, with
   * GIT_PROTOCOL or in the daemon request. What the server answers decides. Default: 2.
   */
  readonly version?: 0 | 1 | 2;
  /** From an earlier session with this server: this one begins in state `request`. */
  readonly advertisement?: Advertisement;
  /** v2: sent with every command, as they are: gitprotocol-v2(5), "server-option". */
  readonly serverOptions?: readonly string[];
}

/**
 * A fetch from the advertisement to the end of the pack, in v0, v1 or v2, whichever the server answers:
 * gitprotocol-pack(5), gitprotocol-v2(5), gitprotocol-http(5). {@link Session} says how it is driven.
 */
export class FetchSession extends Session<FetchStatus> {
  readonly #serverOptions: readonly string[];

  constructor(options: FetchSessionOptions) {
    const { version = 2, advertisement, serverOptions = [] } = options;
    super(options, {
      service: "git-upload-pack",
      phase: "fetch-session",
      version,
      receiving: [
        "advertisement",
        "ls-refs",
        "object-info",
        "bundle-uri",
        "shallow-info",
        "negotiating",
        "packfile",
      ],
      status: advertisement === undefined ? { state: "advertisement" } : { state: "request", advertisement },
    });
    this.#serverOptions = serverOptions;
  }

  /**
   * Ask for refs. v0 and v1 servers list them all unasked: there nothing is sent, and `listing` is known at once.
   *
   * @throws {ProtocolError} `CAPABILITY_MISSING`, `STATE_INVALID`.
   */
  listRefs(request: LsRefsRequest): void {
    const { advertisement } = this.require("list refs", ["request"]);
    if (advertisement.version !== 2) {
      this.#refuseServerOptions();
      const { refs, invalidNames } = advertisement;
      this.stand({ state: "request", advertisement, listing: { refs, invalidNames } });
      return;
    }
    const { objectFormat } = advertisement;
    const body = encodeLsRefsRequest({ ...request, ...this.#v2(advertisement) });
    const decoder = new LsRefsDecoder({ objectFormat, limits: this.limits });
    this.#ask(advertisement, "ls-refs", body, decoder, (listing) => ({ listing }));
  }

  /**
   * v2: ask for the sizes of objects, without the objects: gitprotocol-v2(5), "object-info". `objectInfo` is known in
   * the next state `request`.
   *
   * @throws {ProtocolError} `CAPABILITY_MISSING`, `STATE_INVALID`.
   */
  askObjectInfo(request: ObjectInfoRequest): void {
    const advertisement = this.#requireV2("ask for object-info", "object-info");
    const { objectFormat } = advertisement;
    const body = encodeObjectInfoRequest(request, this.#v2(advertisement));
    const decoder = new ObjectInfoDecoder({ objectFormat, limits: this.limits });
    this.#ask(advertisement, "object-info", body, decoder, (objectInfo) => ({ objectInfo }));
  }

  /**
   * v2: ask where there are bundles to begin a clone with: gitprotocol-v2(5), "bundle-uri". `bundles` are known in the
   * next state `request`; `parseBundleList` understands them. Nothing is fetched from them here.
   *
   * @throws {ProtocolError} `CAPABILITY_MISSING`, `STATE_INVALID`.
   */
  askBundleUri(): void {
    const advertisement = this.#requireV2("ask for bundle-uri", "bundle-uri");
    const body = encodeBundleUriRequest(this.#v2(advertisement));
    const decoder = new BundleUriDecoder({ limits: this.limits });
    this.#ask(advertisement, "bundle-uri", body, decoder, (bundles) => ({ bundles }));
  }

  /**
   * Ask for a pack.
   *
   * @throws {ProtocolError} `REQUEST_INVALID` when nothing is wanted, `CAPABILITY_MISSING`, `STATE_INVALID`.
   */
  fetch(plan: FetchPlan, handlers: FetchHandlers): void {
    const { advertisement } = this.require("fetch", ["request"]);
    if (plan.wants.length === 0 && (plan.wantRefs ?? []).length === 0) {
      throw new ProtocolError("REQUEST_INVALID", "Cannot fetch: nothing is wanted", {
        phase: "fetch-session",
      });
    }
    if (advertisement.version !== 2) this.#refuseServerOptions();
    const dialect =
      advertisement.version === 2
        ? v2Dialect(plan, this.#v2(advertisement))
        : uploadDialect(plan, advertisement, this.transport, this.identity);
    this.#begin(advertisement, dialect, plan, plan.negotiation ?? "rounds", handlers);
  }

  /**
   * v2: find out what is common and fetch nothing: `wait-for-done` of gitprotocol-v2(5), "fetch". `result.common`
   * tells, once the session is `done`.
   *
   * @throws {ProtocolError} `CAPABILITY_MISSING` without v2 and its wait-for-done; `STATE_INVALID`.
   */
  negotiate(plan: HavePlan): void {
    const advertisement = this.#requireV2("negotiate", "fetch=wait-for-done");
    const dialect = v2Dialect({ wants: [], waitForDone: true }, this.#v2(advertisement));
    this.#begin(advertisement, dialect, plan, "wait-for-done", { onPack: refusePack });
  }

  /**
   * Say goodbye: nothing is wanted. Write what {@link takeBytes} gives and close the connection.
   *
   * @throws {ProtocolError} `STATE_INVALID`.
   */
  close(): void {
    const { advertisement } = this.require("close", ["request"]);
    this.sayGoodbye(advertisement);
    this.stand({ state: "done", advertisement });
  }

  /** A command whose answer is one message, after which the caller is to speak again. */
  #ask<Message>(
    advertisement: CapabilityAdvertisement,
    state: "ls-refs" | "object-info" | "bundle-uri",
    body: Uint8Array,
    decoder: MessageDecoder<Message>,
    learnt: (message: Message) => CommandAnswers,
  ): void {
    const answer = {
      decoder,
      conclude: () => {
        this.stand({ state: "request", advertisement, ...learnt(decoder.finish()) });
      },
    };
    this.conversation.ask(body, answer, 2);
    this.stand({ state, advertisement });
  }

  /** What every command of v2 is sent with. */
  #v2({ capabilities, objectFormat }: CapabilityAdvertisement): V2Session {
    return { capabilities, objectFormat, ...this.identity, serverOptions: this.#serverOptions };
  }

  /** v0 and v1 have no place for them, and a server that needs them would do something else without. */
  #refuseServerOptions(): void {
    if (this.#serverOptions.length === 0) return;
    throw new ProtocolError(
      "CAPABILITY_MISSING",
      "Cannot send server options: the server does not speak v2",
      {
        phase: "fetch-session",
        details: { capability: "server-option" },
      },
    );
  }

  #requireV2(call: string, capability: string): CapabilityAdvertisement {
    const { advertisement } = this.require(call, ["request"]);
    if (advertisement.version === 2) return advertisement;
    throw new ProtocolError("CAPABILITY_MISSING", `Cannot ${call}: the server does not speak v2`, {
      phase: "fetch-session",
      details: { capability },
    });
  }

  #begin(
    advertisement: Advertisement,
    dialect: FetchDialect,
    plan: HavePlan,
    strategy: NegotiationStrategy,
    handlers: FetchHandlers,
  ): void {
    const { haves = [], maxRounds } = plan;
    const negotiator = new Negotiator({
      style: dialect.style,
      haves,
      strategy,
      ...(maxRounds === undefined ? {} : { maxRounds }),
    });
    const exchange = new FetchExchange({
      advertisement,
      conversation: this.conversation,
      dialect,
      negotiator,
      handlers,
      limits: this.limits,
      onStatus: (status) => {
        this.stand(status);
      },
    });
    exchange.start();
  }

  protected override opened(advertisement: Advertisement): FetchStatus {
    return { state: "request", advertisement };
  }

  protected override failed(error: unknown): FetchStatus {
    return { state: "failed", error };
  }
}

function refusePack(): never {
  throw new ProtocolError("PACK_UNEXPECTED", "Cannot read fetch response: found a pack before done", {
    phase: "fetch-response",
  });
}
