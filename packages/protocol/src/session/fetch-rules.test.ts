// What servers do, rightly or wrongly, and what a fetch makes of it. Each test is named for its rule.

import { describe, test } from "vitest";
import { vector } from "../../fixtures/vectors.ts";
import { AdvertisementDecoder } from "../advertisement-decoder.ts";
import { encodeAck, encodeNak, encodeShallowInfo } from "../fetch-response-encoder.ts";
import { type ObjectId, parseObjectId } from "../object-id.ts";
import { concat, packets, wire } from "../testing/bytes.ts";
import { fetchFrom, type Script } from "../testing/scripted-server.ts";
import type { FetchPlan } from "./fetch-plan.ts";
import { FetchSession } from "./fetch-session.ts";

const A = parseObjectId("a".repeat(40));
const B = parseObjectId("b".repeat(40));
const C = parseObjectId("c".repeat(40));
const CLONE: FetchPlan = { wants: [C] };
const UPDATE: FetchPlan = { wants: [C], haves: [A, B] };
const DEEPEN: FetchPlan = { wants: [C], deepen: { type: "depth", depth: 1 } };

const NAK = encodeNak();
const PACK = packets("\u0001PACK", "\u0002hi\n", "\u0001rest", "0000");
const HEARD = { state: "done", pack: "PACKrest", progress: "hi\n" };
const ack = (status: "common" | "continue" | "ready" | "final", oid = A): Uint8Array =>
  encodeAck({ oid, status });

/** v0 and v1, over one connection and over HTTP. */
const OLD_WAYS: readonly Pick<Script, "version" | "transport">[] = ([0, 1] as const).flatMap((version) =>
  (["stateful", "stateless"] as const).map((transport) => ({ version, transport })),
);

describe("side-band", () => {
  test("an empty packet is a sign of life, wherever it comes", ({ expect }) => {
    const life = packets("\u0001", "\u0002", "\u0001");
    const alive = concat(
      life,
      packets("\u0001PACK"),
      life,
      packets("\u0002hi\n"),
      life,
      packets("\u0001rest"),
      life,
    );
    for (const way of OLD_WAYS) {
      expect(fetchFrom({ ...way, says: [concat(NAK, alive, wire("0000"))] }, CLONE)).toMatchObject(HEARD);
    }
    const v2 = concat(packets("packfile\n"), alive, wire("0000"));
    expect(fetchFrom({ version: 2, says: [v2] }, CLONE)).toMatchObject(HEARD);
  });

  test("the pack begins where the negotiation ends, behind any progress, and its first bytes may be cut anywhere", ({
    expect,
  }) => {
    const cut = packets("\u0002hi\n", "\u0001P", "\u0001AC", "\u0001K", "\u0001rest", "0000");
    for (const way of OLD_WAYS) {
      expect(fetchFrom({ ...way, says: [concat(NAK, cut)] }, CLONE)).toMatchObject(HEARD);
    }
    expect(fetchFrom({ version: 2, says: [concat(packets("packfile\n"), cut)] }, CLONE)).toMatchObject(HEARD);
  });

  test("band 3 ends the fetch with its text, whatever came before it", ({ expect }) => {
    const failing = packets("\u0001PACK", "\u0001rest", "\u0003out of memory\n", "0000");
    for (const way of OLD_WAYS) {
      expect(fetchFrom({ ...way, says: [concat(NAK, failing)] }, CLONE)).toMatchObject({
        state: "failed",
        error: "REMOTE_ERROR: out of memory",
      });
    }
  });

  test("progress is heard though none was asked for", ({ expect }) => {
    for (const version of [0, 2] as const) {
      const head = version === 2 ? packets("packfile\n") : NAK;
      expect(
        fetchFrom({ version, says: [concat(head, PACK)] }, { ...CLONE, noProgress: true }),
      ).toMatchObject(HEARD);
    }
  });

  test("a first byte of 1, 2 or 3 is a band where bands were agreed, and a byte elsewhere", ({ expect }) => {
    const bare = { capabilities: "ofs-delta", says: [concat(NAK, wire("PACK\u0001\u0002\u0003"))] };
    expect(fetchFrom(bare, CLONE)).toMatchObject({
      state: "done",
      pack: "PACK\u0001\u0002\u0003",
      progress: "",
    });
    for (const band of ["\u0001", "\u0002", "\u0003"]) {
      const early = { says: [packets(`${band}PACK`, "0000")] };
      expect(fetchFrom(early, CLONE)).toMatchObject({ error: "ACK_INVALID", pack: "", progress: "" });
    }
  });

  test("the lines of a real server's progress are cut inside words, and its pack is whole all the same", ({
    expect,
  }) => {
    const haves = [parseObjectId("f8de43c3b7be13dc9b65a685bd29d774f64348a6")];
    const story = fetchFrom(
      { transport: "stateless", says: [vector("v0-mad-nodone-ready.bin")] },
      { wants: [C], haves: [...haves, ...fillers(16)] },
    );
    expect(story).toMatchObject({ state: "done", common: "f" });
    expect(story.pack.startsWith("PACK\0\0\0\u0002")).toBe(true);
    expect(story.progress.split(/[\r\n]/)).toContain("Counting objects: 100% (16/16), done.");
  });
});

