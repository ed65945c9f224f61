/**
 * A git daemon: one TCP connection, one packet that names service and path, then git's own conversation.
 *
 * No user, no encryption. Source: git-daemon(1); gitprotocol-pack(5), "Git Transport".
 */

import type { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { encodeDaemonRequest, type GitService } from "@gitsync/protocol";
import type { AddressPolicy } from "../../egress/address-policy.ts";
import { connectGuarded } from "../../egress/guarded-socket.ts";
import type { SyncError } from "../../errors.ts";
import { DAEMON_PORT, type DaemonLocation } from "../../location/location.ts";
import type { ResolvedLimits } from "../../options.ts";
import type { Channel, OpenChannel } from "../stream/channel.ts";

export interface DaemonServiceOptions {
  readonly service: GitService;
  readonly location: DaemonLocation;
  /** `version=2` or another extra parameter. */
  readonly gitProtocol: string | undefined;
  readonly policy: AddressPolicy;
  readonly limits: ResolvedLimits;
}

/** How long a daemon may take to hang up after the goodbye. */
const FINISH_WITHIN_MS = 5_000;

export function daemonService(options: DaemonServiceOptions): OpenChannel {
  const { service, location, gitProtocol, policy, limits } = options;
  const { hostname, port, path } = location;
  return async (signal) => {
    const request = encodeDaemonRequest({
      service,
      path,
      host: hostname,
      ...(port === DAEMON_PORT ? {} : { port }),
      extraParameters: gitProtocol === undefined ? [] : [gitProtocol],
    });
    const socket = await connectGuarded(
      { hostname, port, policy, timeoutMs: limits.connectTimeoutMs },
      signal,
    );
    socket.setNoDelay(true);
    // A peer that vanished without a word is noticed while nothing is sent.
    socket.setKeepAlive(true, limits.idleTimeoutMs);
    socket.write(request);
    return new DaemonChannel(socket);
  };
}

class DaemonChannel implements Channel {
  readonly input: Writable;
  readonly output: Readable;
  readonly endsInput = false;
  readonly #socket: Socket;
  readonly #closed: Promise<unknown>;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.input = socket;
    this.output = socket;
    // Whoever reads sees the error, too; between two reads nobody listens.
    socket.on("error", () => {});
    this.#closed = new Promise((resolve) => socket.once("close", resolve));
  }

  async ended(): Promise<void> {
    await this.#closed;
  }

  async finish(goodbye: string): Promise<void> {
    if (!this.#socket.destroyed) {
      this.#socket.end(goodbye);
      this.#socket.removeAllListeners("readable");
      this.#socket.resume();
      const timer = setTimeout(() => this.#socket.destroy(), FINISH_WITHIN_MS);
      await this.#closed;
      clearTimeout(timer);
    }
  }

  async stop(): Promise<void> {
    this.#socket.destroy();
    await this.#closed;
  }

  said(): string {
    return "";
  }

  failure(): SyncError | undefined {
    return undefined;
  }
}
