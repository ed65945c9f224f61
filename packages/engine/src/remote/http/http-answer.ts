/** An answer to one request: its head, and its body counted, decoded and bounded by whoever reads it. */

import { pipeline, Readable, type Transform } from "node:stream";
import { setImmediate as afterThisTurn, setTimeout as wait } from "node:timers/promises";
import { createGunzip, createInflate } from "node:zlib";
import { mediaTypeOf, sanitizeText } from "@gitsync/protocol";
import type { EndpointAuth } from "../../auth.ts";
import { SyncError } from "../../errors.ts";
import type { TrafficMeter } from "../connection.ts";
import { connectionError, type RequestFacts } from "../connection-failure.ts";
import { hasSecret } from "../credentials.ts";
import { withoutSecrets } from "./authorization.ts";
import type { Response } from "./dispatch-request.ts";
import { statusError } from "./http-failure.ts";
import { excerptOf } from "./not-git.ts";
import { SpentBuffers } from "./spent-buffers.ts";

/** How much of an unwanted body is read, and for how long. */
const MAX_EXCERPT_BYTES = 8 * 1024;
const MAX_EXCERPT_MS = 5_000;
/** How long a body whose last packet was read may take to end. */
const END_WITHIN_MS = 20;

const END: IteratorReturnResult<void> = { done: true, value: undefined };

export class HttpAnswer {
  readonly status: number;
  /** What was sent with the request. */
  readonly auth: EndpointAuth;
  readonly #data: Response;
  readonly #facts: RequestFacts;
  readonly #meter: TrafficMeter;
  readonly #signal: AbortSignal;

  constructor(
    data: Response,
    auth: EndpointAuth,
    facts: RequestFacts,
    meter: TrafficMeter,
    signal: AbortSignal,
  ) {
    this.status = data.statusCode;
    this.auth = auth;
    this.#data = data;
    this.#facts = facts;
    this.#meter = meter;
    this.#signal = signal;
  }

  header(name: string): string | undefined {
    const value = this.#data.headers[name];
    return Array.isArray(value) ? value[0] : value;
  }

  /** Lower case and without parameters; empty when there is none. */
  get mediaType(): string {
    return mediaTypeOf(this.header("content-type"));
  }

  /** What a 401 asks for. */
  get challenges(): readonly string[] {
    const value = this.#data.headers["www-authenticate"] ?? [];
    return [value].flat().map((text) => sanitizeText(text, { maxLength: 1_000 }));
  }

  /**
   * The body. A chunk is valid until the next one is asked for; leaving the loop ends the request.
   *
   * @throws {SyncError} of the connection, or `PROTOCOL_INVALID` for an encoding that nobody asked for.
   */
  chunks(): AsyncIterableIterator<Uint8Array, void, undefined> {
    const inflate = this.#decoder();
    return inflate === undefined ? this.#received() : this.#inflated(inflate);
  }

