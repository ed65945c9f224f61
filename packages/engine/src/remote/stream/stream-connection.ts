/**
 * git's conversation over a stream: with a child process, through ssh, with a daemon or a helper. Stateful: one
 * session serves the listing and what follows, and a new one is opened when git's grammar ends a conversation, or
 * when the other side ended it while nobody was asking.
 */

import { setTimeout as wait } from "node:timers/promises";
import {
  AdvertisementDecoder,
  ProtocolError,
  type DecodedAdvertisement,
  type GitService,
} from "@gitsync/protocol";
import type { EndpointRole } from "../../auth.ts";
import { SyncError } from "../../errors.ts";
import type { ResolvedLimits } from "../../options.ts";
import type { GitConnection, RequestBody, TrafficMeter } from "../connection.ts";
import { abortedError, connectionError } from "../connection-failure.ts";
import { releaseGathered } from "../gather.ts";
import { withIdleLimit } from "../idle-limit.ts";
import { PaceWatch, takingBudgetMs } from "../pace.ts";
import { protocolFailure } from "../protocol-failure.ts";
import { releaseBytes } from "../release-bytes.ts";
import { markFailed, type StartExchangeSpan } from "../../spans.ts";
import type { Channel, OpenChannel } from "./channel.ts";
import { Incoming } from "./incoming.ts";

export interface StreamConnectionOptions {
  readonly service: GitService;
  readonly role: EndpointRole;
  /** What to show of the repository. */
  readonly label: string;
  readonly openChannel: OpenChannel;
  /** A service on this machine may be held up by a slow disk; one behind a network may not. */
  readonly isLocal: boolean;
  readonly limits: ResolvedLimits;
  readonly meter: TrafficMeter;
  readonly startSpan: StartExchangeSpan;
}

/** How long a receive-pack whose input broke off may take to remove what it had unpacked. */
const TIDY_UP_MS = 2_000;
/** How long a service that closed its output may take to end, and so to say why. */
const END_WITHIN_MS = 2_000;

interface Session {
  readonly channel: Channel;
  readonly incoming: Incoming;
  readonly advertisement: DecodedAdvertisement;
}

export class StreamConnection implements GitConnection {
  readonly service: GitService;
  readonly stateless = false;
  readonly #options: StreamConnectionOptions;
  #session: Session | undefined;
  #said = "";

  constructor(options: StreamConnectionOptions) {
    this.#options = options;
    this.service = options.service;
  }

  async open(signal: AbortSignal): Promise<DecodedAdvertisement> {
    await this.close();
    const span = this.#options.startSpan();
    try {
      return (await this.#start(signal)).advertisement;
    } catch (error) {
      markFailed(span, error);
      throw error;
    } finally {
      span.end();
    }
  }

  async *exchange(body: RequestBody, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    const span = this.#options.startSpan();
    try {
      yield* this.#ask(body, signal);
    } catch (error) {
      markFailed(span, error);
      throw error;
    } finally {
      span.end();
    }
  }

  async *#ask(body: RequestBody, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    // Servers and firewalls end connections that are silent, as ours to the target is while the source counts.
    if (this.#session?.incoming.hasEnded === true) await this.close();
    const session = this.#session ?? (await this.#start(signal));
    // Only protocol v2 takes another command after this one.
    const endsSession = session.advertisement.version !== 2;
    const stop = (): void => void this.#stop(session.channel);
    signal.addEventListener("abort", stop, { once: true });
    // The service ends after its last answer; until then the answer is read while the request is written.
    const failures: unknown[] = [];
    let isSending = true;
    let hasEnded = false;
    const sent = this.#write(session.channel, body, endsSession, signal)
      .catch((error: unknown) => {
        failures.push(error);
        return this.#stop(session.channel);
      })
      .finally(() => {
        isSending = false;
      });
    try {
      for (;;) {
        const pending = session.incoming.next();
        // The clock starts when everything is sent: a large push may take hours to send.
        if (isSending) await Promise.race([pending, sent]);
        const next = await withIdleLimit(pending, this.#patienceMs, () => this.#silent());
        if (next.done === true) break;
        this.#options.meter.received(next.value.length);
        yield next.value;
        releaseBytes(next.value);
      }
      hasEnded = true;
      await sent;
      if (failures.length > 0) throw failures[0];
      await endOf(session.channel);
      const failure = session.channel.failure("talking");
      if (failure !== undefined) throw failure;
    } catch (error) {
      if (signal.aborted) throw abortedError(signal);
      throw this.#typed(failures[0] ?? error, signal);
    } finally {
      signal.removeEventListener("abort", stop);
      if (endsSession || hasEnded || failures.length > 0 || signal.aborted) await this.close();
    }
  }

  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    if (session === undefined) return;
    // An upload-pack has nothing to finish, and may be in the middle of a pack that nobody wants any more.
    if (this.service === "git-upload-pack") await this.#stop(session.channel);
    else await session.channel.finish("0000");
    this.#said = session.channel.said();
  }

  said(): string {
    return this.#said;
  }

  #stop(channel: Channel): Promise<void> {
    return channel.stop(this.service === "git-receive-pack" ? TIDY_UP_MS : 0);
  }

