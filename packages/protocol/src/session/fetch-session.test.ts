import fc from "fast-check";
import { describe, test } from "vitest";
import type { AdvertisedRef } from "../advertisement.ts";
import { parseBundleList } from "../bundle-uri.ts";
import { CapabilityList } from "../capabilities.ts";
import { ProtocolError } from "../errors.ts";
import type { ShallowInfo } from "../fetch-response.ts";
import { type ObjectFormat, type ObjectId, objectIdHexLength, parseObjectId } from "../object-id.ts";
import { PktLineDecoder } from "../pkt-line/pkt-line-decoder.ts";
import { textOf } from "../pkt-line/pkt-line-encoder.ts";
import { parseRefName } from "../ref-name.ts";
import { uploadPackCapabilities } from "../server/server-capabilities.ts";
import { UploadPackServer } from "../server/upload-pack-server.ts";
import { bytewise, cutBy, whole } from "../testing/cuts.ts";
import { concat, packets, wire } from "../testing/bytes.ts";
import {
  converse,
  type Cutting,
  type ModelRepository,
  ModelUploadPack,
} from "../testing/model-upload-pack.ts";
import type { SessionTransport } from "./conversation.ts";
import type { FetchPlan, FetchResult } from "./fetch-plan.ts";
import { FetchSession } from "./fetch-session.ts";

const PACK = wire("PACK, the rest of a pack, and its trailer");
const MAIN = parseRefName("refs/heads/main");

function id(number: number, format: ObjectFormat = "sha1"): ObjectId {
  return parseObjectId(number.toString(16).padStart(objectIdHexLength(format), "0"), format);
}

const TIP = id(0xfff);
const REFS: readonly AdvertisedRef[] = [
  { name: parseRefName("HEAD"), oid: TIP, symrefTarget: MAIN },
  { name: MAIN, oid: TIP },
];

interface Fetched {
  readonly session: FetchSession;
  readonly server: ModelUploadPack;
  readonly pack: Uint8Array;
  readonly progress: string;
  readonly result: FetchResult | undefined;
  readonly boundaries: readonly ShallowInfo[];
}

type Peer = Pick<ModelRepository, "version" | "transport"> & Partial<ModelRepository>;

/** From the greeting to the end. */
function run(peer: Peer, plan: FetchPlan, cut: Cutting = whole): Fetched {
  const server = new ModelUploadPack({ refs: REFS, known: new Set(), pack: PACK, ...peer });
  const session = new FetchSession({ transport: peer.transport, version: peer.version, agent: "test/1" });
  const pack: Uint8Array[] = [];
  const boundaries: ShallowInfo[] = [];
  let progress = "";
  converse(session, server, cut, peer.transport);
  session.fetch(plan, {
    onPack: (view) => pack.push(view.slice()),
    onProgress: (view) => (progress += String.fromCharCode(...view)),
    onShallowInfo: (info) => boundaries.push(info),
  });
  converse(session, server, cut, peer.transport);
  const { status } = session;
  return {
    session,
    server,
    pack: concat(...pack),
    progress,
    result: status.state === "done" ? status.result : undefined,
    boundaries,
  };
}

const WAYS = ([0, 1, 2] as const).flatMap((version) =>
  (["stateful", "stateless"] as const).map((transport) => ({ version, transport })),
);

/** Payloads of pkt-lines; a flush-pkt is `flush`. */
function linesOf(bytes: Uint8Array | undefined): string[] {
  const lines: string[] = [];
  new PktLineDecoder().feed(bytes ?? new Uint8Array(0), (kind, payload) => {
    lines.push(kind === "data" ? textOf(payload) : kind);
  });
  return lines;
}

function codeOf(step: () => void): string {
  try {
    step();
  } catch (error) {
    if (error instanceof ProtocolError) return error.code;
    throw error;
  }
  return "";
}