/** So many other haves: portions are full, and no `done` follows them. */
function fillers(count: number): ObjectId[] {
  return Array.from({ length: count }, (_, index) =>
    parseObjectId((index + 1).toString(16).padStart(40, "0")),
  );
}

describe("negotiation in v0 and v1", () => {
  test("any number of NAKs may come before the pack", ({ expect }) => {
    for (const way of OLD_WAYS) {
      for (const count of [1, 2, 3, 7]) {
        const naks = Array.from({ length: count }, () => NAK);
        expect(fetchFrom({ ...way, says: [concat(...naks, PACK)] }, CLONE)).toMatchObject(HEARD);
      }
      const both = concat(ack("common"), NAK, NAK, ack("final"), PACK);
      expect(fetchFrom({ ...way, says: [both] }, UPDATE)).toMatchObject({ ...HEARD, common: "a" });
    }
  });

  test("a round is read to its NAK, past ready, though everything was acknowledged", ({ expect }) => {
    const session = new FetchSession({ transport: "stateful" });
    session.feed(packets(`${C} refs/heads/a\0multi_ack_detailed side-band-64k`, "0000"));
    session.fetch({ wants: [C], haves: [A, ...fillers(31)] }, { onPack: () => {} });
    session.takeBytes();
    session.feed(concat(ack("common"), ack("ready")));
    expect(session.takeBytes()).toBeUndefined();
    session.feed(NAK);
    // The portion that was under way already has an answer of its own, and that is read as well.
    expect(String.fromCharCode(...(session.takeBytes() ?? []))).toBe("0009done\n");
    session.feed(concat(ack("common"), NAK, ack("final"), PACK));
    expect(session.status).toMatchObject({ state: "done", result: { common: [A] } });
  });

  test("the pack follows done, or ready with no-done, and nothing else", ({ expect }) => {
    const plan = { wants: [C], haves: [A, ...fillers(15)] };
    const common = concat(ack("common"), NAK);
    const ready = concat(ack("common"), ack("ready"), NAK);
    const last = concat(ack("final"), PACK);
    const http = { transport: "stateless" } as const;
    const plain = { ...http, capabilities: "multi_ack_detailed side-band-64k" } as const;
    expect(fetchFrom({ ...http, says: [concat(ready, last)] }, plan)).toMatchObject({
      ...HEARD,
      common: "a",
    });
    expect(fetchFrom({ ...http, says: [common, last] }, plan)).toMatchObject(HEARD);
    expect(fetchFrom({ ...plain, says: [ready, last] }, plan)).toMatchObject(HEARD);
    // Unasked it is not read as one, wherever it comes.
    expect(fetchFrom({ ...plain, says: [concat(ack("ready"), PACK)] }, plan)).toMatchObject({
      error: "ACK_INVALID",
    });
    expect(fetchFrom({ ...http, says: [concat(ack("common"), PACK)] }, plan)).toMatchObject({
      error: "ACK_INVALID",
    });
    expect(fetchFrom({ says: [PACK] }, CLONE)).toMatchObject({ error: "ACK_INVALID" });
    // And where it must follow, its absence is no end.
    expect(fetchFrom({ ...http, says: [ready] }, plan)).toMatchObject({ error: "STREAM_TRUNCATED" });
  });

  test("the boundary is read in every answer once a deepening was asked for, and in no other", ({
    expect,
  }) => {
    const moved = encodeShallowInfo({ shallow: [A], unshallow: [B] }, { version: 0 });
    const plan = { ...DEEPEN, haves: [A, ...fillers(15)] };
    const http = {
      transport: "stateless",
      capabilities: "multi_ack_detailed side-band-64k shallow",
    } as const;
    const apart = [moved, concat(moved, ack("common"), NAK), concat(moved, ack("final"), PACK)];
    expect(fetchFrom({ ...http, says: apart }, plan)).toMatchObject({
      ...HEARD,
      common: "a",
      boundary: "+a-b",
    });
    const connected = [moved, ack("common"), NAK, ack("final"), PACK];
    expect(fetchFrom({ says: connected }, plan)).toMatchObject({ ...HEARD, boundary: "+a-b" });
    // Nothing moves, and a server that does not repeat itself.
    expect(fetchFrom({ says: [wire("0000"), NAK, PACK] }, DEEPEN)).toMatchObject({ ...HEARD, boundary: "" });
    expect(fetchFrom({ ...http, says: [moved, concat(NAK, PACK)] }, DEEPEN)).toMatchObject({
      ...HEARD,
      boundary: "+a-b",
    });
    expect(fetchFrom({ says: [concat(moved, NAK, PACK)] }, CLONE)).toMatchObject({ error: "ACK_INVALID" });
  });

  test("an ACK is believed for whatever was told, even if the server lacks it, and for nothing else", ({
    expect,
  }) => {
    const told = [parseObjectId("f8de43c3b7be13dc9b65a685bd29d774f64348a6"), parseObjectId("4".repeat(40))];
    const says = [
      vector("v0-ma-round1.bin"),
      concat(encodeAck({ oid: told[1] ?? A, status: "final" }), PACK),
    ];
    const way = { transport: "stateless", capabilities: "multi_ack side-band-64k" } as const;
    const haves = [...told, ...fillers(14)];
    expect(fetchFrom({ ...way, says }, { wants: [C], haves })).toMatchObject({ ...HEARD, common: "f4" });
    const [, ...others] = haves;
    expect(fetchFrom({ ...way, says }, { wants: [C], haves: [A, ...others] })).toMatchObject({
      error: "ACK_UNKNOWN",
    });
    expect(fetchFrom({ says: [ack("final"), PACK] }, CLONE)).toMatchObject({ error: "ACK_UNKNOWN" });
  });

  test("ids of 64 digits are read in every line where the format is sha256", ({ expect }) => {
    const wide = parseObjectId("a".repeat(64), "sha256");
    const plan: FetchPlan = {
      wants: [parseObjectId("c".repeat(64), "sha256")],
      haves: [wide],
      deepen: { type: "depth", depth: 1 },
    };
    const says = [packets(`shallow ${wide}`, "0000"), concat(ack("common", wide), ack("final", wide), PACK)];
    const heard = { ...HEARD, common: "a", boundary: "+a" };
    expect(fetchFrom({ objectFormat: "sha256", says }, plan)).toMatchObject(heard);
    const v2 = packets("shallow-info\n", `shallow ${wide}`, "0001", "packfile\n");
    const acks = packets("acknowledgments\n", `ACK ${wide}\n`, "ready\n", "0001");
    expect(
      fetchFrom({ version: 2, objectFormat: "sha256", says: [concat(acks, v2, PACK)] }, plan),
    ).toMatchObject(heard);
    // And ids of another width nowhere.
    expect(fetchFrom({ says: [packets(`shallow ${wide}`, "0000")] }, DEEPEN)).toMatchObject({
      error: "ACK_INVALID",
    });
    expect(fetchFrom({ version: 2, says: [v2] }, { ...plan, wants: [C], haves: [] })).toMatchObject({
      error: "SHALLOW_INVALID",
    });
  });
});

