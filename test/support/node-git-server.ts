/**
 * A small CGI host of real `git http-backend` that records requests and breaks answers on demand,
 * for faults that a sound server does not produce.
 */

import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { CgiAnswer } from "./cgi-answer.ts";
import { git, GIT_ENVIRONMENT } from "./git.ts";
import { sendBroken, type HttpFault } from "./http-fault.ts";
import { record, type RecordedRequest } from "./recorded-request.ts";

/** Decides about one request; may first change a repository. No fault: git answers. */
export type HttpIntercept = (
  request: RecordedRequest,
) => HttpFault | undefined | void | Promise<HttpFault | undefined | void>;

export interface NodeGitServerOptions {
  /** Basic authentication for every request. */
  readonly auth?: { readonly username: string; readonly password: string };
  /** Allow pushes. Default: true. */
  readonly receivePack?: boolean;
  /** Called for each request that is allowed in. */
  readonly intercept?: HttpIntercept;
  /** Whether git is told what a request asks for in `Git-Protocol`, which some hosts and proxies drop. Default: yes. */
  readonly hearsGitProtocol?: (request: RecordedRequest) => boolean;
}

export interface NodeGitServer extends AsyncDisposable {
  /** `http://127.0.0.1:<port>`, no slash at the end. */
  readonly url: string;
  readonly port: number;
  /** Every request, oldest first. */
  readonly requests: readonly RecordedRequest[];
  /** Replace what happens to requests; nothing: git answers all. */
  intercept(intercept?: HttpIntercept): void;
  forgetRequests(): void;
  /** Resolves when no request is being answered and no git process is left. */
  idle(): Promise<void>;
}

const RECORDED_BODY_BYTES = 64 * 1024;

/** Serve the bare repositories under `root`: `<root>/a.git` is `<url>/a.git`. */
export async function startNodeGitServer(
  root: string,
  options: NodeGitServerOptions = {},
): Promise<NodeGitServer> {
  const host = new CgiHost(root, options);
  const server = createServer((request, response) => host.take(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    get requests() {
      return host.requests;
    },
    intercept: (intercept) => {
      host.intercept = intercept;
    },
    forgetRequests: () => {
      host.requests = [];
    },
    idle: () => host.idle(),
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await host.idle();
      await closed;
    },
  };
}

class CgiHost {
  readonly #root: string;
  readonly #options: NodeGitServerOptions;
  readonly #underWay = new Set<Promise<void>>();
  requests: RecordedRequest[] = [];
  intercept: HttpIntercept | undefined;

  constructor(root: string, options: NodeGitServerOptions) {
    this.#root = root;
    this.#options = options;
    this.intercept = options.intercept;
  }

  take(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request; // The request forgets it when the client leaves.
    const work = this.#answer(request, response).catch(() => {
      // The client left, or a fault cut the connection: both are what a test wanted to see.
      socket.destroy();
    });
    this.#underWay.add(work);
    void work.then(() => this.#underWay.delete(work));
  }

  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const recorded = record(request);
    this.requests.push(recorded);
    response.once("close", () => {
      recorded.status = response.statusCode;
    });
    const send = (
      status: number,
      headers: Readonly<Record<string, string>>,
      body: string | Uint8Array,
    ): void => {
      request.resume();
      response.writeHead(status, headers).end(body);
    };
    if (!this.#isAllowed(request)) {
      return send(401, { "www-authenticate": 'Basic realm="git"' }, "who are you?\n");
    }
    const fault = (await this.intercept?.(recorded)) ?? undefined;
    if (fault?.type === "answer" && fault.afterBody === true) await once(request.resume(), "close");
    if (fault?.type === "answer") return send(fault.status, fault.headers ?? {}, fault.body ?? "");
    if (fault?.type === "redirect") return send(fault.status ?? 302, { location: fault.location }, "");
    await this.#askGit(recorded, fault, request, response);
  }

  async #askGit(
    recorded: RecordedRequest,
    fault: Exclude<HttpFault, { readonly type: "answer" | "redirect" }> | undefined,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const { socket } = request;
    const child = spawn(await backendPath(), {
      env: cgiEnvironment(recorded, request, this.#root, this.#options),
      stdio: ["pipe", "pipe", "ignore"],
    });
    const closed = once(child, "close");
    // When the client leaves, upload-pack sees its output closed. receive-pack has its output read to the end:
    // told by a signal, stock git may leave its quarantine behind.
    const isPush = recorded.service === "git-receive-pack";
    if (!isPush) response.once("close", () => child.stdout.destroy());
    const uploaded = upload(request, child, fault, recorded);
    const answer = new CgiAnswer(child.stdout);
    try {
      const { status, headers } = await answer.head();
      if (fault?.type === "reset-after-work") {
        await answer.drain();
        await closed;
        socket.resetAndDestroy();
        return;
      }
      response.writeHead(status, headers);
      await sendBroken(answer.body(), response, request, fault, recorded);
    } finally {
      child.stdin.destroy();
      if (isPush) await answer.drain();
      child.stdout.destroy();
      await uploaded;
      await closed;
    }
  }

  #isAllowed(request: IncomingMessage): boolean {
    const { auth } = this.#options;
    if (auth === undefined) return true;
    const expected = Buffer.from(`${auth.username}:${auth.password}`).toString("base64");
    return request.headers.authorization === `Basic ${expected}`;
  }
}