describe.for(WAYS)("a fetch in v$version, $transport", ({ version, transport }) => {
  test("a clone takes one question", ({ expect }) => {
    const { pack, progress, result, server, session } = run({ version, transport }, { wants: [TIP] });
    expect(pack).toEqual(PACK);
    expect(progress).toBe("counting\n");
    expect(result).toEqual({
      common: [],
      shallowInfo: { shallow: [], unshallow: [] },
      wantedRefs: [],
      packfileUris: [],
      rounds: 0,
    });
    expect(server.heard.filter((request) => request !== "haves")).toEqual(
      version === 2 ? ["wants", "pack"] : ["wants", "done", "pack"],
    );
    expect([session.state, session.receiving]).toEqual(["done", false]);
  });

  test("refs are listed, asked for or not", ({ expect }) => {
    const server = new ModelUploadPack({ version, transport, refs: REFS, known: new Set(), pack: PACK });
    const session = new FetchSession({ transport, version });
    converse(session, server, bytewise, transport);
    session.listRefs({ prefixes: [], symrefs: true });
    expect(session.state).toBe(version === 2 ? "ls-refs" : "request");
    converse(session, server, bytewise, transport);
    expect(session.status).toMatchObject({ state: "request", listing: { refs: REFS } });
  });

  test("what is common is found, and the pack follows when that is enough", ({ expect }) => {
    const known = new Set([20, 21, 22].map((number) => id(number)));
    const haves = Array.from({ length: 100 }, (_, index) => id(index + 1));
    const { pack, result, server } = run({ version, transport, known, enough: 3 }, { wants: [TIP], haves });
    expect(pack).toEqual(PACK);
    expect(result?.common).toEqual([...known]);
    expect(result?.rounds).toBeGreaterThan(1);
    expect(server.heard.filter((request) => request === "haves").length).toBe(result?.rounds);
  });

  test("at once: one round whatever is common", ({ expect }) => {
    const haves = Array.from({ length: 300 }, (_, index) => id(index + 1));
    const known = new Set([id(299)]);
    const { pack, result } = run(
      { version, transport, known },
      { wants: [TIP], haves, negotiation: "at-once" },
    );
    expect([pack, result?.rounds]).toEqual([PACK, 0]);
  });

  test("where history is cut is told once, and before any have is asked for in v0 and v1", ({ expect }) => {
    const shallowInfo = { shallow: [id(7)], unshallow: [id(8)] };
    let pulledEarly = false;
    const told: ShallowInfo[] = [];
    function* haves(): Generator<ObjectId> {
      pulledEarly ||= told.length === 0;
      for (let number = 1; number < 60; number += 1) yield id(number);
    }
    const server = new ModelUploadPack({
      version,
      transport,
      refs: REFS,
      known: new Set(),
      pack: PACK,
      shallowInfo,
    });
    const session = new FetchSession({ transport, version });
    converse(session, server, whole, transport);
    session.fetch(
      { wants: [TIP], haves: haves(), deepen: { type: "depth", depth: 2 }, shallow: [id(8)] },
      { onPack: () => {}, onShallowInfo: (info) => told.push(info) },
    );
    if (version !== 2) expect(session.state).toBe("shallow-info");
    converse(session, server, whole, transport);
    expect(told).toEqual([shallowInfo]);
    expect(session.status).toMatchObject({ state: "done", result: { shallowInfo } });
    expect(pulledEarly).toBe(version === 2);
  });

  test("nothing wanted is no fetch, and close says goodbye", ({ expect }) => {
    const server = new ModelUploadPack({ version, transport, refs: REFS, known: new Set(), pack: PACK });
    const session = new FetchSession({ transport, version });
    converse(session, server, whole, transport);
    expect(codeOf(() => session.fetch({ wants: [] }, { onPack: () => {} }))).toBe("REQUEST_INVALID");
    expect(session.state).toBe("request");
    session.close();
    if (transport === "stateful") expect(session.takeBytes()).toEqual(wire("0000"));
    else expect(session.takeRequest()).toBeUndefined();
    expect([session.state, session.receiving]).toEqual(["done", false]);
  });

  test("what the server cannot do is refused before anything is sent, and the session goes on", ({
    expect,
  }) => {
    const server = new ModelUploadPack({
      version,
      transport,
      without: ["shallow", "fetch"],
      refs: REFS,
      known: new Set(),
      pack: PACK,
    });
    const session = new FetchSession({ transport, version });
    converse(session, server, whole, transport);
    const plan: FetchPlan = { wants: [TIP], deepen: { type: "depth", depth: 1 } };
    expect(codeOf(() => session.fetch(plan, { onPack: () => {} }))).toBe("CAPABILITY_MISSING");
    expect(session.state).toBe("request");
    expect(transport === "stateful" ? session.takeBytes() : session.takeRequest()).toBeUndefined();
  });

  test("an advertisement that is known is not asked for again", ({ expect }) => {
    const first = run({ version, transport }, { wants: [TIP] });
    const { status } = first.session;
    if (status.state !== "done") throw new Error(status.state);
    const { advertisement } = status;
    const session = new FetchSession({ transport, version, advertisement });
    expect(session.state).toBe("request");
    const server = new ModelUploadPack({ version, transport, refs: REFS, known: new Set(), pack: PACK });
    server.greet();
    let length = 0;
    session.fetch({ wants: [TIP] }, { onPack: (view) => (length += view.length) });
    converse(session, server, whole, transport);
    expect([session.state, length]).toEqual(["done", PACK.length]);
  });
});

