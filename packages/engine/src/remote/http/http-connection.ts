/**
 * Smart HTTP: one GET for the advertisement, one POST per request.
 *
 * Only the first GET follows redirects. A secret goes to the origins it is for and to no other.
 * Source: gitprotocol-http(5).
 */

import { promisify } from "node:util";
import { gzip } from "node:zlib";
import {
  AdvertisementDecoder,
  advertisementContentType,
  FLUSH_PKT,
  infoRefsPath,
  requestContentType,
  resultContentType,
  servicePath,
  type DecodedAdvertisement,
  type GitService,
} from "@gitsync/protocol";
import type { EndpointAuth, EndpointRole } from "../../auth.ts";
import { monotonicNow } from "../../clock.ts";
import { SyncError } from "../../errors.ts";
import type { HttpLocation } from "../../location/location.ts";
import type { ResolvedLimits } from "../../options.ts";
import type { GitConnection, RequestBody, TrafficMeter } from "../connection.ts";
import type { RequestFacts } from "../connection-failure.ts";
import { hasSecret, type Credentials } from "../credentials.ts";
import { PaceWatch } from "../pace.ts";
import type { GuardedDispatchers } from "./guarded-dispatcher.ts";
import type { HttpAnswer } from "./http-answer.ts";
import { HttpSender, type HttpRequest } from "./http-sender.ts";
import { notAListing } from "./not-git.ts";
import { redirectedBase } from "./redirect.ts";
import { lengthHeader, streamedBody } from "./request-body.ts";
import { guardStall } from "./stall-guard.ts";

export interface HttpConnectionOptions {
  readonly service: GitService;
  readonly role: EndpointRole;
  readonly location: HttpLocation;
  /** `version=2` or another value for the Git-Protocol header; none for receive-pack, as git does. */
  readonly gitProtocol: string | undefined;
  readonly followRedirect: boolean;
  readonly dispatchers: GuardedDispatchers;
  readonly credentials: Credentials;
  readonly userAgent: string;
  readonly limits: ResolvedLimits;
  readonly meter: TrafficMeter;
}

const MAX_REDIRECTS = 3;
/** Requests up to this size gain nothing by being compressed: git's own limit. */
const COMPRESS_FROM_BYTES = 1_024;

/** How long credentials that a server took are sent with a body that cannot be sent again, untried. */
const PROOF_HOLDS_MS = 60_000;

const compress = promisify(gzip);

export class HttpConnection implements GitConnection {
  readonly service: GitService;
  readonly stateless = true;
  readonly #options: HttpConnectionOptions;
  readonly #sender: HttpSender;
  /** Where requests go; moved by a redirect that the caller allowed. */
  #origin: string;
  #base: string;
  /** What the server answered; later requests name just this. */
  #version: DecodedAdvertisement["version"] = 0;
  /** Some servers cannot read compressed requests. */
  #mayCompress = true;
  /** Credentials that the server took, and until when that is believed. */
  #proven: { readonly auth: EndpointAuth; readonly untilMs: number } | undefined;
  /** Those that a push was refused with: a listing that takes them proves nothing of the next one. */
  #refused: EndpointAuth | undefined;

  constructor(options: HttpConnectionOptions) {
    this.#options = options;
    this.#sender = new HttpSender(options);
    this.service = options.service;
    this.#origin = options.location.origin;
    this.#base = options.location.path;
  }

  async open(signal: AbortSignal): Promise<DecodedAdvertisement> {
    const { service, limits } = this.#options;
    this.#options.meter.request(`${this.#options.role} ${service} info-refs`);
    const answer = await this.#list(signal);
    const decoder = new AdvertisementDecoder({
      service,
      smartHttp: true,
      limits: { maxRefs: limits.maxRefs, maxAdvertisementBytes: limits.maxListingBytes },
    });
    const pace = new PaceWatch(limits);
    for await (const chunk of answer.chunks()) {
      if (decoder.feed(chunk)) break;
      if (!pace.keeps(chunk.length)) throw this.#tooSlow("info/refs");
      pace.ask();
    }
    const advertisement = decoder.finish();
    await this.#accept(answer);
    this.#version = advertisement.version;
    return advertisement;
  }