describe("a server that cannot or will not", () => {
  test("a want that is gone by now is told in the server's words", ({ expect }) => {
    const http = { transport: "stateless" } as const;
    expect(fetchFrom({ ...http, says: [vector("v0-notourref.bin")] }, CLONE)).toMatchObject({
      state: "failed",
      error: `REMOTE_ERROR: upload-pack: not our ref ${"5".repeat(40)}`,
    });
    expect(fetchFrom({ ...http, version: 2, says: [vector("v2-fetch-notourref.bin")] }, CLONE)).toMatchObject(
      {
        state: "failed",
        error: `REMOTE_ERROR: upload-pack: not our ref ${"2".repeat(40)}`,
      },
    );
  });

  test("ERR ends the conversation, whatever was due", ({ expect }) => {
    const refusal = packets("ERR not today\n");
    const failed = { state: "failed", error: "REMOTE_ERROR: not today", pack: "" };
    const plan = { wants: [C], haves: [A, ...fillers(15)] };
    for (const way of OLD_WAYS) {
      expect(fetchFrom({ ...way, says: [refusal] }, DEEPEN)).toMatchObject(failed);
      expect(fetchFrom({ ...way, says: [refusal] }, plan)).toMatchObject(failed);
      expect(fetchFrom({ ...way, says: [concat(ack("common"), refusal)] }, plan)).toMatchObject(failed);
      expect(fetchFrom({ ...way, says: [concat(NAK, refusal)] }, CLONE)).toMatchObject(failed);
    }
    const sections = ["acknowledgments\n", "ready\n", "0001", "shallow-info\n", `shallow ${A}`];
    for (let heard = 0; heard <= sections.length; heard += 1) {
      const says = [packets(...sections.slice(0, heard), "ERR not today\n")];
      expect(fetchFrom({ version: 2, says }, { ...DEEPEN, haves: [A] })).toMatchObject(failed);
    }
    const session = new FetchSession({ transport: "stateful" });
    expect(() => session.feed(refusal)).toThrow(expect.objectContaining({ code: "REMOTE_ERROR" }));
    const listing = greeted();
    listing.listRefs({ prefixes: [] });
    expect(() => listing.feed(concat(packets(`${A} refs/heads/a\n`), refusal))).toThrow(
      expect.objectContaining({ code: "REMOTE_ERROR" }),
    );
  });

  test("each way to break a v2 answer has a code of its own", ({ expect }) => {
    const acks = ["acknowledgments\n", "ready\n", "0001"];
    const broken: readonly (readonly string[])[] = [
      ["acknowledgments\n", "ready\n", "0000"],
      ["acknowledgments\n", "NAK\n", "0001"],
      [...acks, "shallow-info\n", "0001", "shallow-info\n"],
      [...acks, "packfile-uris\n", "0001", "shallow-info\n"],
      [...acks, "gossip\n"],
      ["acknowledgments\n", "0002"],
      [...acks, "0001"],
      ["acknowledgments\n", "PERHAPS\n"],
      ["acknowledgments\n", `ACK ${B}\n`],
      ["packfile\n"],
      [...acks, "shallow-info\n", "0000"],
      [...acks, "shallow-info\n", "deep\n"],
      [...acks, "wanted-refs\n", `${A} \n`],
      [...acks, "packfile-uris\n", "ftp\n"],
      [...acks, "packfile\n", "\u0004x"],
      [...acks, "packfile\n", "\u0003x"],
      ["acknowledgments\n"],
    ];
    const codes = broken.map(
      (lines) => fetchFrom({ version: 2, says: [packets(...lines)] }, { wants: [C], haves: [A] }).error,
    );
    expect(codes).toEqual([
      "READY_WITHOUT_DELIM",
      "DELIM_WITHOUT_READY",
      "SECTION_DUPLICATED",
      "SECTION_OUT_OF_ORDER",
      "SECTION_UNKNOWN",
      "RESPONSE_END_UNEXPECTED",
      "DELIM_UNEXPECTED",
      "ACK_INVALID",
      "ACK_UNKNOWN",
      "ACKNOWLEDGMENTS_MISSING",
      "FLUSH_UNEXPECTED",
      "SHALLOW_INVALID",
      "WANTED_REF_INVALID",
      "PACKFILE_URI_INVALID",
      "SIDEBAND_INVALID",
      "REMOTE_ERROR: x",
      "STREAM_TRUNCATED",
    ]);
    expect(new Set(codes).size).toBe(broken.length);
  });
});