describe("v2", () => {
  test("wanted names come back with their objects", ({ expect }) => {
    const wantedRefs = [{ name: MAIN, oid: TIP }];
    for (const transport of ["stateful", "stateless"] as const) {
      const { result } = run(
        { version: 2, transport, wantedRefs },
        { wants: [], wantRefs: [MAIN] },
        bytewise,
      );
      expect(result?.wantedRefs).toEqual(wantedRefs);
    }
  });

  test("URIs of packs are told and nothing else is done with them", ({ expect }) => {
    const session = new FetchSession({ transport: "stateful" });
    session.feed(packets("version 2\n", "fetch=shallow\n", "0000"));
    const started: FetchResult[] = [];
    session.fetch({ wants: [TIP] }, { onPack: () => {}, onPackStart: (result) => started.push(result) });
    session.feed(
      packets("packfile-uris\n", `${TIP} https://x/y\n`, "0001", "packfile\n", "\x01PACK", "0000"),
    );
    expect(started).toMatchObject([{ packfileUris: [{ hash: TIP, uri: "https://x/y" }] }]);
    expect(session.status).toMatchObject({ state: "done", result: started[0] });
  });

  test.for(["stateful", "stateless"] as const)(
    "%s: negotiating alone finds what is common and fetches nothing",
    (transport, { expect }) => {
      const known = new Set([id(3), id(40)]);
      const server = new ModelUploadPack({ version: 2, transport, refs: REFS, known, pack: PACK });
      const session = new FetchSession({ transport });
      converse(session, server, whole, transport);
      session.negotiate({ haves: Array.from({ length: 60 }, (_, index) => id(index + 1)) });
      converse(session, server, whole, transport);
      expect(session.status).toMatchObject({ state: "done", result: { common: [id(3), id(40)], rounds: 3 } });
      expect(server.heard.filter((request) => request === "done" || request === "pack")).toEqual([]);
    },
  );

  test("negotiating alone about nothing is done at once", ({ expect }) => {
    const session = new FetchSession({ transport: "stateful" });
    session.feed(packets("version 2\n", "fetch=wait-for-done\n", "0000"));
    session.negotiate({});
    expect([session.takeBytes(), session.state, session.receiving]).toEqual([undefined, "done", false]);
  });

  test("a pack in answer to negotiating alone is refused", ({ expect }) => {
    const session = new FetchSession({ transport: "stateful" });
    session.feed(packets("version 2\n", "fetch=wait-for-done\n", "0000"));
    session.negotiate({ haves: [id(1)] });
    const answer = packets("acknowledgments\n", "ready\n", "0001", "packfile\n", "\x01PACK", "0000");
    expect(codeOf(() => session.feed(answer))).toBe("PACK_UNEXPECTED");
    expect(session.state).toBe("failed");
  });

  test("v0 servers cannot negotiate alone, and say so", ({ expect }) => {
    const session = new FetchSession({ transport: "stateful" });
    session.feed(packets(`${TIP} HEAD\0agent=x\n`, "0000"));
    expect(codeOf(() => session.negotiate({ haves: [id(1)] }))).toBe("CAPABILITY_MISSING");
    expect(session.state).toBe("request");
  });
});