let backend: Promise<string> | undefined;

function backendPath(): Promise<string> {
  backend ??= git(["--exec-path"]).then((folder) => join(folder, "git-http-backend"));
  return backend;
}

type Backend = ChildProcessByStdio<Writable, Readable, null>;

function cgiEnvironment(
  recorded: RecordedRequest,
  request: IncomingMessage,
  root: string,
  { receivePack = true, hearsGitProtocol = () => true }: NodeGitServerOptions,
): Record<string, string> {
  const { headers } = request;
  const given = (name: string, value: string | undefined): Record<string, string> =>
    value === undefined ? {} : { [name]: value };
  return {
    ...GIT_ENVIRONMENT,
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: "1",
    PATH_INFO: decodeURIComponent(recorded.path),
    QUERY_STRING: recorded.query,
    REQUEST_METHOD: recorded.method,
    REMOTE_ADDR: "127.0.0.1",
    ...(receivePack ? { REMOTE_USER: "git-sync" } : {}),
    ...given("CONTENT_TYPE", headers["content-type"]),
    ...given("CONTENT_LENGTH", headers["content-length"]),
    ...given("HTTP_CONTENT_ENCODING", headers["content-encoding"]),
    ...given("HTTP_GIT_PROTOCOL", hearsGitProtocol(recorded) ? recorded.headers["git-protocol"] : undefined),
  };
}

/** Give the request's body to git. Ends early without complaint when git stops reading or the client leaves. */
async function upload(
  request: IncomingMessage,
  child: Backend,
  fault: HttpFault | undefined,
  recorded: RecordedRequest,
): Promise<void> {
  const { socket } = request;
  let isComplete = false;
  const cutAt = fault?.type === "reset-upload" ? fault.at : Infinity;
  // Node forgets a request that was answered before its end: nobody would hear that its client left.
  const leave = (): void => void request.destroy();
  socket.once("close", leave);
  async function* watched(): AsyncGenerator<Uint8Array> {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      const kept = Math.max(0, RECORDED_BODY_BYTES - recorded.body.length);
      if (kept > 0) recorded.body = Buffer.concat([recorded.body, chunk.subarray(0, kept)]);
      const room = cutAt - recorded.requestBytes;
      recorded.requestBytes += chunk.length;
      yield chunk.subarray(0, room);
      if (chunk.length >= room) {
        socket.resetAndDestroy();
        return;
      }
    }
    isComplete = true;
  }
  await pipeline(watched(), child.stdin).catch(() => undefined);
  socket.off("close", leave);
  // Told a length, http-backend reads on for ever at the end of its input (git 2.39); web servers end it.
  // Killed alone: receive-pack then sees the end of its input and tidies up.
  if (!isComplete && request.headers["content-length"] !== undefined) child.kill("SIGKILL");
}
