/** A session of ours and a service of stock git, connected: by pipes, by a socket, or by HTTP requests. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import type { Duplex, Readable, Writable } from "node:stream";
import {
  encodeDaemonRequest,
  type FetchSession,
  type GitService,
  gitProtocolHeader,
  type HttpRequest,
  mediaTypeOf,
  type PushSession,
  type SessionTransport,
} from "@gitsync/protocol";
import { GIT_ENVIRONMENT } from "../../support/git.ts";

type Version = 0 | 1 | 2;

export interface Line {
  readonly transport: SessionTransport;
  /** What was asked over HTTP, oldest first. */
  readonly requests: readonly HttpRequest[];
  /** HTTP: greet in another version than the session asks for, as a header on the way may. */
  greetIn(version: Version): void;
  /** Let both speak until the session waits for its caller, or is over. `pack` is sent where one is due. */
  converse(session: FetchSession | PushSession, pack?: Uint8Array): Promise<void>;
  /** Nothing more will be said. Throws when the server ended otherwise than well. */
  hangUp(): Promise<void>;
}

/** Speak to a child process over its pipes, as ssh would have it do. */
export function processLine(service: GitService, repository: string, version: Version): Line {
  const child = spawn("git", [service.replace("git-", ""), repository], {
    env: { ...GIT_ENVIRONMENT, ...(version === 0 ? {} : { GIT_PROTOCOL: gitProtocolHeader(version) }) },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const closed = once(child, "close");
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
  return streamLine(child.stdout, child.stdin, async () => {
    const [status] = await closed;
    if (status !== 0) throw new Error(`${service} ended with ${status}: ${complaint}`);
  });
}

/** Speak to a daemon over a socket. */
export function daemonLine(service: GitService, url: string, version: Version): Line {
  const { hostname, port, pathname } = new URL(url);
  const socket: Duplex = connect(Number(port), hostname);
  const closed = once(socket, "close");
  socket.write(
    encodeDaemonRequest({
      service,
      path: pathname,
      host: hostname,
      port: Number(port),
      ...(version === 0 ? {} : { extraParameters: [gitProtocolHeader(version)] }),
    }),
  );
  return streamLine(socket, socket, async () => void (await closed));
}

function streamLine(input: Readable, output: Writable, ended: () => Promise<void>): Line {
  const chunks: AsyncIterator<Uint8Array> = input.iterator({ destroyOnReturn: false });
  // Who stops reading says why in what it writes, or in its status.
  output.on("error", () => undefined);
  return {
    transport: "stateful",
    requests: [],
    greetIn: () => undefined,
    async converse(session, pack) {
      let unsent = pack;
      for (;;) {
        const bytes = session.takeBytes();
        if (bytes !== undefined) output.write(bytes);
        if (unsent !== undefined && "packSent" in session && session.state === "packfile") {
          // Not waited for: the server may want to be heard before it reads on.
          output.write(unsent, () => session.packSent());
          unsent = undefined;
        }
        if (!session.receiving) return;
        const { done, value } = await chunks.next();
        if (done === true) session.end();
        else session.feed(value);
      }
    },
    async hangUp() {
      output.end();
      for (;;) {
        const { done, value } = await chunks.next();
        if (done === true) break;
        throw new Error(`said after the end: ${Buffer.from(value).toString("latin1").slice(0, 100)}`);
      }
      await ended();
    },
  };
}

/** Speak over HTTP. Packs are sent chunked, or with their length. */
export function httpLine(url: string, upload: "chunked" | "length"): Line {
  const requests: HttpRequest[] = [];
  let greeting: Version | undefined;
  const answerTo = async (request: HttpRequest, pack: Uint8Array | undefined): Promise<Response> => {
    requests.push(request);
    const { method, path, headers, body } = request;
    const whole = body === undefined ? undefined : Buffer.concat([body, pack ?? Buffer.alloc(0)]);
    const isChunked = upload === "chunked" && request.packFollows;
    const response = await fetch(url + path, {
      method,
      headers: greeting === undefined || method === "POST" ? headers : { ...headers, ...versioned(greeting) },
      ...(whole === undefined ? {} : { body: isChunked ? new Blob([whole]).stream() : whole }),
      ...(isChunked ? { duplex: "half" } : {}),
    });
    const type = mediaTypeOf(response.headers.get("content-type") ?? "");
    if (response.status !== 200 || type !== request.answerType) {
      throw new Error(`${method} ${path}: ${response.status} ${type}`);
    }
    return response;
  };
  return {
    transport: "stateless",
    requests,
    greetIn: (version) => (greeting = version),
    async converse(session, pack) {
      for (;;) {
        const request = session.takeRequest();
        if (request === undefined) return;
        const response = await answerTo(request, request.packFollows ? pack : undefined);
        if (request.packFollows && "packSent" in session) session.packSent();
        for await (const chunk of response.body ?? []) session.feed(chunk);
        session.end();
      }
    },
    hangUp: () => Promise.resolve(),
  };
}

function versioned(version: Version): Record<string, string> {
  return version === 0 ? {} : { "Git-Protocol": gitProtocolHeader(version) };
}
