/** One conversation with a client: bytes from it, and messages to it, each of which a test may change. */

import type { GitService, ReceivePackRequest, UploadPackRequest } from "@gitsync/protocol";
import type { ServerMessageKind } from "./server-message.ts";
import type { RecordedRequest, ServiceOptions } from "./service-options.ts";

/** The way to a client and from it. */
export interface Wire {
  readonly input: AsyncIterable<Uint8Array>;
  /** Resolves when the client can take more. Rejects when it is gone. */
  write(bytes: Uint8Array): Promise<void>;
  /** Close without a goodbye. */
  cut(): void;
  /** Resolves when the client is gone. */
  readonly closed: Promise<unknown>;
}

/** What is spoken about. */
export interface Topic {
  readonly service: GitService;
  readonly version: 0 | 1 | 2;
  readonly transport: "stateful" | "stateless";
  /** Of the repository. */
  readonly path: string;
}

/** A fault ended the conversation. */
export class ConversationCut extends Error {
  override readonly name = "ConversationCut";
}

/** A client is told no, in words for its user. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}

export class Conversation {
  readonly topic: Topic;
  readonly options: ServiceOptions;
  readonly #wire: Wire;
  readonly #records: RecordedRequest[];
  readonly #counts = new Map<ServerMessageKind, number>();

  constructor(topic: Topic, wire: Wire, options: ServiceOptions, records: RecordedRequest[]) {
    this.topic = topic;
    this.options = options;
    this.#wire = wire;
    this.#records = records;
  }

  get input(): AsyncIterable<Uint8Array> {
    return this.#wire.input;
  }

  record(request: UploadPackRequest | ReceivePackRequest): void {
    if (request.type === "pack" && "data" in request) return;
    this.#records.push({ ...this.topic, request });
  }

  /** Send a message, or what a test makes of it. Throws {@link ConversationCut} when that ends everything. */
  async send(kind: ServerMessageKind, bytes: Uint8Array): Promise<void> {
    const index = this.#counts.get(kind) ?? 0;
    this.#counts.set(kind, index + 1);
    const fault = this.options.intercept?.({ ...this.topic, kind, bytes, index }) ?? undefined;
    if (fault === undefined) return this.#write(bytes);
    if (fault instanceof Uint8Array) return this.#write(fault);
    await this.#write(bytes.subarray(0, fault.at));
    if (fault.type === "cut") this.#wire.cut();
    await this.#wire.closed;
    throw new ConversationCut();
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (bytes.length > 0) await this.#wire.write(bytes);
  }
}
