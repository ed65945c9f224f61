/**
 * A git server made of `@gitsync/protocol`'s server side, with repositories in memory, over HTTP and git:// at once.
 *
 * It is sound by itself: stock git clones, fetches and pushes. As a peer for tests it can also be anything else:
 * - `capabilities` offers less, or other things, than the repository's policy leads to; `maxVersion` speaks an older
 *   version than was asked for;
 * - `intercept` sees each message before it is sent (`ServerMessageKind`), and may send other bytes in its place, none,
 *   or the same twice, cut the connection inside it, or fall silent;
 * - `hooks` refuse pushes or speak to the user as a repository's owner would;
 * - `requests` tells what clients asked for, decoded.
 *
 * ```ts
 * await using server = await startProtocolServer({ "/a.git": repository });
 * server.options.intercept = ({ kind, bytes }) =>
 *   kind === "acknowledgments" ? Buffer.concat([encodeNak(), bytes]) : undefined;
 * ```
 */

import { once } from "node:events";
import type { Server, Socket } from "node:net";
import { Conversation, ConversationCut } from "./protocol-server/conversation.ts";
import { type Hold, httpRim } from "./protocol-server/http-rim.ts";
import { ReceivePackService } from "./protocol-server/receive-pack-service.ts";
import type { ServedRepository } from "./protocol-server/served-repository.ts";
import type { RecordedRequest, ServiceOptions } from "./protocol-server/service-options.ts";
import { tcpRim } from "./protocol-server/tcp-rim.ts";
import { UploadPackService } from "./protocol-server/upload-pack-service.ts";

export {
  exportRepository,
  importRepository,
  refreshRepository,
  shallowOf,
} from "./protocol-server/import-and-export.ts";
export { type RepositoryPolicy, ServedRepository } from "./protocol-server/served-repository.ts";
export type { ServiceOptions } from "./protocol-server/service-options.ts";

export interface ProtocolServer extends AsyncDisposable {
  /** `http://127.0.0.1:<port>` and `git://127.0.0.1:<port>`, no slash at the end. */
  readonly httpUrl: string;
  readonly gitUrl: string;
  /** May be replaced at any time; counts for conversations that begin later. */
  options: ServiceOptions;
  /** What clients asked for, oldest first. */
  readonly requests: readonly RecordedRequest[];
  /** What went wrong on our side; a client that left is not among it. */
  readonly failures: readonly unknown[];
  forgetRequests(): void;
}

/** Serve repositories by path: `/a.git` is at `<httpUrl>/a.git` and `<gitUrl>/a.git`. */
export async function startProtocolServer(
  repositories: Readonly<Record<string, ServedRepository>>,
  options: ServiceOptions = {},
): Promise<ProtocolServer> {
  const requests: RecordedRequest[] = [];
  const failures: unknown[] = [];
  const state = { options };
  const hold: Hold = async (topic, wire, part) => {
    const repository = repositories[topic.path];
    if (repository === undefined) throw new Error(`no repository ${topic.path}`);
    const version = atMost(topic.version, state.options.maxVersion ?? 2);
    const conversation = new Conversation({ ...topic, version }, wire, state.options, requests);
    const Service = topic.service === "git-upload-pack" ? UploadPackService : ReceivePackService;
    const service = new Service(repository, conversation);
    if (part !== "serve") await service.advertise();
    if (part !== "advertise") await service.serve();
  };
  const watched: Hold = async (topic, wire, part) => {
    let isGone = false;
    void wire.closed.then(() => (isGone = true));
    await hold(topic, wire, part).catch((error: unknown) => {
      if (!(error instanceof ConversationCut) && !isGone && !hasLeft(error)) failures.push(error);
      throw error;
    });
  };
  const isThere = (path: string): boolean => repositories[path] !== undefined;
  const http = httpRim(watched, isThere);
  const tcp = tcpRim(watched, isThere);
  const sockets = new Set<Socket>();
  tcp.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  const httpPort = await listen(http);
  const gitPort = await listen(tcp);
  return {
    httpUrl: `http://127.0.0.1:${httpPort}`,
    gitUrl: `git://127.0.0.1:${gitPort}`,
    requests,
    failures,
    get options() {
      return state.options;
    },
    set options(changed) {
      state.options = changed;
    },
    forgetRequests: () => void requests.splice(0),
    async [Symbol.asyncDispose]() {
      http.closeAllConnections();
      for (const socket of sockets) socket.destroy();
      await Promise.all([http, tcp].map((server) => close(server)));
    },
  };
}

function atMost(asked: 0 | 1 | 2, max: 0 | 1 | 2): 0 | 1 | 2 {
  return asked > max ? max : asked;
}

/** A connection that ends while it is read or written is the client's doing. */
function hasLeft(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error ? error.code : undefined;
  return error.message === "the client has left" || code === "ECONNRESET" || code === "EPIPE";
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}

async function close(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  await closed;
}
