/**
 * Smart HTTP: one GET for the advertisement, one POST per request.
 *
 * Only the first GET follows redirects. A secret goes to the origin it was asked for and to no other.
 * Source: gitprotocol-http(5).
 */

import {
  AdvertisementDecoder,
  infoRefsPath,
  mediaTypeOf,
  type Advertisement,
  type GitService,
} from "@gitsync/protocol";
import { Readable } from "node:stream";
import type { Dispatcher } from "undici";
import type { EndpointAuth, EndpointRole } from "../../auth.ts";
import { SyncError } from "../../errors.ts";
import type { HttpLocation } from "../../location.ts";
import type { ResolvedLimits } from "../../options.ts";
import type { PackBody } from "../../transfer/pack-body.ts";
import type { GitConnection, RequestBody, TrafficMeter } from "../connection.ts";
import { authorization, checkedAuth, withoutSecrets } from "./credentials.ts";
import type { GuardedDispatchers } from "./guarded-dispatcher.ts";
import { abortedError, requestError, statusError, type RequestFacts } from "./http-failure.ts";
import { redirectedBase } from "./redirect.ts";
import { guardStall, type StallGuard } from "./stall-guard.ts";

export interface HttpConnectionOptions {
  readonly service: GitService;
  readonly role: EndpointRole;
  readonly location: HttpLocation;
  /** `version=2` or another value for the Git-Protocol header; none for receive-pack, as git does. */
  readonly gitProtocol: string | undefined;
  readonly followRedirect: boolean;
  readonly dispatchers: GuardedDispatchers;
  /** Gives the credentials of the location's origin; asked again with `refused` after a 401. */
  readonly auth: (refused: boolean, signal: AbortSignal) => Promise<EndpointAuth>;
  readonly userAgent: string;
  readonly limits: ResolvedLimits;
  readonly meter: TrafficMeter;
}

const MAX_REDIRECTS = 3;
const MAX_ERROR_BYTES = 8 * 1024;
/** How much of an answer may wait to be read; fewer and larger reads cost less. */
const READ_AHEAD_BYTES = 256 * 1024;

interface SentRequest {
  readonly method: "GET" | "POST";
  readonly origin: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: () => Uint8Array | Readable;
  readonly answerTimeoutMs: number;
  readonly fresh: boolean;
  readonly facts: RequestFacts;
}

export class HttpConnection implements GitConnection {
  readonly service: GitService;
  readonly stateless = true;
  readonly #options: HttpConnectionOptions;
  /** Where requests go; moved by a redirect that the caller allowed. */
  #origin: string;
  #base: string;
  #auth: EndpointAuth | undefined;

  constructor(options: HttpConnectionOptions) {
    this.#options = options;
    this.service = options.service;
    this.#origin = options.location.origin;
    this.#base = options.location.path;
  }

  async open(signal: AbortSignal): Promise<Advertisement> {
    const { service, limits } = this.#options;
    this.#options.meter.request(`${this.#options.role} ${service} info-refs`);
    const answer = await this.#list(signal);
    const decoder = new AdvertisementDecoder({
      service,
      smartHttp: true,
      limits: { maxRefs: limits.maxRefs, maxAdvertisementBytes: limits.maxListingBytes },
    });
    for await (const chunk of this.#received(answer.body, this.#facts("info/refs"), signal)) {
      if (decoder.feed(chunk)) break;
    }
    return decoder.finish();
  }