/** A session that has heard that the server speaks v2. */
function greeted(): FetchSession {
  const session = new FetchSession({ transport: "stateful" });
  session.feed(packets("version 2\n", "ls-refs=unborn\n", "fetch=shallow\n", "0000"));
  return session;
}

describe("what a server says of itself", () => {
  test("an empty answer about prefixes says nothing about other refs, and one may ask again", ({
    expect,
  }) => {
    const session = greeted();
    session.listRefs({ prefixes: ["refs/heads/none"] });
    session.feed(wire("0000"));
    expect(session.status).toMatchObject({ state: "request", listing: { refs: [] } });
    session.listRefs({ prefixes: [] });
    session.feed(packets(`${A} refs/heads/a\n`, "0000"));
    expect(session.status).toMatchObject({ state: "request", listing: { refs: [{ name: "refs/heads/a" }] } });
  });

  test("the server's answer decides about the version, whatever was asked for", ({ expect }) => {
    const greetings: readonly (readonly [answered: 0 | 1 | 2, greeting: Uint8Array])[] = [
      [0, packets(`${A} HEAD\0side-band-64k`, "0000")],
      [1, packets("version 1\n", `${A} HEAD\0side-band-64k`, "0000")],
      [2, packets("version 2\n", "fetch\n", "0000")],
    ];
    for (const [answered, greeting] of greetings) {
      for (const version of [0, 1, 2] as const) {
        const session = new FetchSession({ transport: "stateless", version });
        session.takeRequest();
        session.feed(concat(packets("# service=git-upload-pack\n", "0000"), greeting));
        session.end();
        session.fetch(CLONE, { onPack: () => {} });
        const request = session.takeRequest();
        // The header is on the POST, too, and names what was answered.
        expect(request?.headers["Git-Protocol"]).toBe(answered === 0 ? undefined : `version=${answered}`);
        session.feed(concat(answered === 2 ? packets("packfile\n") : NAK, PACK));
        session.end();
        expect(session.state).toBe("done");
      }
    }
  });

  test("a branch called like a version, a service or an error is a branch", ({ expect }) => {
    for (const name of ["version 2", "ERR", "# service=git-upload-pack", "capabilities^{}"]) {
      const decoder = new AdvertisementDecoder({ service: "git-upload-pack", smartHttp: false });
      decoder.feed(
        packets(
          `${A} refs/heads/main\0agent=git/2`,
          `${B} refs/heads/${name.replaceAll(/[ ^{}]/g, "-")}\n`,
          "0000",
        ),
      );
      expect(decoder.finish()).toMatchObject({ version: 0, refs: [{ oid: A }, { oid: B }] });
    }
  });

  test("a server that is shallow itself says so unasked: in its refs in v0, before the pack in v2", ({
    expect,
  }) => {
    for (const version of [0, 1]) {
      const decoder = new AdvertisementDecoder({ service: "git-upload-pack", smartHttp: false });
      decoder.feed(vector(`adv-up-v${version}-shallow.bin`));
      const advertisement = decoder.finish();
      expect(advertisement).toMatchObject({ version, shallow: [expect.stringMatching(/^[0-9a-f]{40}$/)] });
    }
    const story = fetchFrom(
      { version: 2, transport: "stateless", says: [vector("v2-fetch-servershallow.bin")] },
      CLONE,
    );
    expect(story).toMatchObject({ state: "done", boundary: "+9" });
    expect(story.pack.startsWith("PACK")).toBe(true);
  });

  test("packs elsewhere are neither asked for nor fetched unless the caller says so", ({ expect }) => {
    const session = new FetchSession({ transport: "stateful" });
    session.feed(packets("version 2\n", "bundle-uri\n", "fetch=packfile-uris shallow\n", "0000"));
    session.fetch(CLONE, { onPack: () => {} });
    const asked = String.fromCharCode(...(session.takeBytes() ?? []));
    expect(asked).toContain("command=fetch");
    expect(asked).not.toMatch(/packfile-uris|bundle-uri/);
  });
});