  exchange(body: RequestBody, signal: AbortSignal): AsyncIterable<Uint8Array> {
    let chunks: AsyncIterableIterator<Uint8Array, void, undefined> | undefined;
    const first = async (): Promise<IteratorResult<Uint8Array, void>> => {
      chunks = (await this.#answerTo(body, signal)).chunks();
      const next = await chunks.next();
      if (next.done === true && this.#version === 2) throw this.#headerLost(this.#facts(this.service));
      return next;
    };
    const iterator: AsyncIterator<Uint8Array, void, undefined> = {
      next: () => chunks?.next() ?? first(),
      return: async () => (await chunks?.return?.()) ?? { done: true, value: undefined },
    };
    return { [Symbol.asyncIterator]: () => iterator };
  }

  /** The answer to a request, once its head says that git answers. */
  async #answerTo({ head, pack }: RequestBody, outer: AbortSignal): Promise<HttpAnswer> {
    const { role, limits } = this.#options;
    const facts = this.#facts(this.service);
    if (pack?.kind === "stream") await this.#provePush(outer);
    const stall = guardStall(outer, limits, facts.url);
    const answer =
      pack === undefined
        ? await this.#ask(head, facts, outer)
        : await this.#sender.send(
            {
              ...this.#post(facts),
              headers: { ...this.#postHeaders(), ...lengthHeader(head, pack) },
              body: (sent) => streamedBody(head, pack, this.#options.meter, stall, sent),
              isReplayable: pack.kind === "complete",
            },
            stall.signal,
          );
    if (answer.status === 401) this.#refused = answer.auth;
    if (answer.status !== 200) throw await answer.refusal();
    if (answer.mediaType === "text/html") {
      throw notGit(role, facts.url, notAListing(answer.mediaType, await answer.excerpt()));
    }
    return answer;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  said(): string {
    return "";
  }

  /** GET info/refs, following at most {@link MAX_REDIRECTS} redirects. */
  async #list(signal: AbortSignal): Promise<HttpAnswer> {
    const { location, service, limits, followRedirect, gitProtocol, role } = this.#options;
    const facts = this.#facts("info/refs");
    let { origin, path: base } = location;
    for (let hops = 0; ; hops += 1) {
      const answer = await this.#sender.send(
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
          purpose: "read",
          isReplayable: true,
          mayAskCredentials: origin === location.origin || followRedirect,
          facts,
        },
        signal,
      );
      const { status } = answer;
      if (status >= 300 && status < 400 && status !== 304 && hops < MAX_REDIRECTS) {
        const to = answer.header("location");
        await answer.discard();
        ({ origin, base } = redirectedBase(
          to,
          { origin, base, service, hadSecret: hasSecret(answer.auth) },
          facts,
        ));
        continue;
      }
      if (status !== 200) throw await answer.refusal();
      if (answer.mediaType !== advertisementContentType(service)) {
        throw notGit(role, facts.url, notAListing(answer.mediaType, await answer.excerpt()));
      }
      // A move within the origin is followed for good; to another origin only when the caller said so.
      if (origin === location.origin || followRedirect) [this.#origin, this.#base] = [origin, base];
      return answer;
    }
  }

  /** POST a question, compressed when it is long and the server can read it. */
  async #ask(head: Uint8Array, facts: RequestFacts, signal: AbortSignal): Promise<HttpAnswer> {
    const send = (bytes: Uint8Array, encoding: Readonly<Record<string, string>>): Promise<HttpAnswer> =>
      this.#sender.send(
        {
          ...this.#post(facts),
          headers: { ...this.#postHeaders(), ...encoding, "content-length": String(bytes.length) },
          body: () => bytes,
          isReplayable: true,
        },
        signal,
      );
    const isCompressed =
      this.#mayCompress && this.service === "git-upload-pack" && head.length > COMPRESS_FROM_BYTES;
    if (!isCompressed) return send(head, {});
    const answer = await send(await compress(head), { "content-encoding": "gzip" });
    if (answer.status !== 400 && answer.status !== 415) return answer;
    await answer.discard();
    this.#mayCompress = false;
    this.#options.meter.repeated();
    return send(head, {});
  }

  async #accept(answer: HttpAnswer): Promise<void> {
    if (hasSecret(answer.auth)) {
      this.#proven = { auth: answer.auth, untilMs: monotonicNow() + PROOF_HOLDS_MS };
    }
    await this.#sender.accept(answer);
  }

  /**
   * Before a body that cannot be sent again: a push of nothing shows whether the credentials will do, as git does
   * it (http.postBuffer, git-config(1)). Only a refusal of them counts; what else it answers says nothing.
   */
  async #provePush(signal: AbortSignal): Promise<void> {
    const auth = await this.#options.credentials.current(this.#origin, signal);
    const isProven = this.#proven?.auth === auth && monotonicNow() < this.#proven.untilMs;
    if (isProven && auth !== this.#refused) return;
    const answer = await this.#ask(FLUSH_PKT, this.#facts(this.service), signal);
    this.#options.meter.repeated();
    if (answer.status === 401) throw await answer.refusal();
    if (answer.status === 200) await this.#accept(answer);
    await answer.discard();
  }

  #post(facts: RequestFacts): Omit<HttpRequest, "headers" | "isReplayable"> {
    const { service, limits } = this.#options;
    const isPush = service === "git-receive-pack";
    return {
      method: "POST",
      origin: this.#origin,
      path: `${this.#base}${servicePath(service)}`,
      answerTimeoutMs: isPush ? limits.pushAnswerTimeoutMs : limits.idleTimeoutMs,
      purpose: isPush ? "push" : "read",
      mayAskCredentials: true,
      facts,
    };
  }

  #postHeaders(): Readonly<Record<string, string>> {
    const { service } = this.#options;
    return {
      "content-type": requestContentType(service),
      accept: resultContentType(service),
      // A server that answered v0 to the first request would not understand a later one in another version.
      ...(this.#version === 0 ? {} : { "git-protocol": `version=${this.#version}` }),
    };
  }

  #facts(phase: string): RequestFacts {
    return { side: this.#options.role, url: `${this.#origin}${this.#base}`, phase };
  }

  #tooSlow(phase: string): SyncError {
    const { side, url } = this.#facts(phase);
    return new SyncError("REMOTE_TIMEOUT", `The ${side} was too slow during ${phase}: ${url}`, { side, url });
  }

  #headerLost({ side, url }: RequestFacts): SyncError {
    return new SyncError(
      "PROTOCOL_INVALID",
      `The ${side} offered protocol v2 and answered a request in it with nothing: ${url}. A proxy may remove the Git-Protocol header from POST requests; protocol v1 does without`,
      { side, url, reason: "git-protocol-header-lost" },
    );
  }
}

function notGit(role: EndpointRole, url: string, why: string): SyncError {
  return new SyncError("NOT_A_REPOSITORY", `The ${role} did not answer as a git server: ${url} ${why}`, {
    side: role,
    url,
  });
}
