/** Servers that never come to the end of a TLS handshake, or make it as large as they can. */

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { resolve } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { beforeAll, describe, expect, test } from "vitest";
import { makeCertificates } from "../../support/certificates.ts";
import { outcomeOf, startScript } from "../../support/process.ts";
import { describeWith } from "../../support/requirements.ts";
import { temporaryFolder, type TemporaryFolder } from "../../support/temporary-folder.ts";
import type { ProbeAnswer, ProbeTask } from "../support/probe-process.ts";

const MIB = 1024 * 1024;
const SCRIPT = resolve(import.meta.dirname, "../support/probe-process.ts");
const TIMEOUT_MS = 2_000;
const LIMITS = { connectTimeoutMs: TIMEOUT_MS, idleTimeoutMs: 60_000 };

const HANDSHAKE = 22;
const ALERT = 21;
const CHANGE_CIPHER_SPEC = 20;

/** A record of TLS 1.2 or 1.3, in the clear. */
function record(type: number, body: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(type, 3, 3, body.length >> 8, body.length & 0xff), body]);
}

/** The beginning of a handshake message that says that it has so many bytes. */
function messageHead(type: number, length: number): Buffer {
  return Buffer.of(type, length >> 16, (length >> 8) & 0xff, length & 0xff);
}

/** What a server of TLS 1.2 says first: a cipher that everybody has, and safe renegotiation. */
const SERVER_HELLO = record(
  HANDSHAKE,
  Buffer.concat([
    messageHead(2, 45),
    Buffer.of(3, 3),
    Buffer.alloc(32, 7),
    Buffer.of(0, 0xc0, 0x2b, 0, 0, 5, 0xff, 1, 0, 1, 0),
  ]),
);
const FULL_RECORD = record(HANDSHAKE, Buffer.alloc(16_384, 0x30));

/** What a server writes without end, after a beginning. */
const FLOODS: Readonly<Record<string, readonly [beginning: Uint8Array, rest: Uint8Array]>> = {
  "bytes that are no TLS": [Buffer.of(), Buffer.alloc(65_536, "no TLS ")],
  "a greeting of 16 MiB": [record(HANDSHAKE, messageHead(2, 0xffffff)), FULL_RECORD],
  "certificates of 16 MiB": [
    Buffer.concat([SERVER_HELLO, record(HANDSHAKE, messageHead(11, 0xffffff))]),
    FULL_RECORD,
  ],
  "a ticket before the greeting": [record(HANDSHAKE, messageHead(4, 0xffffff)), FULL_RECORD],
  "records of nothing": [Buffer.of(), Buffer.alloc(50_000, record(HANDSHAKE, Buffer.of()))],
  warnings: [Buffer.of(), Buffer.alloc(70_000, record(ALERT, Buffer.of(1, 90)))],
  "changes of cipher": [Buffer.of(), Buffer.alloc(60_000, record(CHANGE_CIPHER_SPEC, Buffer.of(1)))],
  "changes of cipher after its greeting": [
    SERVER_HELLO,
    Buffer.alloc(60_000, record(CHANGE_CIPHER_SPEC, Buffer.of(1))),
  ],
};

/** Listens, and lets `answer` speak when the client has greeted. */
async function listen(server: Server): Promise<{ readonly url: string } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => sockets.add(socket.on("error", () => undefined)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return {
    url: `https://127.0.0.1:${address.port}/a.git`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

const speaking = (answer: (socket: Socket) => void): Server =>
  createServer((socket) => void socket.once("data", () => answer(socket)));

/** In a process of its own, so that its memory is nobody else's. */
async function probe(task: Omit<ProbeTask, "limits">): Promise<readonly ProbeAnswer[]> {
  await using running = startScript(SCRIPT, [JSON.stringify({ limits: LIMITS, ...task })]);
  const { code, stdout, stderr } = await outcomeOf(running);
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as ProbeAnswer[];
}

const HARMLESS = {
  remedy: expect.stringMatching(/\S/u),
  longestMs: expect.toSatisfy((milliseconds: number) => milliseconds < TIMEOUT_MS + 8_000),
  growthBytes: expect.toSatisfy((bytes: number) => bytes < 48 * MIB),
  keptBytes: expect.toSatisfy((bytes: number) => bytes < MIB),
};

/** Writes for ever, as fast as it is read. */
function flood(socket: Socket, [beginning, rest]: readonly [Uint8Array, Uint8Array]): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(rest));
  };
  socket.write(beginning);
  socket.on("drain", more);
  more();
}

describe("a server that answers a greeting of TLS", () => {
  const answers = new Map<string, ProbeAnswer>();
  beforeAll(async () => {
    await using stack = new AsyncDisposableStack();
    const urls: string[] = [];
    for (const parts of Object.values(FLOODS)) {
      urls.push(stack.use(await listen(speaking((socket) => flood(socket, parts)))).url);
    }
    const all = await probe({ urls, times: 3 });
    Object.keys(FLOODS).forEach((what, index) => all[index] && answers.set(what, all[index]));
  }, 60_000);

  test.for(Object.keys(FLOODS))("with %s, without end, is left at once", (what) => {
    expect(answers.get(what)).toMatchObject({ ...HARMLESS, code: "PROTOCOL_INVALID" });
  });

  test("with nothing, or drop by drop, is given up in time", async () => {
    await using silent = await listen(speaking(() => undefined));
    await using dripping = await listen(
      speaking((socket) => {
        let at = 0;
        const timer = setInterval(() => socket.write(FULL_RECORD.subarray(at, (at += 1))), 20);
        socket.once("close", () => clearInterval(timer));
      }),
    );
    const told = await probe({ urls: [silent.url, dripping.url], times: 1 });
    expect(told).toMatchObject(told.map(() => ({ ...HARMLESS, code: "REMOTE_TIMEOUT" })));
  });
});

describeWith(["openssl"], "a certificate", () => {
  /** A TLS server whose chain is its own certificate and then its authority's, so many bytes of it. */
  async function serve(folder: TemporaryFolder, bytes: number) {
    const { key, certificate, authority } = await makeCertificates(folder, "tls");
    const ca = readFileSync(authority, "utf8");
    const cert = readFileSync(certificate, "utf8") + ca.repeat(Math.ceil(bytes / ca.length));
    return { ca, server: await listen(createTlsServer({ key: readFileSync(key), cert })) };
  }

  test("with a chain of megabytes is not read to its end, even from an authority that is believed", async () => {
    await using folder = temporaryFolder("tls");
    const { ca, server } = await serve(folder, 4 * MIB);
    await using _ = server;
    const [answer] = await probe({ urls: [server.url], times: 3, ca });
    expect(answer).toMatchObject({ ...HARMLESS, code: "PROTOCOL_INVALID" });
  });

  test("of nobody, shown again and again, leaves nothing behind", { timeout: 60_000 }, async () => {
    await using folder = temporaryFolder("tls");
    // About as long a chain as is read at all.
    const { server } = await serve(folder, 60_000);
    await using _ = server;
    const [answer] = await probe({ urls: [server.url], times: 200 });
    expect(answer).toMatchObject({ ...HARMLESS, code: "TLS_UNTRUSTED" });
  });
});
