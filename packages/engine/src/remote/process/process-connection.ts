/**
 * git's conversation with a child process that serves a local repository. Stateful: one child serves the
 * listing and what follows, and a new one is started when git's grammar ends a conversation.
 */

import { AdvertisementDecoder, ProtocolError, type Advertisement, type GitService } from "@gitsync/protocol";
import type { EndpointRole } from "../../auth.ts";
import { SyncError } from "../../errors.ts";
import type { ResolvedLimits } from "../../options.ts";
import type { GitConnection, RequestBody, TrafficMeter } from "../connection.ts";
import { abortedError } from "../http/http-failure.ts";
import { releaseGathered } from "../gather.ts";
import { withIdleLimit } from "../idle-limit.ts";
import { releaseBytes } from "../release-bytes.ts";
import { GitChild, type ChildEnvironment } from "./git-child.ts";

export interface ProcessConnectionOptions {
  readonly service: GitService;
  readonly role: EndpointRole;
  /** What to show of the repository. */
  readonly label: string;
  /** Arguments of git that start the service. */
  readonly args: readonly string[];
  readonly environment: ChildEnvironment;
  readonly limits: ResolvedLimits;
  readonly meter: TrafficMeter;
}

/** How long a receive-pack whose input broke off may take to remove what it had unpacked. */
const TIDY_UP_MS = 2_000;

interface Session {
  readonly child: GitChild;
  readonly chunks: AsyncIterator<Uint8Array>;
  readonly advertisement: Advertisement;
}

export class ProcessConnection implements GitConnection {
  readonly service: GitService;
  readonly stateless = false;
  readonly #options: ProcessConnectionOptions;
  #session: Session | undefined;
  #said = "";

  constructor(options: ProcessConnectionOptions) {
    this.#options = options;
    this.service = options.service;
  }

  async open(signal: AbortSignal): Promise<Advertisement> {
    await this.close();
    return (await this.#start(signal)).advertisement;
  }

  async *exchange(body: RequestBody, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    const session = this.#session ?? (await this.#start(signal));
    // Only protocol v2 takes another command after this one.
    const endsSession = session.advertisement.version !== 2;
    const stop = (): void => void this.#stop(session.child);
    signal.addEventListener("abort", stop, { once: true });
    // The child exits after its last answer; until then the answer is read while the request is written.
    const failures: unknown[] = [];
    let isSending = true;
    const sent = this.#write(session.child, body, endsSession, signal)
      .catch((error: unknown) => {
        failures.push(error);
        return this.#stop(session.child);
      })
      .finally(() => {
        isSending = false;
      });
    try {
      for (;;) {
        const pending = session.chunks.next();
        // The clock starts when everything is sent: a large push may take hours to send.
        if (isSending) await Promise.race([pending, sent]);
        const next = await withIdleLimit(pending, this.#patienceMs, () => this.#silent());
        if (next.done === true) break;
        this.#options.meter.received(next.value.length);
        yield next.value;
        releaseBytes(next.value);
      }
      await sent;
      if (failures.length > 0) throw failures[0];
    } catch (error) {
      if (signal.aborted) throw abortedError(signal);
      throw failures[0] ?? error;
    } finally {
      signal.removeEventListener("abort", stop);
      if (endsSession || failures.length > 0 || signal.aborted) await this.close();
    }
  }

  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    if (session === undefined) return;
    // An upload-pack has nothing to finish, and may be in the middle of a pack that nobody wants any more.
    if (this.service === "git-upload-pack") await this.#stop(session.child);
    else await session.child.finish("0000");
    this.#said = session.child.stderrText();
  }

  said(): string {
    return this.#said;
  }

  #stop(child: GitChild): Promise<void> {
    return child.stop(this.service === "git-receive-pack" ? TIDY_UP_MS : 0);
  }

  /** How long the child may be silent, or read nothing, while it is its turn. */
  get #patienceMs(): number {
    const { pushAnswerTimeoutMs, idleTimeoutMs } = this.#options.limits;
    return this.service === "git-receive-pack" ? pushAnswerTimeoutMs : idleTimeoutMs;
  }

  async #start(signal: AbortSignal): Promise<Session> {
    if (signal.aborted) throw abortedError(signal);
    const { service, role, args, environment, limits, meter } = this.#options;
    const child = new GitChild(args, environment);
    const stop = (): void => void child.stop();
    signal.addEventListener("abort", stop, { once: true });
    meter.request(`${role} ${service} info-refs`);
    const chunks: AsyncIterator<Uint8Array> = child.stdout[Symbol.asyncIterator]();
    const decoder = new AdvertisementDecoder({
      service,
      smartHttp: false,
      limits: { maxRefs: limits.maxRefs, maxAdvertisementBytes: limits.maxListingBytes },
    });
    try {
      for (;;) {
        const next = await withIdleLimit(chunks.next(), limits.idleTimeoutMs, () => this.#silent());
        if (next.done === true) break;
        meter.received(next.value.length);
        if (decoder.feed(next.value)) break;
      }
      this.#session = { child, chunks, advertisement: decoder.finish() };
      return this.#session;
    } catch (error) {
      await child.stop();
      if (signal.aborted) throw abortedError(signal);
      throw await this.#startFailure(child, error);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  async #write(child: GitChild, body: RequestBody, isLast: boolean, signal: AbortSignal): Promise<void> {
    await this.#writeChunk(child, body.head);
    if (body.pack !== undefined) {
      for await (const chunk of body.pack.chunks) {
        signal.throwIfAborted();
        // A child that gave up has said why, or its exit will; the rest of the pack need not be fetched.
        if (!(await this.#writeChunk(child, chunk, body.pack.kind === "stream"))) return;
      }
    }
    if (isLast && this.service === "git-receive-pack") child.stdin.end();
  }

  /** Resolves when the child took enough of it to be given more; with false when it reads no longer. */
  async #writeChunk(child: GitChild, chunk: Uint8Array, isOurs = false): Promise<boolean> {
    const { stdin } = child;
    if (stdin.destroyed) return false;
    this.#options.meter.sent(chunk.length);
    if (stdin.write(chunk, isOurs ? () => releaseGathered(chunk) : undefined)) return true;
    await withIdleLimit(
      new Promise<void>((resolve) => {
        const done = (): void => {
          stdin.off("drain", done);
          stdin.off("close", done);
          resolve();
        };
        stdin.on("drain", done);
        stdin.on("close", done);
      }),
      this.#patienceMs,
      () => this.#silent(),
    );
    return !stdin.destroyed;
  }

  #silent(): SyncError {
    const { role, label, service } = this.#options;
    return new SyncError("REMOTE_TIMEOUT", `The ${role} went silent during ${service}: ${label}`, {
      side: role,
      url: label,
    });
  }

  async #startFailure(child: GitChild, error: unknown): Promise<unknown> {
    if (error instanceof SyncError) return error;
    await child.exit();
    const { role, label } = this.#options;
    const said = child.stderrText();
    const details = { side: role, url: label };
    if (said.includes("cannot start git")) {
      return new SyncError("LOCAL_FAILED", `Cannot run git for the ${role}: ${said}`, details, {
        cause: error,
      });
    }
    if (said !== "" && error instanceof ProtocolError) {
      const code = /does not appear to be a git repository|not a git repository|invalid gitfile format/u.test(
        said,
      )
        ? "NOT_A_REPOSITORY"
        : "LOCAL_FAILED";
      return new SyncError(code, `Cannot open the ${role} ${label}: ${said}`, details, { cause: error });
    }
    return error;
  }
}
