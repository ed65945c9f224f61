// One fetch inside a session: rounds of haves, what the server says to them, and the pack.

import type { Advertisement } from "../advertisement.ts";
import { FetchResponseDecoder, type FetchResponseOptions } from "../fetch-response-decoder.ts";
import type { ShallowInfo } from "../fetch-response.ts";
import type { ProtocolLimits } from "../limits.ts";
import type { Answer, Conversation } from "./conversation.ts";
import type { FetchDialect, FetchMessage } from "./fetch-dialect.ts";
import type { FetchHandlers, FetchResult } from "./fetch-plan.ts";
import type { FetchStatus } from "./fetch-status.ts";
import type { Negotiator } from "./negotiator.ts";

/** What a {@link FetchExchange} works with. */
export interface FetchExchangeOptions {
  readonly advertisement: Advertisement;
  readonly conversation: Conversation;
  readonly dialect: FetchDialect;
  readonly negotiator: Negotiator;
  readonly handlers: FetchHandlers;
  readonly limits: ProtocolLimits;
  /** Where the session stands from now on. */
  readonly onStatus: (status: FetchStatus) => void;
}

const UNMOVED: ShallowInfo = { shallow: [], unshallow: [] };

/** Drives a negotiator and the decoders of its answers. */
export class FetchExchange {
  readonly #options: FetchExchangeOptions;
  #shallowInfo: ShallowInfo = UNMOVED;
  #wantedRefs: FetchResult["wantedRefs"] = [];
  #packfileUris: FetchResult["packfileUris"] = [];

  constructor(options: FetchExchangeOptions) {
    this.#options = options;
  }

  /** Say what comes first. Where that throws, nothing was said and no state has changed. */
  start(): void {
    const { dialect, onStatus, advertisement } = this.#options;
    const { opening } = dialect;
    if (opening?.expected === undefined) {
      this.#speak(opening === undefined ? [] : [opening]);
      return;
    }
    this.#send([opening]);
    onStatus({ state: "shallow-info", advertisement });
  }

  /** Say, behind `before`, all that may be said until an answer must come. */
  #speak(before: readonly FetchMessage[]): void {
    const { dialect, negotiator, onStatus, advertisement } = this.#options;
    const messages = [...before];
    for (let round = negotiator.next(); round !== undefined; round = negotiator.next()) {
      messages.push(dialect.round(round, negotiator.sent));
    }
    // Only a negotiation that never says `done` ends with nothing to say.
    if (messages.length === 0) {
      onStatus({ state: "done", advertisement, result: this.#result() });
      return;
    }
    this.#send(messages);
    onStatus({ state: "negotiating", advertisement });
  }

  /** Answers come in the order of the rounds and are read alike, but for that to `done`, which takes in all before it. */
  #send(messages: readonly FetchMessage[]): void {
    const { conversation, advertisement } = this.#options;
    for (const { body, expected } of messages) {
      conversation.ask(body, expected && this.#reader(expected), advertisement.version);
    }
  }

  #reader(expected: FetchResponseOptions): Answer {
    const { handlers, limits } = this.#options;
    const decoder = new FetchResponseDecoder(expected, {
      onPack: handlers.onPack,
      ...(handlers.onProgress === undefined ? {} : { onProgress: handlers.onProgress }),
      onPackStart: () => this.#onPackStart(decoder),
      limits,
    });
    return {
      decoder,
      conclude: () => {
        decoder.finish();
        this.#onAnswer(decoder);
      },
    };
  }

  #onPackStart(decoder: FetchResponseDecoder): void {
    const { negotiator, handlers, onStatus, advertisement } = this.#options;
    negotiator.answer(decoder.acknowledgments);
    this.#wantedRefs = decoder.wantedRefs;
    this.#packfileUris = decoder.packfileUris;
    this.#takeShallowInfo(decoder.shallowInfo);
    const result = this.#result();
    onStatus({ state: "packfile", advertisement, result });
    handlers.onPackStart?.(result);
  }

  /** An answer is complete, and it was not cut. */
  #onAnswer(decoder: FetchResponseDecoder): void {
    const { negotiator, onStatus, advertisement } = this.#options;
    if (decoder.packStarted) {
      onStatus({ state: "done", advertisement, result: this.#result() });
      return;
    }
    this.#takeShallowInfo(decoder.shallowInfo);
    negotiator.answer(decoder.acknowledgments);
    this.#speak([]);
  }

  /** Without memory a server says the same again in every answer. */
  #takeShallowInfo(info: ShallowInfo): void {
    if (this.#shallowInfo !== UNMOVED || info.shallow.length + info.unshallow.length === 0) return;
    this.#shallowInfo = info;
    this.#options.handlers.onShallowInfo?.(info);
  }

  #result(): FetchResult {
    const { negotiator } = this.#options;
    return {
      common: negotiator.common,
      shallowInfo: this.#shallowInfo,
      wantedRefs: this.#wantedRefs,
      packfileUris: this.#packfileUris,
      rounds: negotiator.rounds,
    };
  }
}