  /** How long the service may be silent while it is its turn. */
  get #patienceMs(): number {
    const { pushAnswerTimeoutMs, idleTimeoutMs } = this.#options.limits;
    return this.service === "git-receive-pack" ? pushAnswerTimeoutMs : idleTimeoutMs;
  }

  async #start(signal: AbortSignal): Promise<Session> {
    if (signal.aborted) throw abortedError(signal);
    const { service, role, limits, meter, openChannel } = this.#options;
    meter.request(`${role} ${service} info-refs`);
    let channel: Channel;
    try {
      channel = await openChannel(signal);
    } catch (error) {
      throw this.#typed(error, signal);
    }
    const stop = (): void => void channel.stop();
    signal.addEventListener("abort", stop, { once: true });
    const incoming = new Incoming(channel.output);
    const decoder = new AdvertisementDecoder({
      service,
      smartHttp: false,
      limits: { maxRefs: limits.maxRefs, maxAdvertisementBytes: limits.maxListingBytes },
    });
    const pace = new PaceWatch(limits);
    let hasEnded = false;
    try {
      for (;;) {
        pace.ask();
        const next = await withIdleLimit(incoming.next(), limits.idleTimeoutMs, () => this.#silent());
        hasEnded = next.done === true;
        if (next.done === true) break;
        meter.received(next.value.length);
        if (decoder.feed(next.value)) break;
        if (!pace.keeps(next.value.length)) throw this.#silent("was too slow");
      }
      const advertisement = decoder.finish();
      incoming.watch();
      this.#session = { channel, incoming, advertisement };
      return this.#session;
    } catch (error) {
      // Left to end by itself it says why.
      if (hasEnded) await endOf(channel);
      await channel.stop();
      throw (signal.aborted ? undefined : channel.failure("opening")) ?? this.#typed(error, signal);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  async #write(channel: Channel, body: RequestBody, isLast: boolean, signal: AbortSignal): Promise<void> {
    await this.#writeChunk(channel, body.head);
    if (body.pack !== undefined) {
      for await (const chunk of body.pack.chunks) {
        signal.throwIfAborted();
        // A service that gave up has said why, or its end will; the rest of the pack need not be fetched.
        if (!(await this.#writeChunk(channel, chunk, body.pack.kind === "stream"))) return;
      }
    }
    if (isLast && channel.endsInput && this.service === "git-receive-pack") channel.input.end();
  }

  /** Resolves when the service took enough of it to be given more; with false when it reads no longer. */
  async #writeChunk(channel: Channel, chunk: Uint8Array, isOurs = false): Promise<boolean> {
    const { input } = channel;
    if (input.destroyed) return false;
    const { isLocal, limits, meter } = this.#options;
    meter.sent(chunk.length);
    const budgetMs = isLocal ? limits.pushAnswerTimeoutMs : takingBudgetMs(chunk.length, limits);
    if (input.write(chunk, isOurs ? () => releaseGathered(chunk) : undefined)) return true;
    await withIdleLimit(
      new Promise<void>((resolve) => {
        const done = (): void => {
          input.off("drain", done);
          input.off("close", done);
          resolve();
        };
        input.on("drain", done);
        input.on("close", done);
      }),
      budgetMs,
      () => this.#silent("stopped reading"),
    );
    return !input.destroyed;
  }

  #silent(what = "went silent"): SyncError {
    const { role, label, service } = this.#options;
    return new SyncError("REMOTE_TIMEOUT", `The ${role} ${what} during ${service}: ${label}`, {
      side: role,
      url: label,
    });
  }

  /** What a socket or a look-up threw, as a typed error; everything else as it is. */
  #typed(error: unknown, signal: AbortSignal): unknown {
    if (signal.aborted) return abortedError(signal);
    const { role, label, service } = this.#options;
    if (error instanceof ProtocolError) {
      // A greeting tells its reader at once what is wrong; nothing of ours was sent that it could repeat.
      return error.code === "NOT_GIT" ? protocolFailure(error, role, label, error.excerpt) : error;
    }
    if (!(error instanceof Error) || !("code" in error)) return error;
    return connectionError(error, { side: role, url: label, phase: service }, signal);
  }
}

/** Resolves when the channel ended, or has had long enough to. */
async function endOf(channel: Channel): Promise<void> {
  const enough = new AbortController();
  const late = wait(END_WITHIN_MS, undefined, { signal: enough.signal }).catch(() => undefined);
  await Promise.race([channel.ended(), late]);
  enough.abort();
}
