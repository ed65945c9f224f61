/**
 * Sends requests of one connection: with the credentials of the origin they go to, again with others after a 401,
 * again when a kept connection turned out to be gone, and again after the wait that a busy server asks for.
 */

import { setTimeout as wait } from "node:timers/promises";
import type { Readable } from "node:stream";
import { isSyncError, SyncError } from "../../errors.ts";
import type { ResolvedLimits } from "../../options.ts";
import type { TrafficMeter } from "../connection.ts";
import { abortedError, connectionError, type RequestFacts } from "../connection-failure.ts";
import { hasSecret, type Credentials } from "../credentials.ts";
import { authorization } from "./authorization.ts";
import { dispatchRequest } from "./dispatch-request.ts";
import type { GuardedDispatchers } from "./guarded-dispatcher.ts";
import { HttpAnswer } from "./http-answer.ts";
import { parseRetryAfter } from "./http-failure.ts";

export interface HttpRequest {
  readonly method: "GET" | "POST";
  readonly origin: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Made anew for each try; `sent` is called when the transport took its last byte. */
  readonly body?: (sent: () => void) => Uint8Array | Readable;
  /** From the last byte of the request to the answer's head. */
  readonly answerTimeoutMs: number;
  /** `push`: over a connection of its own, and never sent again after it may have had an effect. */
  readonly purpose: "read" | "push";
  /** The body can be made again. */
  readonly isReplayable: boolean;
  /** Credentials may be asked for when this origin wants some. */
  readonly mayAskCredentials: boolean;
  readonly facts: RequestFacts;
}

export interface HttpSenderOptions {
  readonly dispatchers: GuardedDispatchers;
  readonly credentials: Credentials;
  readonly userAgent: string;
  readonly limits: ResolvedLimits;
  readonly meter: TrafficMeter;
}

/** How often one request waits for a busy server. */
const MAX_WAITS = 3;

export class HttpSender {
  readonly #options: HttpSenderOptions;

  constructor(options: HttpSenderOptions) {
    this.#options = options;
  }

  /**
   * The answer, whatever its status.
   *
   * @throws {SyncError} when there is none.
   */
  async send(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    let hasRenewed = false;
    let hasReconnected = false;
    for (let waits = 0; ; this.#options.meter.repeated()) {
      let answer: HttpAnswer;
      try {
        answer = await this.#sendOnce(request, signal);
      } catch (error) {
        if (hasReconnected || request.purpose === "push" || !isConnectionGone(error)) throw error;
        hasReconnected = true;
        continue;
      }
      if (answer.status === 401) await this.#options.credentials.settle(answer.auth, "refused");
      if (!request.isReplayable) return answer;
      if (answer.status === 401 && !hasRenewed && (await this.#renew(request, answer, signal))) {
        hasRenewed = true;
        await answer.discard();
        continue;
      }
      const waitMs = this.#waitAskedBy(answer, request);
      if (waitMs === undefined || waits >= MAX_WAITS) return answer;
      waits += 1;
      await answer.discard();
      await wait(waitMs, undefined, { signal }).catch(() => {
        throw abortedError(signal);
      });
    }
  }

  /** The answer was what it should be: whoever keeps credentials may keep these. */
  async accept(answer: HttpAnswer): Promise<void> {
    await this.#options.credentials.settle(answer.auth, "accepted");
  }

  async #renew(request: HttpRequest, answer: HttpAnswer, signal: AbortSignal): Promise<boolean> {
    if (!request.mayAskCredentials) return false;
    const { auth, challenges } = answer;
    const refused = hasSecret(auth) ? auth : undefined;
    return this.#options.credentials.renew({ origin: request.origin, refused, challenges }, signal);
  }

  /** How long a server that is busy asks to be left alone, if we have that much time. */
  #waitAskedBy(answer: HttpAnswer, { purpose }: HttpRequest): number | undefined {
    // A push that was answered 503 may be under way behind the server that answered.
    if (answer.status !== 429 && (answer.status !== 503 || purpose === "push")) return undefined;
    const asked = answer.header("retry-after");
    const waitMs = asked === undefined ? undefined : parseRetryAfter(asked, Date.now());
    return waitMs !== undefined && waitMs <= this.#options.limits.maxRetryAfterMs ? waitMs : undefined;
  }

  async #sendOnce(request: HttpRequest, outer: AbortSignal): Promise<HttpAnswer> {
    const { dispatchers, credentials, userAgent, meter } = this.#options;
    if (outer.aborted) throw abortedError(outer);
    const auth = await credentials.current(request.origin, outer);
    const deadline = answerDeadline(request);
    const signal = AbortSignal.any([outer, deadline.signal]);
    const body = request.body?.(deadline.start) ?? null;
    const isWhole = body === null || body instanceof Uint8Array;
    if (isWhole) {
      meter.sent(body?.length ?? 0);
      deadline.start();
    }
    const dispatcher = request.purpose === "push" ? dispatchers.fresh(auth) : dispatchers.shared(auth);
    try {
      const response = await dispatchRequest(
        dispatcher,
        {
          method: request.method,
          origin: request.origin,
          path: request.path,
          headers: { "user-agent": userAgent, ...request.headers, ...authorization(auth) },
          body,
          headersTimeout: request.answerTimeoutMs,
          bodyTimeout: request.answerTimeoutMs,
        },
        signal,
      );
      return new HttpAnswer(response, auth, request.facts, meter, signal);
    } catch (error) {
      throw connectionError(error, request.facts, signal);
    } finally {
      deadline.stop();
    }
  }
}

/** Ends the wait for an answer's head, which informational answers (1xx) would keep alive for ever. */
function answerDeadline({ answerTimeoutMs, facts }: HttpRequest): {
  readonly signal: AbortSignal;
  readonly start: () => void;
  readonly stop: () => void;
} {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const late = (): void =>
    controller.abort(
      new SyncError(
        "REMOTE_TIMEOUT",
        `The ${facts.side} did not answer ${facts.phase} within ${answerTimeoutMs} ms: ${facts.url}`,
        { side: facts.side, url: facts.url, phase: facts.phase },
      ),
    );
  return {
    signal: controller.signal,
    start: () => {
      if (!isOver) timer ??= setTimeout(late, answerTimeoutMs);
    },
    stop: () => {
      isOver = true;
      clearTimeout(timer);
    },
  };
}

const GONE = ["ECONNRESET", "EPIPE", "UND_ERR_SOCKET"];

/** A connection that was kept open and that the other side had closed meanwhile. */
function isConnectionGone(error: unknown): boolean {
  return isSyncError(error) && GONE.includes(String(error.details["reason"]));
}
