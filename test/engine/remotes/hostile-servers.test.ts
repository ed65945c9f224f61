/** Servers and addresses that mean harm: what they are told, how long they are heard, and what they cannot reach. */

import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import type { SyncError, SyncEvent, SyncResult } from "@gitsync/engine";
import { encodePack } from "@gitsync/protocol";
import { describe, expect, test } from "vitest";
import { git } from "../../support/git.ts";
import type { HttpIntercept } from "../../support/git-server.ts";
import { noise } from "../../support/noise.ts";
import { commit, leftoversOf, refsOf } from "../../support/repository.ts";
import { answerWith, packOf } from "../fetch-answers.ts";
import { failureOf } from "../two-sides.ts";
import { openScriptedHost, type ScriptedHost } from "./scripted-host.ts";

const MIB = 1024 * 1024;

const openRig = (intercept?: HttpIntercept): Promise<ScriptedHost> =>
  openScriptedHost(intercept === undefined ? {} : { intercept }, { bestEffort: true });

interface RawServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** Connections so far, and all that came over them. */
  readonly connections: number;
  readonly received: string;
}

/** Speaks whatever `answer` writes once the first bytes of a request came. */
async function startRaw(answer: (socket: Socket) => void, host = "127.0.0.1"): Promise<RawServer> {
  let connections = 0;
  let received = "";
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    connections += 1;
    sockets.add(socket.on("error", () => undefined));
    socket.on("data", (chunk) => void (received += chunk.toString("latin1")));
    socket.once("data", () => answer(socket));
  }).listen(0, host);
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return {
    port: address.port,
    url: `http://127.0.0.1:${address.port}/a.git`,
    get connections() {
      return connections;
    },
    get received() {
      return received;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** Writes for ever, as fast as it is read. */
function flood(socket: Socket, chunk: Uint8Array): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.on("drain", more);
  more();
}

function pkt(text: string): string {
  return `${(text.length + 4).toString(16).padStart(4, "0")}${text}`;
}

const LISTING_TYPE = "Content-Type: application/x-git-upload-pack-advertisement\r\n";
const LISTING = `${pkt("# service=git-upload-pack\n")}0000${pkt(`${"1".repeat(40)} refs/heads/main\0agent=x\n`)}0000`;

describe("an address that leads inside", () => {
  const HOSTS = [
    "127.0.0.1",
    "127.1",
    "0x7f.1",
    "0x7f000001",
    "2130706433",
    "0177.0.0.1",
    "017700000001",
    "127.0.0.1.",
    "localhost",
    "localhost.",
    "LOCALHOST",
    "0.0.0.0",
    "0",
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[::1%25lo]",
    "a@127.0.0.1",
    "a:b@127.0.0.1",
    "example.com@127.0.0.1",
    "127.0.0.1%00.example.com",
    "127.0.0.1%2eexample.com",
    "127.0.0.1\\.example.com",
    "１２７.０.０.１",
    "127。0。0。1",
    "loc\nalhost",
    "ⓛocalhost",
  ];
  const SCHEMES = ["http", "https", "git", "ssh"];

  test.for(SCHEMES)(
    "is not connected to over %s, however it is spelled",
    { timeout: 60_000 },
    async (scheme) => {
      await using rig = await openRig();
      await using four = await startRaw(() => undefined);
      const egress = { addresses: "public", schemes: [...SCHEMES, "file"] } as const;
      const outcomes = await Promise.all(
        HOSTS.map(async (host) => {
          const url = `${scheme}://${host}:${four.port}/a.git`;
          const limits = { connectTimeoutMs: 5_000 };
          const failure = await failureOf(rig.run(url, rig.target, { egress, limits }));
          return [host, failure.code] as const;
        }),
      );
      // What no resolver takes for an address is a name that leads nowhere.
      const allowed = new Set(["EGRESS_DENIED", "URL_INVALID", "REMOTE_UNREACHABLE", "REMOTE_TIMEOUT"]);
      expect(outcomes.filter(([, code]) => !allowed.has(code))).toEqual([]);
      expect(outcomes.find(([host]) => host === "127.0.0.1")?.[1]).toBe("EGRESS_DENIED");
      expect(outcomes.find(([host]) => host === "localhost")?.[1]).toBe("EGRESS_DENIED");
      expect(four.connections).toBe(0);
    },
  );

  test.for([
    "http://127.0.0.1:PORT/a%0d%0aHost:%20b/c.git",
    "http://127.0.0.1:PORT/a\r\nX: y/c.git",
    "http://127.0.0.1:PORT/a%00b",
    "http://127.0.0.1:PORT/a b",
    "http://127.0.0.1:PORT/a?x=1",
    "git://127.0.0.1:PORT/a%0aSLAVEOF%20b",
    "git://127.0.0.1:PORT/a\nb",
    "git://127.0.0.1:PORT/a%00host=b",
  ])("%j writes no line of its own", async (template) => {
    await using rig = await openRig();
    await using raw = await startRaw((socket) => socket.end());
    const failure = await failureOf(rig.run(template.replace("PORT", String(raw.port)), rig.target));
    expect(failure.code).toBe("URL_INVALID");
    expect(raw.connections).toBe(0);
  });

  test.for(["ext::sh -c touch% OUT", "EXT::sh -c touch% OUT", "ext://x", "fd::7", "Fd::0"])(
    "%j runs nothing, even where every helper is allowed",
    async (template) => {
      await using rig = await openRig();
      const egress = { addresses: "any", helpers: "any" } as const;
      const failure = await failureOf(
        rig.run(template.replace("OUT", rig.folder.join("out")), rig.target, { egress }),
      );
      expect(failure.code).toBe("TRANSPORT_UNSUPPORTED");
    },
  );
});

describe("a server that does not keep to HTTP", () => {
  const limits = { idleTimeoutMs: 1_000, connectTimeoutMs: 1_000 };
  const ANSWERS: readonly (readonly [string, (socket: Socket) => void, readonly string[]])[] = [
    [
      "informs without end and never answers",
      (socket) => {
        const timer = setInterval(() => socket.write("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"), 20);
        socket.once("close", () => clearInterval(timer));
      },
      ["REMOTE_TIMEOUT"],
    ],
    [
      "sends headers of 20 KB",
      (socket) => void socket.write(`HTTP/1.1 200 OK\r\nX: ${"x".repeat(20_000)}\r\n\r\n`),
      ["PROTOCOL_INVALID", "REMOTE_UNREACHABLE"],
    ],
    [
      "sends headers without end",
      (socket) => {
        socket.write("HTTP/1.1 200 OK\r\n");
        flood(socket, Buffer.from(`X: ${"x".repeat(1_000)}\r\n`.repeat(10)));
      },
      ["PROTOCOL_INVALID", "REMOTE_UNREACHABLE"],
    ],
    [
      "gives a length and chunks at once",
      (socket) =>
        void socket.write(
          `HTTP/1.1 200 OK\r\n${LISTING_TYPE}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
        ),
      ["PROTOCOL_INVALID", "REMOTE_UNREACHABLE"],
    ],
    [
      "gives two lengths",
      (socket) =>
        void socket.write(
          `HTTP/1.1 200 OK\r\n${LISTING_TYPE}Content-Length: 4\r\nContent-Length: 400\r\n\r\n0000`,
        ),
      ["PROTOCOL_INVALID", "REMOTE_UNREACHABLE"],
    ],
    [
      "promises more than it sends",
      (socket) =>
        void socket.end(
          `HTTP/1.1 200 OK\r\n${LISTING_TYPE}Content-Length: 9999\r\n\r\n${LISTING.slice(0, -4)}`,
        ),
      ["REMOTE_UNREACHABLE", "PROTOCOL_INVALID"],
    ],
    [
      "promises less than it sends",
      (socket) => void socket.end(`HTTP/1.1 200 OK\r\n${LISTING_TYPE}Content-Length: 40\r\n\r\n${LISTING}`),
      ["REMOTE_UNREACHABLE", "PROTOCOL_INVALID"],
    ],
    [
      "ends a listing by hanging up in the middle",
      (socket) => void socket.end(`HTTP/1.1 200 OK\r\n${LISTING_TYPE}\r\n${LISTING.slice(0, -6)}`),
      ["REMOTE_UNREACHABLE", "PROTOCOL_INVALID"],
    ],
    [
      "drips a listing",
      (socket) => {
        socket.write(`HTTP/1.1 200 OK\r\n${LISTING_TYPE}\r\n`);
        let at = 0;
        const timer = setInterval(() => socket.write(LISTING.slice(at % LISTING.length, (at += 1))), 20);
        socket.once("close", () => clearInterval(timer));
      },
      ["REMOTE_TIMEOUT"],
    ],
    [
      "answers in an encoding that nobody asked for",
      (socket) =>
        void socket.end(`HTTP/1.1 200 OK\r\n${LISTING_TYPE}Content-Encoding: gzip, gzip, br\r\n\r\nxxxx`),
      ["PROTOCOL_INVALID"],
    ],
    [
      "says gzip and sends something else",
      (socket) =>
        void socket.end(`HTTP/1.1 200 OK\r\n${LISTING_TYPE}Content-Encoding: gzip\r\n\r\n${LISTING}`),
      ["PROTOCOL_INVALID"],
    ],
    ["hangs up without a word", (socket) => void socket.end(), ["REMOTE_UNREACHABLE"]],
  ];

  test.for(ANSWERS)("and %s ends the run soon, with nothing changed", async ([, answer, codes]) => {
    await using rig = await openRig();
    await using raw = await startRaw(answer);
    const failure = await failureOf(rig.run(raw.url, rig.target, { limits }));
    expect(codes).toContain(failure.code);
    expect((await refsOf(rig.target)).size).toBe(0);
  });
});

describe("an answer without end", () => {
  /** What this process holds at most while `run` goes on, above what it held before. */
  async function growthOf(run: () => Promise<unknown>): Promise<number> {
    globalThis.gc?.();
    const before = process.memoryUsage().rss;
    let most = before;
    const timer = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 10);
    try {
      await run();
    } finally {
      clearInterval(timer);
    }
    return most - before;
  }

  const BOMB = gzipSync(Buffer.alloc(64 * MIB, "0004"), { level: 9 });
  const line = Buffer.from(pkt(`${"1".repeat(40)} refs/heads/${"x".repeat(200)}\n`).repeat(200));
  const FLOODS: readonly (readonly [string, (socket: Socket) => void])[] = [
    [
      "of the same ref",
      (socket) => {
        socket.write(`HTTP/1.1 200 OK\r\n${LISTING_TYPE}\r\n${LISTING.slice(0, -4)}`);
        flood(socket, line);
      },
    ],
    [
      "of empty packets",
      (socket) => {
        socket.write(`HTTP/1.1 200 OK\r\n${LISTING_TYPE}\r\n`);
        flood(socket, Buffer.from("0004".repeat(10_000)));
      },
    ],
    [
      "of line ends",
      (socket) => {
        socket.write(`HTTP/1.1 200 OK\r\n${LISTING_TYPE}\r\n`);
        flood(socket, Buffer.alloc(100_000, "\n"));
      },
    ],
    [
      "in a few bytes of gzip",
      (socket) => {
        socket.write(`HTTP/1.1 200 OK\r\n${LISTING_TYPE}Content-Encoding: gzip\r\n\r\n`);
        flood(socket, BOMB);
      },
    ],
    [
      "of an error",
      (socket) => {
        socket.write("HTTP/1.1 500 Oh\r\nContent-Type: text/plain\r\n\r\n");
        flood(socket, Buffer.alloc(100_000, "no "));
      },
    ],
  ];

  test.for(FLOODS)("%s is left at its limit", { timeout: 30_000 }, async ([, answer]) => {
    await using rig = await openRig();
    await using raw = await startRaw(answer);
    let failure: SyncError | undefined;
    const growth = await growthOf(async () => {
      failure = await failureOf(
        rig.run(raw.url, rig.target, { limits: { maxListingBytes: 4 * MIB, maxRefs: 5_000 } }),
      );
    });
    expect(["PROTOCOL_INVALID", "REMOTE_UNAVAILABLE", "NOT_A_REPOSITORY"]).toContain(failure?.code);
    expect(growth).toBeLessThan(128 * MIB);
    expect(raw.connections).toBe(1);
  });

  test("of progress before a pack that never begins is given up on", async () => {
    await using rig = await openRig();
    const progress = pkt(`\u0002${"counting ".repeat(100)}\n`);
    rig.host.intercept(({ path, headers }) =>
      path.endsWith("/git-upload-pack") && headers["content-length"] !== undefined
        ? {
            type: "rewrite",
            rewrite: (body) =>
              body.includes("packfile") ? Buffer.from(pkt("packfile\n") + progress.repeat(20_000)) : body,
          }
        : undefined,
    );
    const lines: string[] = [];
    const failure = await failureOf(
      rig.fetch({ observer: (event) => void (event.type === "remote-message" && lines.push(event.text)) }),
    );
    expect(["PROTOCOL_INVALID", "PACK_CORRUPT"]).toContain(failure.code);
    expect(lines.every((text) => text.length <= 1_000)).toBe(true);
    expect((await refsOf(rig.target)).size).toBe(0);
  });

  test("about history, in a few bytes of a pack, is left at its limit and moves nothing", async () => {
    await using rig = await openRig();
    await git(["config", "uploadpack.allowFilter", "true"], { cwd: rig.source });
    await rig.fetch({ mode: "sync" });
    await commit(rig.source, "refs/heads/main", { a: "2" });
    const before = await refsOf(rig.target);
    const head = `tree ${"1".repeat(40)}\nauthor a <a> 1 +0000\ncommitter a <a> 1 +0000\n\n`;
    const bomb = encodePack(
      [{ type: "commit", data: Buffer.concat([Buffer.from(head), Buffer.alloc(240 * MIB)]) }],
      "sha1",
    );
    rig.host.intercept(({ path, isListing }) =>
      path.endsWith("/git-upload-pack") && !isListing
        ? {
            type: "rewrite",
            rewrite: (body) => (body.includes("packfile") ? answerWith(bomb) : body),
          }
        : undefined,
    );
    let result: SyncResult | undefined;
    const growth = await growthOf(async () => {
      result = await rig.fetch({ mode: "sync" });
    });
    expect(result?.refs).toMatchObject([{ outcome: "not-attempted", code: "ancestry-unproven" }]);
    expect(growth).toBeLessThan(128 * MIB);
    expect(await refsOf(rig.target)).toEqual(before);
  });

  test("of a report is not believed: the target is listed", async () => {
    const flooded =
      pkt("unpack ok\n") + pkt("ok refs/heads/main\n") + pkt("ok refs/heads/x\n").repeat(100_000);
    await using rig = await openRig(({ path }) =>
      path.endsWith("/git-receive-pack")
        ? {
            type: "rewrite",
            rewrite: () =>
              Buffer.from(
                (flooded.match(/[^]{1,60000}/gu) ?? []).map((part) => pkt(`\u0001${part}`)).join(""),
              ),
          }
        : undefined,
    );
    const result = await rig.push();
    expect(result.refs).toMatchObject([{ targetRef: "refs/heads/main", outcome: "applied" }]);
    expect(await refsOf(rig.target)).toEqual(await refsOf(rig.source));
  });
});

test.for([-1, 1, 4_000_000_000])(
  "a pack whose header lies about its objects (%i) is not taken, although its sum is right",
  async (lie) => {
    await using rig = await openRig(({ path, isListing }) =>
      path.endsWith("/git-upload-pack") && !isListing
        ? {
            type: "rewrite",
            rewrite: (body) => {
              const pack = packOf(body);
              if (pack === undefined) return body;
              pack.writeUInt32BE((pack.readUInt32BE(8) + lie) % 2 ** 32, 8);
              const sum = createHash("sha1").update(pack.subarray(0, -20)).digest();
              sum.copy(pack, pack.length - sum.length);
              return answerWith(pack);
            },
          }
        : undefined,
    );
    const outcome = await rig.fetch().then(
      ({ refs }) => refs.map((ref) => ref.outcome),
      (error: SyncError) => error.code,
    );
    expect([["refused"], "PACK_CORRUPT", "PROTOCOL_INVALID"]).toContainEqual(outcome);
    expect((await refsOf(rig.target)).size).toBe(0);
    expect(await leftoversOf(rig.target)).toEqual([]);
  },
);

describe("a source that names addresses of its own", () => {
  const offers: HttpIntercept = ({ service, isListing }) =>
    service === "git-upload-pack" && isListing
      ? {
          type: "rewrite",
          rewrite: (body) =>
            Buffer.from(
              body
                .toString("latin1")
                .replace(/....fetch=[^\n]*\n/u, pkt("fetch=shallow packfile-uris\n") + pkt("bundle-uri\n")),
              "latin1",
            ),
        }
      : undefined;

  test("is not asked for them", async () => {
    await using rig = await openRig(offers);
    await rig.fetch();
    expect(await refsOf(rig.target)).toEqual(await refsOf(rig.source));
    const asked = rig.host.requests.map(
      ({ path, query, body }) => `${path}?${query} ${body.toString("latin1")}`,
    );
    expect(asked.join("\n")).not.toMatch(/packfile-uris|bundle|alternates|\/objects\//u);
  });

  test("and gives one unasked is not followed", async () => {
    await using inside = await startRaw(() => undefined);
    await using rig = await openRig(({ path, isListing }) =>
      path.endsWith("/git-upload-pack") && !isListing
        ? {
            type: "rewrite",
            rewrite: (body) =>
              body.includes("packfile\n")
                ? Buffer.from(
                    `${pkt("packfile-uris\n")}${pkt(`${"1".repeat(40)} ${inside.url}\n`)}0001${body.toString("latin1")}`,
                    "latin1",
                  )
                : body,
          }
        : undefined,
    );
    expect((await failureOf(rig.fetch())).code).toBe("PROTOCOL_INVALID");
    expect(inside.connections).toBe(0);
    expect((await refsOf(rig.target)).size).toBe(0);
  });
});

describe("a remote that drips", () => {
  const limits = { idleTimeoutMs: 500, minBytesPerSecond: 10_000, memoryBytes: 100_000 };

  test("its pack is given up on, although it is never silent", async () => {
    await using rig = await openRig();
    await commit(rig.source, "refs/heads/main", { big: noise(200_000) });
    rig.host.intercept(({ path, headers }) =>
      path.endsWith("/git-upload-pack") && Number(headers["content-length"]) > 0
        ? { type: "drip", bytes: 30, everyMs: 15 }
        : undefined,
    );
    const failure = await failureOf(rig.fetch({ limits }));
    expect(failure).toMatchObject({ code: "REMOTE_TIMEOUT", details: { side: "source" } });
    expect(failure.message).toMatch(/too slow/u);
    expect((await refsOf(rig.target)).size).toBe(0);
  });

  test("signs of life while it works is waited for as long as a push may take", async () => {
    await using rig = await openRig(({ path }) =>
      path.endsWith("/git-receive-pack") ? { type: "drip", bytes: 5, everyMs: 60 } : undefined,
    );
    const result = await rig.push({ limits: { ...limits, pushAnswerTimeoutMs: 20_000 } });
    expect(result.refs).toMatchObject([{ outcome: "applied" }]);
  });
});

describe("text of a server", () => {
  const SEQUENCES = [
    "\u001b[2J\u001b[H",
    "\u001b]52;c;cm0gLXJmIC8=\u0007",
    "\u001b]8;;https://example.com\u0007click\u001b]8;;\u0007",
    "\u001bP1$r\u001b\\",
    "\u001b]0;title\u0007",
    "\u009b31m",
    "\u0090q\u009c",
    "\u0008\u0008\u0008",
    "\u007f",
    "\u0000",
    "\u202egnp.exe",
    "\u2066a\u2069",
    "\u2028line\u2029",
    "\u0085",
    "over\rwritten",
    "\u000b\u000c\u000e\u000f",
  ];
  // Lone surrogates come as bytes that are not UTF-8.
  const RAW = Buffer.concat([
    Buffer.from(SEQUENCES.join(" | "), "utf8"),
    Buffer.from([0xed, 0xa0, 0x80, 0x9b, 0xff]),
  ]);
  const FORBIDDEN = /(?![\t\n])[\p{Cc}\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]/u;

  function packet(band: number | undefined, text: Buffer): Buffer {
    const body = band === undefined ? text : Buffer.concat([Buffer.of(band), text]);
    return Buffer.concat([Buffer.from((body.length + 4).toString(16).padStart(4, "0")), body]);
  }

  test("reaches nobody's terminal: in progress, in reasons, in errors", async () => {
    const report = Buffer.concat([
      packet(undefined, Buffer.from("unpack ok\n")),
      packet(undefined, Buffer.concat([Buffer.from("ng refs/heads/main "), RAW, Buffer.from("\n")])),
      Buffer.from("0000"),
    ]);
    await using rig = await openRig(({ path }) =>
      path.endsWith("/git-receive-pack")
        ? {
            type: "answer",
            status: 200,
            headers: { "content-type": "application/x-git-receive-pack-result" },
            body: Buffer.concat([
              packet(2, Buffer.concat([RAW, Buffer.from("\n")])),
              packet(1, report),
              Buffer.from("0000"),
            ]),
          }
        : undefined,
    );
    const events: SyncEvent[] = [];
    const result = await rig.push({ observer: (event) => void events.push(event) });
    expect(result.refs).toMatchObject([{ outcome: "refused" }]);
    const messages = events.flatMap((event) => (event.type === "remote-message" ? [event.text] : []));
    expect(messages.length).toBeGreaterThan(0);
    for (const text of [...messages, result.refs[0]?.reason ?? ""]) expect(text).not.toMatch(FORBIDDEN);
  });

  test.for([
    [
      "an ERR packet",
      () => ({ status: 200, body: packet(undefined, Buffer.concat([Buffer.from("ERR "), RAW])) }),
    ],
    ["a refused request", () => ({ status: 403, body: RAW })],
    [
      "the title of a page",
      () => ({ status: 200, body: Buffer.concat([Buffer.from("<!doctype html><title>"), RAW]) }),
    ],
  ] as const)("is clean in the error that %s becomes", async ([what, answer]) => {
    await using rig = await openRig(() => ({
      type: "answer",
      headers: {
        "content-type":
          what === "an ERR packet" ? "application/x-git-upload-pack-advertisement" : "text/plain",
      },
      ...answer(),
    }));
    const failure = await failureOf(rig.fetch());
    expect(failure.message).not.toMatch(FORBIDDEN);
    expect(JSON.stringify(failure.details)).not.toMatch(FORBIDDEN);
    expect(failure.message.length).toBeLessThan(2_000);
  });
});