  async *exchange(body: RequestBody, outer: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    const { service, role, limits } = this.#options;
    const facts = this.#facts(service);
    const stall = guardStall(outer, limits.idleTimeoutMs, facts.url);
    const { signal } = stall;
    const isPush = service === "git-receive-pack";
    const request: SentRequest = {
      method: "POST",
      origin: this.#origin,
      path: `${this.#base}/${service}`,
      headers: {
        "content-type": `application/x-${service}-request`,
        accept: `application/x-${service}-result`,
        ...lengthHeader(body),
      },
      body: () => this.#bodyOf(body, stall),
      answerTimeoutMs: isPush ? limits.pushAnswerTimeoutMs : limits.idleTimeoutMs,
      fresh: isPush,
      facts,
    };
    let answer = await this.#send(request, signal);
    if (answer.statusCode === 401 && body.pack?.kind !== "stream" && (await this.#renewAuth(signal))) {
      await discard(answer);
      answer = await this.#send(request, signal);
    }
    if (answer.statusCode !== 200) throw await this.#refusal(answer, facts);
    const type = mediaTypeOf(headerOf(answer, "content-type"));
    if (type === "text/html") throw notGit(facts, type, role);
    yield* this.#received(answer.body, facts, signal);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  said(): string {
    return "";
  }

  /** GET info/refs, following at most {@link MAX_REDIRECTS} redirects, with one more try after a 401. */
  async #list(signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const { location, service, limits, followRedirect, gitProtocol } = this.#options;
    const facts = this.#facts("info/refs");
    let { origin, path: base } = location;
    let renewed = false;
    for (let hops = 0; ;) {
      const answer = await this.#send(
        {
          method: "GET",
          origin,
          path: `${base}${infoRefsPath(service)}`,
          headers: {
            accept: "*/*",
            pragma: "no-cache",
            ...(gitProtocol === undefined ? {} : { "git-protocol": gitProtocol }),
          },
          answerTimeoutMs: limits.idleTimeoutMs,
          fresh: false,
          facts,
        },
        signal,
      );
      const { statusCode } = answer;
      if (statusCode === 401 && !renewed && origin === location.origin && (await this.#renewAuth(signal))) {
        renewed = true;
        await discard(answer);
        continue;
      }
      if (statusCode >= 300 && statusCode < 400 && statusCode !== 304 && hops < MAX_REDIRECTS) {
        const moved = redirectedBase(headerOf(answer, "location"), { origin, base, service }, facts);
        await discard(answer);
        ({ origin, base } = moved);
        hops += 1;
        continue;
      }
      if (statusCode !== 200) throw await this.#refusal(answer, facts);
      const type = mediaTypeOf(headerOf(answer, "content-type"));
      if (type !== `application/x-${service}-advertisement`) {
        await discard(answer);
        throw notGit(facts, type, this.#options.role);
      }
      // A move within the origin is followed for good; to another origin only when the caller said so.
      if (origin === location.origin || followRedirect) [this.#origin, this.#base] = [origin, base];
      return answer;
    }
  }

  async #send(request: SentRequest, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const { dispatchers, location, userAgent, meter, auth } = this.#options;
    if (signal.aborted) throw abortedError(signal);
    this.#auth ??= checkedAuth(await auth(false, signal), this.#options.role);
    const isHome = request.origin === location.origin;
    const skipTls = isHome && this.#auth.skipTlsVerify === true;
    const dispatcher = request.fresh ? dispatchers.fresh(skipTls) : dispatchers.shared(skipTls);
    const body = request.body?.() ?? null;
    if (body instanceof Uint8Array) meter.sent(body.length);
    try {
      return await dispatcher.request({
        method: request.method,
        origin: request.origin,
        path: request.path,
        headers: {
          "user-agent": userAgent,
          ...request.headers,
          ...(request.method === "POST" && this.#options.gitProtocol !== undefined
            ? { "git-protocol": this.#options.gitProtocol }
            : {}),
          ...(isHome ? authorization(this.#auth) : {}),
        },
        body,
        signal,
        headersTimeout: request.answerTimeoutMs,
        bodyTimeout: request.answerTimeoutMs,
        highWaterMark: READ_AHEAD_BYTES,
      });
    } catch (error) {
      throw requestError(error, request.facts, signal);
    }
  }

  /** Ask for other credentials after a refusal; false when there are none. */
  async #renewAuth(signal: AbortSignal): Promise<boolean> {
    const before = this.#auth;
    const renewed = checkedAuth(await this.#options.auth(true, signal), this.#options.role);
    this.#auth = renewed;
    const header = authorization(renewed)["authorization"];
    return header !== undefined && header !== authorization(before ?? {})["authorization"];
  }

  #bodyOf(body: RequestBody, stall: StallGuard): Uint8Array | Readable {
    if (body.pack === undefined) return body.head;
    const { meter } = this.#options;
    return Readable.from(stall.watch(metered(body.head, body.pack, meter, stall.signal)), {
      objectMode: false,
      highWaterMark: 512 * 1024,
    });
  }

  async *#received(
    body: AsyncIterable<Uint8Array>,
    facts: RequestFacts,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const { meter } = this.#options;
    try {
      for await (const chunk of body) {
        meter.received(chunk.length);
        yield chunk;
      }
    } catch (error) {
      throw requestError(error, facts, signal);
    }
  }

  async #refusal(answer: Dispatcher.ResponseData, facts: RequestFacts): Promise<SyncError> {
    const isText = mediaTypeOf(headerOf(answer, "content-type")) === "text/plain";
    const text = isText ? withoutSecrets(await startOf(answer.body), this.#auth ?? {}) : "";
    await discard(answer);
    const error = statusError(answer.statusCode, facts, headerOf(answer, "retry-after"), text);
    const hadSecret = authorization(this.#auth ?? {})["authorization"] !== undefined;
    if (answer.statusCode !== 401 || hadSecret) return error;
    return new SyncError(
      "AUTH_REQUIRED",
      `The ${facts.side} asks for credentials: ${facts.url}`,
      error.details,
    );
  }

  #facts(phase: string): RequestFacts {
    return { side: this.#options.role, url: `${this.#origin}${this.#base}`, phase };
  }
}

function lengthHeader(body: RequestBody): Readonly<Record<string, string>> {
  if (body.pack?.kind === "stream") return {};
  return { "content-length": String(body.head.length + (body.pack?.byteLength ?? 0)) };
}

async function* metered(
  head: Uint8Array,
  pack: PackBody,
  meter: TrafficMeter,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  meter.sent(head.length);
  yield head;
  for await (const chunk of pack.chunks) {
    signal.throwIfAborted();
    meter.sent(chunk.length);
    yield chunk;
  }
}

function headerOf(answer: Dispatcher.ResponseData, name: string): string | undefined {
  const value = answer.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function notGit(facts: RequestFacts, type: string, role: EndpointRole): SyncError {
  return new SyncError(
    "NOT_A_REPOSITORY",
    `The ${role} did not answer as a git server: ${facts.url} sent ${type === "" ? "no content type" : type}`,
    { side: role, url: facts.url, contentType: type },
  );
}

async function startOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= MAX_ERROR_BYTES) break;
  }
  return Buffer.concat(chunks).toString("utf8").slice(0, MAX_ERROR_BYTES);
}

/** Read a small rest so that the connection can be reused, or drop the connection. */
async function discard(answer: Dispatcher.ResponseData): Promise<void> {
  await answer.body.dump({ limit: MAX_ERROR_BYTES }).catch(() => answer.body.destroy());
}