describe("HTTP requests", () => {
  test("the question names service and version, the answer decides about the rest", ({ expect }) => {
    const session = new FetchSession({ transport: "stateless", agent: "test/1" });
    expect(session.takeRequest()).toEqual({
      method: "GET",
      path: "/info/refs?service=git-upload-pack",
      headers: { Accept: "*/*", Pragma: "no-cache", "Git-Protocol": "version=2" },
      packFollows: false,
      answerType: "application/x-git-upload-pack-advertisement",
    });
    expect(session.takeRequest()).toBeUndefined();
    session.feed(packets("# service=git-upload-pack\n", "0000", `${TIP} HEAD\0agent=x\n`, "0000"));
    session.end();
    session.fetch({ wants: [TIP] }, { onPack: () => {} });
    expect(session.takeRequest()).toEqual({
      method: "POST",
      path: "/git-upload-pack",
      // The server fell back to v0, so nothing else is asked of it from now on.
      headers: {
        "Content-Type": "application/x-git-upload-pack-request",
        Accept: "application/x-git-upload-pack-result",
      },
      body: packets(`want ${TIP} agent=test/1\n`, "0000", "done\n"),
      packFollows: false,
      answerType: "application/x-git-upload-pack-result",
    });
  });

  test("flush-pkts behind an answer are not taken for the next one", ({ expect }) => {
    const session = new FetchSession({ transport: "stateless" });
    session.feed(packets("version 2\n", "fetch\n", "0000", "0000"));
    session.feed(packets("0000"));
    session.end();
    session.fetch({ wants: [TIP] }, { onPack: () => {} });
    session.feed(packets("packfile\n", "\x01PACK", "0000", "0000"));
    session.end();
    expect(session.state).toBe("done");
  });

  test("the answer goes on until its body ends: what comes next is due only then", ({ expect }) => {
    const session = new FetchSession({ transport: "stateless" });
    session.feed(packets("version 2\n", "fetch\n", "0000"));
    expect(session.state).toBe("advertisement");
    session.end();
    expect(session.state).toBe("request");
  });
});

