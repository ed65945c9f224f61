// What a fetch and a push have in common: bytes that wait to be sent, and the answer that is being read.
// Knows nothing of git's messages.

import type { GitService } from "../advertisement.ts";
import { ProtocolError, type ProtocolPhase } from "../errors.ts";
import { advertisementRequest, type HttpRequest, serviceRequest } from "./http-request.ts";

/**
 * What carries a session.
 *
 * `stateful`: one connection for all of it (ssh, git://, pipes). `stateless`: each request and its answer stand
 * alone (HTTP).
 */
export type SessionTransport = "stateful" | "stateless";

/** An answer that is being read. */
export interface Answer {
  readonly decoder: {
    /** @returns true at the end of the answer. */
    feed(chunk: Uint8Array): boolean;
    /** After the end: the bytes of the last chunk behind it. */
    rest(): Uint8Array;
  };
  /** It ended, or its bytes did: take it, and say what comes next. @throws when it was cut. */
  readonly conclude: () => void;
}

/** Who speaks. */
export interface ConversationOptions {
  readonly service: GitService;
  readonly transport: SessionTransport;
  /** Asked for in the first HTTP request. */
  readonly version: 0 | 1 | 2;
  readonly phase: ProtocolPhase;
}

/** Queues what is to be sent, and cuts what is received into answers. */
export class Conversation {
  readonly #options: ConversationOptions;
  #outgoing: Uint8Array[] = [];
  #request: HttpRequest | undefined;
  #answer: Answer | undefined;
  /** Stateless: the answer is complete, and its body has not ended. */
  #complete = false;
  #spoke = false;

  constructor(options: ConversationOptions) {
    this.#options = options;
  }

  /** Ask for the advertisement; on a stateful connection the server gives it unasked. */
  open(answer: Answer): void {
    const { service, transport, version } = this.#options;
    if (transport === "stateless") this.#request = advertisementRequest(service, version);
    this.#answer = answer;
  }

  /** Send `body`, whose answer, if one is due, is read next. `version` is the advertised one. */
  ask(body: Uint8Array, answer: Answer | undefined, version: 0 | 1 | 2, packFollows = false): void {
    const { service, transport } = this.#options;
    if (transport === "stateful") this.#outgoing.push(body);
    else this.#request = serviceRequest(service, version, body, packFollows);
    this.#answer = answer;
    this.#complete = false;
  }

  /** Something was handed out to be sent that a server may act upon. */
  get spoke(): boolean {
    return this.#spoke;
  }

  takeBytes(): Uint8Array | undefined {
    const waiting = this.#outgoing;
    this.#outgoing = [];
    if (waiting.length > 0) this.#spoke = true;
    if (waiting.length < 2) return waiting[0];
    const joined = new Uint8Array(waiting.reduce((length, { length: more }) => length + more, 0));
    let offset = 0;
    for (const piece of waiting) {
      joined.set(piece, offset);
      offset += piece.length;
    }
    return joined;
  }

  takeRequest(): HttpRequest | undefined {
    const request = this.#request;
    this.#request = undefined;
    if (request?.body !== undefined) this.#spoke = true;
    return request;
  }

  feed(chunk: Uint8Array): void {
    let left = chunk;
    while (left.length > 0) {
      const answer = this.#answer;
      if (answer === undefined) throw this.#unasked(left);
      // Some servers repeat the last flush-pkt; over HTTP nothing behind the answer can be another one.
      if (this.#complete || !answer.decoder.feed(left)) return;
      if (this.#options.transport === "stateless") {
        this.#complete = true;
        return;
      }
      left = answer.decoder.rest();
      this.#conclude(answer);
    }
  }

  /** The connection was closed by the other side, or the body of an HTTP answer ended. */
  end(): void {
    const answer = this.#answer;
    if (answer !== undefined) this.#conclude(answer);
  }

  /** Stop: send nothing more, read nothing more. */
  abandon(): void {
    this.#outgoing = [];
    this.#request = undefined;
    this.#answer = undefined;
  }

  #conclude(answer: Answer): void {
    this.#answer = undefined;
    answer.conclude();
  }

  #unasked(excerpt: Uint8Array): ProtocolError {
    return new ProtocolError("ANSWER_UNEXPECTED", "Cannot read answer: nothing was asked", {
      phase: this.#options.phase,
      excerpt,
    });
  }
}
