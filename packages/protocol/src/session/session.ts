// What every client session does alike: say what is to be sent, read what comes, and refuse calls out of turn.

import type { Advertisement, GitService } from "../advertisement.ts";
import { AdvertisementDecoder } from "../advertisement-decoder.ts";
import { throwUnlessIn } from "../call-order.ts";
import { ProtocolError } from "../errors.ts";
import { type ProtocolLimits, resolveLimits } from "../limits.ts";
import { FLUSH_PKT } from "../pkt-line/pkt-line-encoder.ts";
import { Conversation, type SessionTransport } from "./conversation.ts";
import type { HttpRequest } from "./http-request.ts";

/** How to begin any session. */
export interface SessionOptions {
  readonly transport: SessionTransport;
  /** Sent to servers that advertise one. */
  readonly agent?: string;
  /** Sent to servers that advertise one: printable, without white space; for logs on both sides. */
  readonly sessionId?: string;
  readonly limits?: Partial<ProtocolLimits>;
}

/** What a client says about itself. */
export type ClientIdentity = Pick<SessionOptions, "agent" | "sessionId">;

/** What is known of every status. */
export interface SessionStatus {
  readonly state: string;
}

/** What makes a session one of its kind. */
export interface SessionKind<Status extends SessionStatus> {
  readonly service: GitService;
  readonly phase: "fetch-session" | "push-session";
  /** Asked for in the first HTTP request. */
  readonly version: 0 | 1 | 2;
  /** Where an answer is due. */
  readonly receiving: readonly Status["state"][];
  /** Where it begins: before the server's first word, unless that is known. */
  readonly status: Status;
}

/**
 * A conversation with one service as a state machine: bytes in, bytes out. See `FetchSession` and `PushSession`.
 *
 * On a stateful connection write what {@link takeBytes} gives, and {@link feed} what comes while {@link receiving}.
 * Over HTTP make each request of {@link takeRequest}, `feed` the body of its answer, and then {@link end}. Read while
 * you write: a server may stop reading until its answer is taken.
 *
 * A call that the state does not allow throws `STATE_INVALID`, which names both states, and changes nothing. An error
 * from `feed` or `end` ends the session in state `failed`.
 */
export abstract class Session<Status extends SessionStatus> {
  /** What we tell servers about ourselves, as far as they ask. */
  protected readonly identity: ClientIdentity;
  protected readonly transport: SessionTransport;
  protected readonly limits: ProtocolLimits;
  protected readonly conversation: Conversation;
  readonly #kind: SessionKind<Status>;
  #status: Status;

  protected constructor(options: SessionOptions, kind: SessionKind<Status>) {
    const { agent, sessionId } = options;
    this.identity = {
      ...(agent === undefined ? {} : { agent }),
      ...(sessionId === undefined ? {} : { sessionId }),
    };
    this.transport = options.transport;
    this.limits = resolveLimits(options.limits);
    this.conversation = new Conversation({ ...kind, transport: options.transport });
    this.#kind = kind;
    this.#status = kind.status;
    if (this.receiving) this.#open();
  }

  /** The state after the advertisement. @throws {ProtocolError} when it cannot be used. */
  protected abstract opened(advertisement: Advertisement): Status;

  /** The state after an error. */
  protected abstract failed(error: unknown): Status;

  get status(): Status {
    return this.#status;
  }

  get state(): Status["state"] {
    return this.#status.state;
  }

  /** An answer is due: `feed` it. False where the caller is to speak, and at the end. */
  get receiving(): boolean {
    return this.#kind.receiving.includes(this.state);
  }

  /**
   * Stateful: the bytes to write now, if any. They are the caller's.
   *
   * @throws {ProtocolError} `STATE_INVALID` over HTTP.
   */
  takeBytes(): Uint8Array | undefined {
    if (this.transport === "stateless") {
      throw new ProtocolError("STATE_INVALID", "Cannot take bytes: a stateless session makes requests", {
        phase: this.#kind.phase,
      });
    }
    return this.conversation.takeBytes();
  }

  /**
   * Stateless: the request to make now, if any.
   *
   * @throws {ProtocolError} `STATE_INVALID` on a stateful connection.
   */
  takeRequest(): HttpRequest | undefined {
    if (this.transport === "stateful") {
      throw new ProtocolError("STATE_INVALID", "Cannot take a request: a stateful session writes bytes", {
        phase: this.#kind.phase,
      });
    }
    return this.conversation.takeRequest();
  }

  /**
   * Read a chunk of any size. Handlers are called with views of it.
   *
   * @throws {ProtocolError} what the decoders of the answers throw; `ANSWER_UNEXPECTED` for bytes that answer
   * nothing; `STATE_INVALID`.
   */
  feed(chunk: Uint8Array): void {
    this.require("feed", this.#kind.receiving);
    this.#orFail(() => this.conversation.feed(chunk));
  }

  /**
   * The server closed the connection, or the body of an HTTP answer ended.
   *
   * @throws {ProtocolError} as {@link feed}, and when the answer was cut.
   */
  end(): void {
    this.require("end", this.#kind.receiving);
    this.#orFail(() => this.conversation.end());
  }

  protected stand(status: Status): void {
    this.#status = status;
  }

  /** The present status, where it is one of those named. @throws {ProtocolError} `STATE_INVALID`. */
  protected require<State extends Status["state"]>(
    call: string,
    expected: readonly State[],
  ): Extract<Status, { readonly state: State }> {
    const status = this.#status;
    throwUnlessIn(call, this.#kind.phase, status.state, ...expected);
    return status as Extract<Status, { readonly state: State }>;
  }

  /** Say goodbye, where a connection is to hear it. */
  protected sayGoodbye(advertisement: Advertisement): void {
    if (this.transport === "stateful")
      this.conversation.ask(FLUSH_PKT.slice(), undefined, advertisement.version);
  }

  #open(): void {
    const decoder = new AdvertisementDecoder({
      service: this.#kind.service,
      smartHttp: this.transport === "stateless",
      limits: this.limits,
    });
    this.conversation.open({
      decoder,
      conclude: () => {
        this.#status = this.opened(decoder.finish());
      },
    });
  }

  #orFail(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.conversation.abandon();
      this.#status = this.failed(error);
      throw error;
    }
  }
}