describe("v0, stateful", () => {
  const greeting = (capabilities: string): Uint8Array => packets(`${TIP} HEAD\0${capabilities}\n`, "0000");
  const haves = Array.from({ length: 500 }, (_, index) => id(index + 1));

  test("wants are said once, and one portion is ahead of its answer", ({ expect }) => {
    const session = new FetchSession({ transport: "stateful" });
    session.feed(greeting("multi_ack_detailed side-band-64k"));
    session.fetch({ wants: [TIP], haves }, { onPack: () => {} });
    const lines = (): string[] => linesOf(session.takeBytes()).map((line) => line.slice(0, 4));
    const count = (said: readonly string[], word: string): number =>
      said.filter((line) => line === word).length;
    const opening = lines();
    expect(["want", "have", "flus", "done"].map((word) => count(opening, word))).toEqual([1, 32, 3, 0]);
    session.feed(packets("NAK\n"));
    const next = lines();
    expect(["want", "have", "flus"].map((word) => count(next, word))).toEqual([0, 32, 1]);
    // Enough, said about the portion before the one that is under way.
    session.feed(packets(`ACK ${id(20)} common\n`, `ACK ${id(20)} ready\n`, "NAK\n"));
    expect(lines()).toEqual(["done"]);
    // The portion under way is answered before `done` is.
    session.feed(packets(`ACK ${id(40)} common\n`, "NAK\n", `ACK ${id(40)}\n`, "\x01PACK", "0000"));
    expect(session.status).toMatchObject({ state: "done", result: { common: [id(20), id(40)], rounds: 3 } });
  });

  test("without multi_ack the first ACK settles it, and no more answers come", ({ expect }) => {
    const session = new FetchSession({ transport: "stateful" });
    let pack = "";
    session.feed(greeting("agent=x"));
    session.fetch({ wants: [TIP], haves }, { onPack: (view) => (pack += String.fromCharCode(...view)) });
    session.takeBytes();
    session.feed(packets(`ACK ${id(1)}\n`));
    expect(session.takeBytes()).toEqual(packets("done\n"));
    session.feed(wire("PACK..."));
    session.end();
    expect([session.state, pack]).toEqual(["done", "PACK..."]);
  });

  test("an ACK for what was not told is refused", ({ expect }) => {
    const session = new FetchSession({ transport: "stateful" });
    session.feed(greeting("multi_ack_detailed side-band-64k"));
    session.fetch({ wants: [TIP], haves }, { onPack: () => {} });
    expect(codeOf(() => session.feed(packets(`ACK ${id(33)} common\n`)))).toBe("ACK_UNKNOWN");
  });

  test("bytes that nobody asked for are refused", ({ expect }) => {
    const session = new FetchSession({ transport: "stateful" });
    expect(codeOf(() => session.feed(concat(greeting("agent=x"), packets("NAK\n"))))).toBe(
      "ANSWER_UNEXPECTED",
    );
    expect(session.state).toBe("failed");
  });
});

