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
import { git, GIT_ENVIRONMENT } from "./git.ts";

/** What happens to one request instead of, or on top of, git's own answer. Positions count body bytes. */
export type HttpFault =
  | {
      /** Answer without asking git. */
      readonly type: "answer";
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string | Uint8Array;
      /** Read the request to its end first: an answer that comes earlier may be lost with the connection. */
      readonly afterBody?: boolean;
    }
  /** Send the client elsewhere: 302 unless another status is given. */
  | { readonly type: "redirect"; readonly location: string; readonly status?: number }
  /** End the answer in good order after `at` bytes, as a server does that lost its backend. */
  | { readonly type: "truncate"; readonly at: number }
  /** Reset the connection after `at` bytes of the answer. */
  | { readonly type: "reset"; readonly at: number }
  /** Invert the bits of byte `at` of the answer. */
  | { readonly type: "flip"; readonly at: number }
  /** Send the answer in pieces of `bytes`, one every `everyMs`. */
  | { readonly type: "drip"; readonly bytes: number; readonly everyMs: number }
  /** Send `at` bytes of the answer and then nothing more, with the connection open. */
  | { readonly type: "stall"; readonly at: number }
  /** Let git do all of its work, then reset the connection without a word of its answer. */
  | { readonly type: "reset-after-work" }
  /** Reset the connection after `at` bytes of the request have been given to git. */
  | { readonly type: "reset-upload"; readonly at: number }
  /** Replace what git answers, and reset the connection after it if asked to. */
  | { readonly type: "rewrite"; readonly rewrite: (body: Buffer) => Uint8Array; readonly reset?: boolean };

/** A request as it arrived. */
export interface RecordedRequest {
  readonly method: string;
  /** Path without query: `/a.git/git-upload-pack`. */
  readonly path: string;
  readonly query: string;
  /** `git-upload-pack` or `git-receive-pack`; empty for anything else. */
  readonly service: string;
  /** Whether it lists (GET) or does work (POST). */
  readonly isListing: boolean;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The first 64 KiB of the request's body, as sent. Complete once {@link NodeGitServer.idle} resolves. */
  body: Buffer;
  requestBytes: number;
  responseBytes: number;
  /** Set when the answer begins. */
  status: number;
}

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
      await download(answer.body(), response, request, fault, recorded);
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

function record(request: IncomingMessage): RecordedRequest {
  const { pathname, search } = new URL(request.url ?? "/", "http://host");
  const service =
    /git-(?:upload|receive)-pack/.exec(search)?.[0] ?? /git-(?:upload|receive)-pack$/.exec(pathname)?.[0];
  return {
    method: request.method ?? "",
    path: pathname,
    query: search.slice(1),
    service: service ?? "",
    isListing: request.method === "GET",
    headers: Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [
        name,
        Array.isArray(value) ? value.join(", ") : value,
      ]),
    ),
    body: Buffer.alloc(0),
    requestBytes: 0,
    responseBytes: 0,
    status: 0,
  };
}

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

/** Send the answer's body to the client, broken as the fault says. */
async function download(
  body: AsyncIterable<Buffer>,
  response: ServerResponse,
  request: IncomingMessage,
  fault: HttpFault | undefined,
  recorded: RecordedRequest,
): Promise<void> {
  const { socket } = request;
  const gone = response.destroyed ? Promise.resolve([]) : once(response, "close");
  const write = async (chunk: Uint8Array): Promise<void> => {
    recorded.responseBytes += chunk.length;
    if (chunk.length > 0 && !response.write(chunk)) {
      await Promise.race([once(response, "drain"), gone]);
    }
    if (response.destroyed) throw new Error("the client has left");
  };
  const stopAt =
    fault?.type === "truncate" || fault?.type === "reset" || fault?.type === "stall" ? fault.at : Infinity;
  const whole: Buffer[] = [];
  for await (const chunk of body) {
    const room = stopAt - recorded.responseBytes;
    if (fault?.type === "rewrite") whole.push(chunk);
    else if (fault?.type === "flip") await write(flip(chunk, fault.at - recorded.responseBytes));
    else if (fault?.type === "drip") await drip(chunk, fault, write, response);
    else await write(chunk.subarray(0, room));
    if (chunk.length >= room) break;
  }
  if (fault?.type === "rewrite") await write(fault.rewrite(Buffer.concat(whole)));
  if (fault?.type === "reset" || (fault?.type === "rewrite" && fault.reset === true)) {
    // What was written must reach the client before the reset does.
    await Promise.race([gone, new Promise((resolve) => socket.write("", resolve))]);
    socket.resetAndDestroy();
  } else if (fault?.type === "stall" && recorded.responseBytes >= stopAt) {
    await gone;
  } else {
    response.end();
  }
}

function flip(chunk: Buffer, at: number): Uint8Array {
  if (at < 0 || at >= chunk.length) return chunk;
  const broken = Buffer.from(chunk);
  broken[at] = ~(chunk[at] ?? 0) & 0xff;
  return broken;
}

async function drip(
  chunk: Buffer,
  { bytes, everyMs }: Extract<HttpFault, { readonly type: "drip" }>,
  write: (piece: Uint8Array) => Promise<void>,
  response: ServerResponse,
): Promise<void> {
  for (let at = 0; at < chunk.length && !response.destroyed; at += bytes) {
    await write(chunk.subarray(at, at + bytes));
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** A CGI program's output: header lines, an empty line, the body. */
class CgiAnswer {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest = Buffer.alloc(0);

  constructor(stdout: AsyncIterable<Buffer>) {
    this.#chunks = stdout[Symbol.asyncIterator]();
  }

  async head(): Promise<{ readonly status: number; readonly headers: Record<string, string> }> {
    for (;;) {
      const end = this.#rest.indexOf("\r\n\r\n");
      if (end >= 0) {
        const lines = this.#rest.toString("latin1", 0, end).split("\r\n");
        this.#rest = this.#rest.subarray(end + 4);
        return parseHead(lines);
      }
      const { done, value } = await this.#chunks.next();
      if (done) return { status: 500, headers: {} };
      this.#rest = Buffer.concat([this.#rest, value]);
    }
  }

  /** Read what is left and forget it. */
  async drain(): Promise<void> {
    for (;;) {
      const { done } = await this.#chunks.next();
      if (done) return;
    }
  }

  async *body(): AsyncGenerator<Buffer> {
    if (this.#rest.length > 0) yield this.#rest;
    for (;;) {
      const { done, value } = await this.#chunks.next();
      if (done) return;
      yield value;
    }
  }
}

function parseHead(lines: readonly string[]): { status: number; headers: Record<string, string> } {
  const headers: Record<string, string> = {};
  let status = 200;
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === "status") status = Number.parseInt(value, 10);
    else headers[name] = value;
  }
  return { status, headers };
}
