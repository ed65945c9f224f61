import { describe, test } from "vitest";
import { vector } from "../../fixtures/vectors.ts";
import type { AdvertisedRef } from "../advertisement.ts";
import { AdvertisementDecoder } from "../advertisement-decoder.ts";
import { ProtocolError } from "../errors.ts";
import { type ObjectFormat, type ObjectId, parseObjectId } from "../object-id.ts";
import { parseRefName } from "../ref-name.ts";
import { concat, packets, wire } from "../testing/bytes.ts";
import { bytewise, everyCut, whole } from "../testing/cuts.ts";
import { uploadPackCapabilities, type UploadPackOffer } from "./server-capabilities.ts";
import type { UploadPackRequest, WantsAnswer } from "./upload-pack-request.ts";
import { UploadPackServer } from "./upload-pack-server.ts";

const [TIP = "", PARENT = "", OLD = ""] = String.fromCharCode(...vector("oids.txt"))
  .trim()
  .split(" ");
const tip = parseObjectId(TIP);
const parent = parseObjectId(PARENT);
const old = parseObjectId(OLD);
const MAIN = parseRefName("refs/heads/main");
const HEAD = parseRefName("HEAD");
const OFFER: Pick<UploadPackOffer, "objectFormat" | "agent" | "filter" | "refInWant"> = {
  objectFormat: "sha1",
  agent: "x",
  filter: true,
  refInWant: true,
};

/** What a repository with three commits answers. */
interface Repository {
  readonly refs: readonly AdvertisedRef[];
  readonly known: ReadonlySet<ObjectId>;
  readonly wantsAnswer: WantsAnswer;
  readonly unborn?: boolean;
}

const FULL: Repository = {
  refs: refsOf("adv-up-v0-full.bin"),
  known: new Set([tip, parent, old]),
  wantsAnswer: {},
};

/** The refs in an advertisement that git made. */
function refsOf(name: string): readonly AdvertisedRef[] {
  const decoder = new AdvertisementDecoder({ service: "git-upload-pack", smartHttp: false });
  decoder.feed(vector(name));
  const advertisement = decoder.finish();
  return advertisement.version === 2 ? [] : advertisement.refs;
}

function answer(server: UploadPackServer, request: UploadPackRequest, repository: Repository): Uint8Array {
  switch (request.type) {
    case "ls-refs":
      return server.listRefs(repository.refs, repository.unborn === true ? MAIN : undefined);
    case "object-info":
      return server.describeObjects([]);
    case "bundle-uri":
      return server.listBundles({ mode: "all", bundles: [] });
    case "wants":
      return server.acceptWants(repository.wantsAnswer);
    case "haves":
      return server.acknowledge({
        has: (oid) => repository.known.has(oid),
        isReady: (common) => common.size > 0,
      });
    case "pack":
      return concat(
        server.progress("counting\n"),
        server.packData(wire("PACK")),
        server.keepalive(),
        server.endPack(),
      );
  }
}

interface Answered {
  /** Up to the pack. */
  readonly before: Uint8Array;
  /** From the pack on; undefined when none was due. */
  readonly pack: Uint8Array | undefined;
  readonly state: string;
}

function serve(
  version: 0 | 1 | 2,
  transport: "stateful" | "stateless",
  chunks: Iterable<Uint8Array>,
  repository: Repository = FULL,
): Answered {
  const server = new UploadPackServer({
    version,
    transport,
    objectFormat: "sha1",
    capabilities: uploadPackCapabilities({ version, transport, ...OFFER }),
  });
  if (transport === "stateful") server.advertise(repository.refs);
  let before = new Uint8Array(0);
  let pack: Uint8Array | undefined;
  for (const chunk of chunks) {
    for (const request of server.feed(chunk)) {
      const bytes = answer(server, request, repository);
      if (request.type === "pack") pack = bytes;
      else before = concat(before, bytes) as Uint8Array<ArrayBuffer>;
    }
  }
  server.end();
  return { before, pack, state: server.state };
}