  /** No generator: what has arrived already costs one turn of the microtask queue and not three. */
  #received(): AsyncIterableIterator<Uint8Array, void, undefined> {
    const { body } = this.#data;
    const spent = new SpentBuffers();
    let isOver = false;
    const taken = (): IteratorYieldResult<Uint8Array> | undefined => {
      const value = body.take();
      if (value === undefined) return undefined;
      this.#meter.received(value.length);
      spent.pass(value);
      return { done: false, value };
    };
    const arrived = async (): Promise<IteratorResult<Uint8Array, void>> => {
      try {
        if (!isOver && (await body.more())) return taken() ?? END;
      } catch (error) {
        isOver = true;
        throw connectionError(error, this.#facts, this.#signal);
      }
      isOver = true;
      return END;
    };
    const iterator: AsyncIterableIterator<Uint8Array, void, undefined> = {
      next: () => {
        const result = taken();
        return result === undefined ? arrived() : Promise.resolve(result);
      },
      return: async () => {
        if (!isOver) await this.#leave();
        isOver = true;
        return END;
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /** What is inflated comes in buffers of zlib's; inflated piece by piece, so that the reader's limits hold for it. */
  async *#inflated(inflate: Transform): AsyncGenerator<Uint8Array, void, undefined> {
    const { body } = this.#data;
    pipeline(Readable.from(packedChunks(body)), inflate, () => {});
    try {
      for await (const chunk of inflate) {
        this.#meter.received(chunk.length);
        yield chunk;
      }
    } catch (error) {
      throw connectionError(error, this.#facts, this.#signal);
    } finally {
      body.destroy();
    }
  }

  /**
   * Whoever read git's last packet leaves before the body has ended, which it mostly does at once: then the
   * connection is free for the next request.
   */
  async #leave(): Promise<void> {
    const { body } = this.#data;
    const enough = new AbortController();
    const isAtEnd = await Promise.race([
      body.more().then(
        (isMore) => !isMore,
        () => true,
      ),
      wait(END_WITHIN_MS, false, { signal: enough.signal }).catch(() => false),
    ]);
    enough.abort();
    if (!isAtEnd) body.destroy();
    // The connection counts as free a moment after the end of the body.
    else await afterThisTurn();
  }

  /** The start of the body as text, without our secrets, and no more of it. Ends the request. */
  async excerpt(): Promise<string> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    const timer = setTimeout(() => this.#data.body.destroy(), MAX_EXCERPT_MS);
    try {
      for await (const chunk of this.chunks()) {
        chunks.push(chunk.slice());
        length += chunk.length;
        if (length >= MAX_EXCERPT_BYTES) break;
      }
    } catch {
      // What came is all there is to show.
    } finally {
      clearTimeout(timer);
    }
    const text = Buffer.concat(chunks).toString("utf8").slice(0, MAX_EXCERPT_BYTES);
    return withoutSecrets(text, this.auth);
  }

  /** Read a small rest so that the connection can be reused, or drop the connection. */
  async discard(): Promise<void> {
    const { body } = this.#data;
    const timer = setTimeout(() => body.destroy(), MAX_EXCERPT_MS);
    try {
      let length = 0;
      while (await body.more()) {
        length += body.take()?.length ?? 0;
        if (length > MAX_EXCERPT_BYTES) return;
      }
      await afterThisTurn();
    } catch {
      // A connection that is gone is dropped.
    } finally {
      clearTimeout(timer);
      body.destroy();
    }
  }

  /** The error that this answer is. Ends the request. */
  async refusal(): Promise<SyncError> {
    const said = excerptOf(this.mediaType, await this.excerpt());
    const error = statusError(this.status, this.#facts, this.header("retry-after"), said);
    const hadSecret = hasSecret(this.auth);
    if (this.status === 401 && !hadSecret)
      return new SyncError(
        "AUTH_REQUIRED",
        `The ${this.#facts.side} asks for credentials: ${this.#facts.url}`,
        error.details,
      );
    // A page to sign in on comes with 203, also to those who were not believed.
    return error.code === "AUTH_REQUIRED" && hadSecret
      ? new SyncError("AUTH_DENIED", error.message, error.details)
      : error;
  }

  #decoder(): Transform | undefined {
    const encoding = this.header("content-encoding")?.trim().toLowerCase() ?? "";
    switch (encoding) {
      case "":
      case "identity":
        return undefined;
      case "gzip":
      case "x-gzip":
        return createGunzip();
      case "deflate":
        return createInflate();
      default:
        this.#data.body.destroy();
        throw new SyncError(
          "PROTOCOL_INVALID",
          `The ${this.#facts.side} answered in an encoding that nobody asked for, ${sanitizeText(encoding, { maxLength: 40 })}: ${this.#facts.url}`,
          { side: this.#facts.side, url: this.#facts.url },
        );
    }
  }
}

async function* packedChunks(body: Response["body"]): AsyncGenerator<Uint8Array, void, undefined> {
  while (await body.more()) {
    const chunk = body.take();
    if (chunk !== undefined) yield chunk;
  }
}
