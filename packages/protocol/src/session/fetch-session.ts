// The client's side of a fetch as a state machine: bytes in, bytes out. Opens no connection, and keeps no pack.

import type { Advertisement } from "../advertisement.ts";
import { ProtocolError } from "../errors.ts";
import { LsRefsDecoder } from "../ls-refs.ts";
import { encodeLsRefsRequest, type LsRefsRequest } from "../ls-refs-request.ts";
import { type FetchDialect, uploadDialect, v2Dialect } from "./fetch-dialect.ts";
import { FetchExchange } from "./fetch-exchange.ts";
import type { FetchHandlers, FetchPlan, HavePlan } from "./fetch-plan.ts";
import type { FetchStatus } from "./fetch-status.ts";
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
}

/**
 * A fetch from the advertisement to the end of the pack, in v0, v1 or v2, whichever the server answers:
 * gitprotocol-pack(5), gitprotocol-v2(5), gitprotocol-http(5). {@link Session} says how it is driven.
 */
export class FetchSession extends Session<FetchStatus> {
  constructor(options: FetchSessionOptions) {
    const { version = 2, advertisement } = options;
    super(options, {
      service: "git-upload-pack",
      phase: "fetch-session",
      version,
      receiving: ["advertisement", "ls-refs", "shallow-info", "negotiating", "packfile"],
      status: advertisement === undefined ? { state: "advertisement" } : { state: "request", advertisement },
    });
  }

  /**
   * Ask for refs. v0 and v1 servers list them all unasked: there nothing is sent, and `listing` is known at once.
   *
   * @throws {ProtocolError} `CAPABILITY_MISSING`, `STATE_INVALID`.
   */
  listRefs(request: LsRefsRequest): void {
    const { advertisement } = this.require("list refs", ["request"]);
    if (advertisement.version !== 2) {
      const { refs, invalidNames } = advertisement;
      this.stand({ state: "request", advertisement, listing: { refs, invalidNames } });
      return;
    }
    const { capabilities, objectFormat } = advertisement;
    const { agent } = this;
    const body = encodeLsRefsRequest({
      ...request,
      capabilities,
      objectFormat,
      ...(agent === undefined ? {} : { agent }),
    });
    const decoder = new LsRefsDecoder({ objectFormat, limits: this.limits });
    const answer = {
      decoder,
      conclude: () => {
        this.stand({ state: "request", advertisement, listing: decoder.finish() });
      },
    };
    this.conversation.ask(body, answer, 2);
    this.stand({ state: "ls-refs", advertisement });
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
    const { transport, agent } = this;
    const dialect =
      advertisement.version === 2
        ? v2Dialect(plan, advertisement, agent)
        : uploadDialect(plan, advertisement, transport, agent);
    this.#begin(advertisement, dialect, plan, plan.negotiation ?? "rounds", handlers);
  }

  /**
   * v2: find out what is common and fetch nothing: `wait-for-done` of gitprotocol-v2(5), "fetch". `result.common`
   * tells, once the session is `done`.
   *
   * @throws {ProtocolError} `CAPABILITY_MISSING` without v2 and its wait-for-done; `STATE_INVALID`.
   */
  negotiate(plan: HavePlan): void {
    const { advertisement } = this.require("negotiate", ["request"]);
    if (advertisement.version !== 2) {
      throw new ProtocolError("CAPABILITY_MISSING", "Cannot negotiate alone: the server does not speak v2", {
        phase: "fetch-session",
        details: { capability: "fetch=wait-for-done" },
      });
    }
    const dialect = v2Dialect({ wants: [], waitForDone: true }, advertisement, this.agent);
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