const command = (name: string, ...args: readonly string[]): Uint8Array =>
  packets(
    `command=${name}\n`,
    "agent=x",
    "object-format=sha1",
    ...(args.length > 0 ? ["0001", ...args] : []),
    "0000",
  );
const v0 = (capabilities: string, ...lines: readonly string[]): Uint8Array =>
  packets(`want ${TIP} ${capabilities}\n`, ...lines);
const have = `have ${OLD}\n`;
const want = `want ${TIP}\n`;
const EMPTY: Repository = { refs: [], known: new Set(), wantsAnswer: {}, unborn: true };
const shallowAt = (oid: ObjectId): Repository => ({
  ...FULL,
  wantsAnswer: { shallowInfo: { shallow: [oid], unshallow: [] } },
});
const MAD = "multi_ack_detailed side-band-64k";

describe("UploadPackServer", () => {
  // The requests of fixtures/record.ts, and what git's upload-pack said to each: all of it, or up to its pack.
  test.for<readonly [name: string, version: 0 | 2, request: Uint8Array, repository?: Repository]>([
    [
      "v2-lsrefs-full",
      2,
      command("ls-refs", "peel\n", "symrefs\n", "ref-prefix refs/\n", "ref-prefix HEAD\n"),
    ],
    ["v2-lsrefs-empty-unborn", 2, command("ls-refs", "peel\n", "symrefs\n", "unborn\n"), EMPTY],
    ["v2-lsrefs-noargs-nodelim", 2, command("ls-refs")],
    ["v2-fetch-clone", 2, command("fetch", "thin-pack", "ofs-delta", "no-progress", want, "done\n")],
    ["v2-fetch-ready", 2, command("fetch", "ofs-delta", "no-progress", want, have)],
    ["v2-fetch-nak", 2, command("fetch", "ofs-delta", want, `have ${"1".repeat(40)}\n`)],
    ["v2-fetch-waitfordone", 2, command("fetch", "wait-for-done", want, have)],
    ["v2-fetch-deepen", 2, command("fetch", want, "deepen 1\n", "done\n"), shallowAt(tip)],
    [
      "v2-fetch-unshallow",
      2,
      command("fetch", want, `shallow ${TIP}\n`, "deepen 2\n", "done\n"),
      { ...FULL, wantsAnswer: { shallowInfo: { shallow: [parent], unshallow: [tip] } } },
    ],
    ["v2-fetch-servershallow", 2, command("fetch", want, "done\n"), shallowAt(parent)],
    [
      "v2-fetch-wantedrefs",
      2,
      command("fetch", "want-ref refs/heads/main\n", "done\n"),
      { ...FULL, wantsAnswer: { wantedRefs: [{ name: MAIN, oid: tip }] } },
    ],
    ["v2-fetch-nowants", 2, command("fetch", "no-progress")],
    ["v0-clone", 0, v0(`${MAD} ofs-delta agent=x`, "0000", "done\n")],
    ["v0-mad-nodone-ready", 0, v0("multi_ack_detailed no-done side-band-64k", "0000", have, "0000")],
    ["v0-mad-round1", 0, v0(MAD, "0000", have, "0000")],
    ["v0-mad-done", 0, v0(MAD, "0000", have, "done\n")],
    ["v0-ma-round1", 0, v0("multi_ack side-band-64k", "0000", have, `have ${"4".repeat(40)}\n`, "0000")],
    ["v0-noack-round1", 0, v0("side-band-64k", "0000", have, `have ${PARENT}\n`, "0000")],
    ["v0-noack-done", 0, v0("side-band-64k", "0000", have, "done\n")],
    ["v0-deepen-phase1", 0, v0(MAD, "deepen 1\n", "0000"), shallowAt(tip)],
    ["v0-deepen-phase2", 0, v0(MAD, "deepen 1\n", "0000", "done\n"), shallowAt(tip)],
    ["v0-deepen-emptyboundary", 0, v0(MAD, "deepen 100\n", "0000", "done\n")],
    ["v0-sideband1000", 0, v0("side-band", "0000", "done\n")],
    ["v0-nosideband", 0, v0("ofs-delta", "0000", "done\n")],
    ["v0-flushonly", 0, packets("0000")],
  ])("answers as git does, byte for byte: %s", ([name, version, request, repository], { expect }) => {
    const recorded = vector(`${name}.bin`);
    for (const chunks of [whole(request), bytewise(request), ...everyCut(request)]) {
      const { before, pack, state } = serve(version, "stateless", chunks, repository);
      const isWhole = pack === undefined;
      expect(text(before)).toBe(text(isWhole ? recorded : recorded.subarray(0, before.length)));
      expect(isWhole || recorded.length > before.length).toBe(true);
      expect(state).toBe("done");
    }
  });

  test.for(["adv-up-v0-full", "adv-up-v1-full", "adv-up-v0-shallow", "adv-up-v2-full"])(
    "advertises as git does: %s",
    (name, { expect }) => {
      const version = name.includes("v2") ? 2 : name.includes("v1") ? 1 : 0;
      const recorded = new AdvertisementDecoder({ service: "git-upload-pack", smartHttp: false });
      recorded.feed(vector(`${name}.bin`));
      const theirs = recorded.finish();
      const server = new UploadPackServer({
        version,
        transport: "stateless",
        objectFormat: "sha1",
        capabilities: uploadPackCapabilities({
          version,
          transport: "stateless",
          objectFormat: "sha1",
          agent: "git/2.39.5",
          serverOptions: true,
        }),
      });
      const bytes = server.advertise(
        theirs.version === 2 ? [] : theirs.refs,
        theirs.version === 2 ? [] : theirs.shallow,
      );
      expect(sortedCapabilities(text(bytes))).toBe(
        sortedCapabilities(text(vector(`${name}.bin`)).replace("0010object-info\n", "")),
      );
      expect(server.state).toBe("done");
    },
  );

  test("keeps a v2 connection open from command to command, until a flush-pkt", ({ expect }) => {
    const stream = concat(
      command("ls-refs", "ref-prefix refs/heads/s"),
      command("fetch", want, have),
      command("fetch", "no-progress", want, "done\n"),
      packets("0000"),
    );
    for (const chunks of [whole(stream), bytewise(stream)]) {
      const { before, pack, state } = serve(2, "stateful", chunks);
      expect(text(before)).toContain("refs/heads/side");
      expect(text(before)).not.toContain("refs/heads/main");
      expect(text(before)).toContain(`ACK ${OLD}\n000aready\n0001000dpackfile\n`);
      expect(text(pack)).toBe("0009\u0001PACK0005\u00010000");
      expect(state).toBe("done");
    }
  });

  test("remembers, on a v0 connection, what was common in earlier rounds", ({ expect }) => {
    const stream = concat(
      v0("multi_ack side-band-64k", "0000", have, "0000"),
      packets(`have ${"9".repeat(40)}\n`, "0000", "done\n"),
    );
    const { before, pack } = serve(0, "stateful", [stream]);
    expect(text(before)).toBe(
      text(
        packets(
          `ACK ${OLD} continue\n`,
          "NAK\n",
          `ACK ${"9".repeat(40)} continue\n`,
          "NAK\n",
          `ACK ${OLD}\n`,
        ),
      ),
    );
    expect(text(pack)).toBe("000e\u0002counting\n0009\u0001PACK0005\u00010000");
  });

  test("sends bare pack bytes and no progress where there is no side-band", ({ expect }) => {
    const { pack } = serve(0, "stateful", [v0("ofs-delta", "0000", "done\n")]);
    expect(text(pack)).toBe("PACK");
  });

  test("agrees to nothing that it did not offer", ({ expect }) => {
    const server = new UploadPackServer({
      version: 0,
      transport: "stateless",
      objectFormat: "sha1",
      capabilities: ["multi_ack"],
    });
    const said: string[] = [];
    for (const request of server.feed(
      v0("multi_ack multi_ack_detailed no-done side-band-64k", "0000", have, "0000"),
    )) {
      said.push(text(answer(server, request, FULL)));
    }
    expect(said.join("")).toBe(text(packets(`ACK ${OLD} continue\n`, "NAK\n")));
    expect(server.state).toBe("done");
  });

  test.for<readonly [what: string, version: 0 | 2, request: Uint8Array]>([
    ["a filter that was not agreed", 0, v0(MAD, "filter blob:none\n", "0000")],
    ["another object-format", 0, v0("object-format=sha256", "0000")],
    ["ids of another object-format", 0, packets(`want ${"b".repeat(64)}\n`, "0000")],
    ["no want", 0, packets("have x")],
    ["wants among the haves", 0, v0(MAD, "0000", want)],
    ["another object-format in v2", 2, packets("command=ls-refs", "object-format=sha256", "0000")],
    ["an unknown command", 2, command("frobnicate")],
    ["an unknown capability", 2, packets("command=ls-refs", "object-format=sha1", "frobnicate", "0000")],
    ["a command as capability", 2, packets("command=ls-refs", "object-format=sha1", "fetch", "0000")],
    ["a server-option that was not offered", 2, packets("command=ls-refs", "server-option=x", "0000")],
    ["two commands", 2, packets("command=ls-refs", "command=fetch", "0000")],
    ["sideband-all that was not offered", 2, command("fetch", "sideband-all", want)],
    ["deepen and deepen-since", 2, command("fetch", "deepen 1", "deepen-since 1", want)],
  ])("refuses %s, and can say so", ([, version, request], { expect }) => {
    const server = new UploadPackServer({
      version,
      transport: "stateful",
      objectFormat: "sha1",
      capabilities: uploadPackCapabilities({
        version,
        transport: "stateful",
        objectFormat: "sha1",
        agent: "x",
      }),
    });
    server.advertise([]);
    expect(() => {
      for (const asked of server.feed(request)) answer(server, asked, FULL);
    }).toThrow(ProtocolError);
    expect(text(server.refuse("no"))).toBe("000aERR no");
    expect(server.state).toBe("failed");
    expect([...server.feed(request)]).toEqual([]);
  });

  test("says in band 3 what goes wrong in the pack", ({ expect }) => {
    const server = clientAt("pack");
    expect(text(server.refuse("disk full"))).toBe("000e\u0003disk full");
  });

  test.for<readonly [call: string, state: string, make: (server: UploadPackServer) => unknown]>([
    ["advertise", "request", (server) => server.advertise([])],
    ["acceptWants", "request", (server) => server.acceptWants()],
    ["acknowledge", "wants", (server) => server.acknowledge({ has: () => true, isReady: () => true })],
    ["packData", "negotiation", (server) => server.packData(wire("x"))],
    ["listRefs", "pack", (server) => server.listRefs([])],
    ["endPack", "done", (server) => server.endPack()],
    ["refuse", "done", (server) => server.refuse("x")],
    ["feed", "wants", (server) => server.feed(wire("x"))],
    ["end", "pack", (server) => server.end()],
  ])("refuses %s in state %s and names both states", ([, state, call], { expect }) => {
    const server = clientAt(state);
    expect(() => call(server)).toThrow(expect.objectContaining({ code: "STATE_INVALID" }));
    expect(() => call(server)).toThrow(`"${state}"`);
    expect(server.state).toBe(state);
  });

  test("does not read on while a request is unanswered, nor take a chunk while one is unread", ({
    expect,
  }) => {
    const server = clientAt("request");
    const requests = server.feed(v0(MAD, "0000", "done\n"))[Symbol.iterator]();
    expect(requests.next().value).toMatchObject({ type: "wants" });
    expect(() => requests.next()).toThrow(/read on in state "wants"/);
    server.acceptWants();
    expect(() => server.feed(wire("0000"))).toThrow(/not read to its end/);
  });

  test.for<readonly [what: string, version: 0 | 2, request: Uint8Array, code: string]>([
    ["inside a packet", 0, wire("00"), "PKT_TRUNCATED"],
    ["among the wants", 0, v0(MAD), "STREAM_TRUNCATED"],
    ["among the haves", 0, v0(MAD, "0000", have), "STREAM_TRUNCATED"],
    ["after a round of a connection that stays open", 0, v0(MAD, "0000", have, "0000"), "STREAM_TRUNCATED"],
    ["in a command", 2, packets("command=fetch"), "STREAM_TRUNCATED"],
  ])("a client that leaves %s is not saying goodbye", ([, version, request, code], { expect }) => {
    expect(() => serve(version, "stateful", [request])).toThrow(expect.objectContaining({ code }));
  });

  test("a client may leave between commands", ({ expect }) => {
    expect(serve(2, "stateful", [command("ls-refs")]).state).toBe("done");
    expect(serve(0, "stateful", []).state).toBe("done");
  });

  test("speaks of ids as wide as the object-format", ({ expect }) => {
    const format: ObjectFormat = "sha256";
    const server = new UploadPackServer({
      version: 0,
      transport: "stateful",
      objectFormat: format,
      capabilities: uploadPackCapabilities({ version: 0, transport: "stateful", objectFormat: format }),
    });
    expect(text(server.advertise([]))).toContain(`${"0".repeat(64)} capabilities^{}\0`);
    const oid = "b".repeat(64);
    // git's own client says nothing of object-format in v0: what it wants tells.
    const requests = server.feed(packets(`want ${oid} agent=git/2.39.5\n`, "0000"))[Symbol.iterator]();
    expect(requests.next().value).toMatchObject({ type: "wants", request: { wants: [oid] } });
  });

  test("tells HEAD's target as a capability in v0 alone", ({ expect }) => {
    const refs = [
      { name: HEAD, oid: tip, symrefTarget: MAIN },
      { name: MAIN, oid: tip },
    ];
    const make = (version: 0 | 2): string =>
      text(
        new UploadPackServer({
          version,
          transport: "stateful",
          objectFormat: "sha1",
          capabilities: [],
        }).advertise(refs),
      );
    expect(make(0)).toContain("\0symref=HEAD:refs/heads/main\n");
    expect(make(2)).toBe("000eversion 2\n0000");
  });
});

/** A server that was led into a state. */
function clientAt(state: string): UploadPackServer {
  const server = new UploadPackServer({
    version: 0,
    transport: "stateful",
    objectFormat: "sha1",
    capabilities: uploadPackCapabilities({ version: 0, transport: "stateful", objectFormat: "sha1" }),
  });
  server.advertise([]);
  if (state === "request") return server;
  for (const request of server.feed(v0(MAD, "0000", "done\n"))) {
    if (server.state === state) return server;
    answer(server, request, FULL);
  }
  if (server.state !== state) throw new Error(`no way to ${state}`);
  return server;
}

function text(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString("latin1");
}

/** Capabilities in one order, and lines of v2 as well. */
function sortedCapabilities(advertisement: string): string {
  const nul = advertisement.indexOf("\0");
  if (nul === -1) return advertisement.split("\n").toSorted().join("\n");
  const end = advertisement.indexOf("\n", nul);
  const capabilities = advertisement
    .slice(nul + 1, end)
    .split(" ")
    .toSorted()
    .join(" ");
  return `${advertisement.slice(0, nul)} ${capabilities}${advertisement.slice(end)}`;
}