describe("any server", () => {
  interface Scenario {
    readonly peer: Peer & { readonly known: ReadonlySet<ObjectId> };
    readonly haves: readonly ObjectId[];
    readonly cuts: readonly number[];
    readonly negotiation: "rounds" | "at-once";
  }

  const scenario: fc.Arbitrary<Scenario> = fc
    .record({
      version: fc.constantFrom(0 as const, 1 as const, 2 as const),
      transport: fc.constantFrom<SessionTransport>("stateful", "stateless"),
      without: fc.subarray([
        "multi_ack_detailed",
        "multi_ack",
        "no-done",
        "side-band-64k",
        "side-band",
        "ofs-delta",
        "agent",
      ]),
      known: fc.array(fc.integer({ min: 1, max: 400 })),
      enough: fc.integer({ min: 1, max: 30 }),
      haves: fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 400, size: "max" }),
      cuts: fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1 }),
      negotiation: fc.constantFrom("rounds" as const, "at-once" as const),
      pack: fc.uint8Array({ maxLength: 300 }).map((bytes) => concat(wire("PACK"), bytes)),
    })
    .map(({ known, haves, cuts, negotiation, ...peer }) => ({
      peer: { ...peer, known: new Set(known.map((number) => id(number))) },
      haves: haves.map((number) => id(number)),
      cuts,
      negotiation,
    }));

  test("gets the pack, in every ack mode, with every framing, cut anywhere", ({ expect }) => {
    fc.assert(
      fc.property(scenario, ({ peer, haves, cuts, negotiation }) => {
        const cut: Cutting = (bytes) => cutBy(bytes, cuts);
        const plan: FetchPlan = { wants: [TIP], haves, negotiation, ofsDelta: true };
        const { pack, result } = run(peer, plan, cut);
        expect(pack).toEqual(peer.pack);
        const told = new Set(haves);
        const mode = peer.without?.includes("multi_ack_detailed") === true && peer.version !== 2;
        for (const oid of result?.common ?? []) {
          expect(told.has(oid)).toBe(true);
          // multi_ack acknowledges blindly, once enough is common.
          if (!mode) expect(peer.known.has(oid)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  interface Action {
    readonly call: string;
    readonly legal: readonly string[];
    readonly run: (session: FetchSession) => void;
  }

  const RECEIVING = [
    "advertisement",
    "ls-refs",
    "object-info",
    "bundle-uri",
    "shallow-info",
    "negotiating",
    "packfile",
  ];
  const ACTIONS: readonly Action[] = [
    { call: "feed", legal: RECEIVING, run: (session) => session.feed(wire("0000")) },
    { call: "end", legal: RECEIVING, run: (session) => session.end() },
    { call: "list refs", legal: ["request"], run: (session) => session.listRefs({ prefixes: [] }) },
    {
      call: "ask for object-info",
      legal: ["request"],
      run: (session) => session.askObjectInfo({ size: true, oids: [] }),
    },
    { call: "ask for bundle-uri", legal: ["request"], run: (session) => session.askBundleUri() },
    {
      call: "fetch",
      legal: ["request"],
      run: (session) => session.fetch({ wants: [TIP] }, { onPack: () => {} }),
    },
    { call: "negotiate", legal: ["request"], run: (session) => session.negotiate({}) },
    { call: "close", legal: ["request"], run: (session) => session.close() },
  ];

  /** Make every call that is illegal now. @returns the complaints about what was not refused as it should be. */
  function poke(session: FetchSession): string[] {
    const { status } = session;
    return ACTIONS.filter(({ legal }) => !legal.includes(status.state)).flatMap(
      ({ call, legal, run: act }) => {
        try {
          act(session);
          return [`${call} is possible in ${status.state}`];
        } catch (error) {
          const { code, message, details } = error as ProtocolError;
          const named = [status.state, ...legal].every((state) => message.includes(state));
          const told = details.state === status.state && details.expectedStates?.join() === legal.join();
          return code === "STATE_INVALID" && named && told && session.status === status
            ? []
            : [`${call}: ${message}`];
        }
      },
    );
  }

  test("calls out of turn are refused in every state, name both, and do no harm", ({ expect }) => {
    const visited = new Set<string>();
    fc.assert(
      fc.property(
        scenario,
        fc.array(fc.constantFrom("list", "sizes", "bundles"), { maxLength: 2 }),
        fc.constantFrom("fetch", "deepen", "negotiate", "close", "cut"),
        ({ peer, haves, cuts }, lists, last) => {
          const server = new ModelUploadPack({ refs: REFS, pack: PACK, ...peer });
          const session = new FetchSession({ transport: peer.transport, version: peer.version });
          const complaints: string[] = [];
          const pokes: Cutting = function* (bytes) {
            for (const piece of cutBy(bytes, cuts)) {
              yield piece;
              visited.add(session.state);
              complaints.push(...poke(session));
            }
          };
          const go = (): void => converse(session, server, pokes, peer.transport);
          go();
          for (const question of lists) {
            if (question === "list" || peer.version !== 2) session.listRefs({ prefixes: [] });
            else if (question === "sizes") session.askObjectInfo({ size: true, oids: [TIP] });
            else session.askBundleUri();
            go();
          }
          let length = 0;
          const onPack = (view: Uint8Array): void => void (length += view.length);
          if (last === "close") session.close();
          else if (last === "negotiate" && peer.version === 2) session.negotiate({ haves });
          else {
            session.fetch(
              { wants: [TIP], haves, ...(last === "deepen" ? { deepen: { type: "depth", depth: 1 } } : {}) },
              { onPack },
            );
          }
          if (last === "cut" && session.receiving) {
            if (peer.transport === "stateless") session.takeRequest();
            expect(codeOf(() => session.end())).toBe("STREAM_TRUNCATED");
          } else {
            go();
            expect(session.state).toBe("done");
            expect(length).toBe(
              last === "close" || (last === "negotiate" && peer.version === 2) ? 0 : peer.pack?.length,
            );
          }
          visited.add(session.state);
          complaints.push(...poke(session));
          expect(complaints).toEqual([]);
        },
      ),
    );
    expect([...visited].toSorted()).toEqual(
      [
        "advertisement",
        "bundle-uri",
        "done",
        "failed",
        "ls-refs",
        "negotiating",
        "object-info",
        "packfile",
        "request",
        "shallow-info",
      ].toSorted(),
    );
  });

  test.for(WAYS)(
    "cut at any byte, v$version $transport never succeeds and never hangs",
    (way, { expect }) => {
      const plans: FetchPlan[] = [
        { wants: [TIP] },
        { wants: [TIP], haves: Array.from({ length: 40 }, (_, index) => id(index + 1)) },
        { wants: [TIP], deepen: { type: "depth", depth: 1 } },
      ];
      for (const plan of plans) {
        const make = (): ModelUploadPack =>
          new ModelUploadPack({
            ...way,
            refs: REFS,
            known: new Set([id(20)]),
            pack: PACK,
            shallowInfo: { shallow: [id(9)], unshallow: [] },
          });
        /** Everything up to byte `length` arrives, then the connection is gone. @returns how it ended. */
        const cutAfter = (length: number): { readonly outcome: string; readonly total: number } => {
          const session = new FetchSession({ transport: way.transport, version: way.version });
          const server = make();
          let left = length;
          let total = 0;
          const cut: Cutting = function* (bytes) {
            total += bytes.length;
            yield bytes.subarray(0, Math.max(0, left));
            left -= bytes.length;
            // Over HTTP the session is told by `converse`, otherwise here.
            if (left >= 0) return;
            if (way.transport === "stateful" && session.receiving) session.end();
            if (session.state === "request") throw new Error("gone");
          };
          try {
            converse(session, server, cut, way.transport);
            session.fetch(plan, { onPack: () => {} });
            converse(session, server, cut, way.transport);
            return { outcome: session.state, total };
          } catch (error) {
            if (error instanceof Error && error.message === "gone") return { outcome: "gone", total };
            return { outcome: error instanceof ProtocolError ? error.code : String(error), total };
          }
        };
        const { total } = cutAfter(Infinity);
        const outcomes = new Set(Array.from({ length: total }, (_, length) => cutAfter(length).outcome));
        expect(
          [...outcomes].filter((outcome) => !/^(gone|[A-Z]+_TRUNCATED|ADVERTISEMENT_EMPTY)$/.test(outcome)),
        ).toEqual([]);
        expect(cutAfter(total).outcome).toBe("done");
      }
    },
  );
});

describe("what v2 alone can say", () => {
  const V2 = (["stateful", "stateless"] as const).map((transport) => ({ version: 2, transport }) as const);

  test.for(V2)("sizes of objects, $transport", ({ transport, version }, { expect }) => {
    const server = new ModelUploadPack({ version, transport, refs: REFS, known: new Set([TIP]), pack: PACK });
    const session = new FetchSession({ transport, version });
    converse(session, server, bytewise, transport);
    session.askObjectInfo({ size: true, oids: [TIP, id(1)] });
    expect([session.state, session.receiving]).toEqual(["object-info", true]);
    converse(session, server, bytewise, transport);
    expect(session.status).toMatchObject({
      state: "request",
      objectInfo: {
        size: true,
        objects: [
          { type: "found", oid: TIP, size: 7 },
          { type: "missing", oid: id(1) },
        ],
      },
    });
  });

  test.for(V2)("bundles, and then a fetch, $transport", ({ transport, version }, { expect }) => {
    const server = new ModelUploadPack({ version, transport, refs: REFS, known: new Set(), pack: PACK });
    const session = new FetchSession({ transport, version });
    converse(session, server, bytewise, transport);
    session.askBundleUri();
    converse(session, server, bytewise, transport);
    const { status } = session;
    expect(status.state === "request" && status.bundles && parseBundleList(status.bundles)).toEqual({
      mode: "all",
      bundles: [{ id: "a", uri: "https://example.com/a" }],
    });
    session.fetch({ wants: [TIP] }, { onPack: () => {} });
    converse(session, server, bytewise, transport);
    expect(session.state).toBe("done");
  });

  test.for(V2)("every packet in side-band, packfile-uris included, $transport", (way, { expect }) => {
    const uri = { hash: id(5), uri: "https://example.com/p.pack" };
    const haves = [id(1), id(2)];
    const peer = { ...way, known: new Set(haves), enough: 2, packfileUris: [uri] };
    const plan = { wants: [TIP], haves, sidebandAll: true, packfileUris: ["https"] };
    for (const cut of [whole, bytewise]) {
      const { pack, result, progress } = run(peer, plan, cut);
      expect([pack, progress]).toEqual([PACK, "counting\n"]);
      expect(result).toMatchObject({ common: haves, packfileUris: [uri] });
    }
  });

  test("a refusal comes in band 3 where all is in side-band, as ERR elsewhere", ({ expect }) => {
    for (const sidebandAll of [true, false]) {
      const capabilities = uploadPackCapabilities({
        version: 2,
        transport: "stateless",
        objectFormat: "sha1",
        sidebandAll: true,
      });
      const server = new UploadPackServer({
        version: 2,
        transport: "stateless",
        objectFormat: "sha1",
        capabilities,
      });
      const session = new FetchSession({
        transport: "stateless",
        advertisement: { version: 2, objectFormat: "sha1", capabilities: new CapabilityList(capabilities) },
      });
      session.fetch({ wants: [TIP], sidebandAll }, { onPack: () => {} });
      const [request] = server.feed(session.takeRequest()?.body ?? new Uint8Array(0));
      expect(request?.type).toBe("wants");
      const refusal = server.refuse("not our ref");
      expect(String.fromCharCode(...refusal.subarray(4))).toBe(
        sidebandAll ? "\u0003not our ref" : "ERR not our ref",
      );
      expect(codeOf(() => session.feed(refusal))).toBe("REMOTE_ERROR");
    }
  });

  test("options and session-id go with every command, where the server knows them", ({ expect }) => {
    const serverOptions = ["a=1", "b"];
    const ask = (peer: Peer): ModelUploadPack => {
      const server = new ModelUploadPack({ refs: REFS, known: new Set(), pack: PACK, ...peer });
      const session = new FetchSession({
        transport: "stateful",
        sessionId: "me-1",
        agent: "me",
        serverOptions,
      });
      converse(session, server, whole, "stateful");
      session.listRefs({ prefixes: [] });
      converse(session, server, whole, "stateful");
      session.fetch({ wants: [TIP] }, { onPack: () => {} });
      converse(session, server, whole, "stateful");
      return server;
    };
    expect(ask({ version: 2, transport: "stateful" }).accompanied).toEqual([
      "agent=me session-id=me-1 object-format=sha1 server-option=a=1 server-option=b",
      "agent=me session-id=me-1 server-option=a=1 server-option=b object-format=sha1",
    ]);
    expect(codeOf(() => ask({ version: 2, transport: "stateful", without: ["server-option"] }))).toBe(
      "CAPABILITY_MISSING",
    );
    expect(codeOf(() => ask({ version: 0, transport: "stateful" }))).toBe("CAPABILITY_MISSING");
  });

  test("v0 servers know neither sizes nor bundles", ({ expect }) => {
    const server = new ModelUploadPack({
      version: 0,
      transport: "stateful",
      refs: REFS,
      known: new Set(),
      pack: PACK,
    });
    const session = new FetchSession({ transport: "stateful" });
    converse(session, server, whole, "stateful");
    expect(codeOf(() => session.askBundleUri())).toBe("CAPABILITY_MISSING");
    expect(codeOf(() => session.askObjectInfo({ size: true, oids: [] }))).toBe("CAPABILITY_MISSING");
    expect(session.state).toBe("request");
  });
});
