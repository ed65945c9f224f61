import { describe, test } from "vitest";
import { vector } from "../../fixtures/vectors.ts";
import { AdvertisementDecoder } from "../advertisement-decoder.ts";
import { ProtocolError } from "../errors.ts";
import { parseObjectId } from "../object-id.ts";
import { parseRefName } from "../ref-name.ts";
import type { CommandStatus, ReportStatus } from "../report-status.ts";
import { concat, packets, wire } from "../testing/bytes.ts";
import { bytewise, everyCut, whole } from "../testing/cuts.ts";
import type { UpdateRequestDecoder } from "../update-request-decoder.ts";
import { ReceivePackServer } from "./receive-pack-server.ts";
import { receivePackCapabilities } from "./server-capabilities.ts";

const [TIP = "", PARENT = "", OLD = ""] = String.fromCharCode(...vector("oids.txt"))
  .trim()
  .split(" ");
const SIDE = "ddae0026e9951d4b7058eb4639cb909908a94d31";
const ZERO = "0".repeat(40);
const create = `${ZERO} ${TIP} refs/heads/new`;
const remove = `${SIDE} ${ZERO} refs/heads/side`;
const CAPABILITIES = receivePackCapabilities({
  objectFormat: "sha1",
  atomic: true,
  pushOptions: true,
  agent: "git/2.39.5",
});

function server(version: 0 | 1 = 0, transport: "stateful" | "stateless" = "stateless"): ReceivePackServer {
  return new ReceivePackServer({ version, transport, objectFormat: "sha1", capabilities: CAPABILITIES });
}

const ok = (ref: string): CommandStatus => ({ type: "ok", ref: parseRefName(ref), options: {} });
const ng = (ref: string, reason: string): CommandStatus => ({ type: "ng", ref: parseRefName(ref), reason });
const report = (...commands: readonly CommandStatus[]): ReportStatus => ({ unpack: { ok: true }, commands });

interface Pushed {
  readonly updates: readonly (ReturnType<UpdateRequestDecoder["finish"]> & { readonly hasPack: boolean })[];
  readonly pack: string;
}

function push(receiver: ReceivePackServer, chunks: Iterable<Uint8Array>): Pushed {
  const updates: Pushed["updates"][number][] = [];
  let pack = "";
  for (const chunk of chunks) {
    for (const request of receiver.feed(chunk)) {
      if (request.type === "pack") pack += text(request.data);
      else updates.push({ ...request.update, hasPack: request.hasPack });
    }
  }
  return { updates, pack };
}

describe("ReceivePackServer", () => {
  const moved = `is at ${SIDE} but expected`;
  // What git's receive-pack said to the requests of fixtures/record.ts.
  test.for<readonly [name: string, request: readonly string[], progress: string, report: ReportStatus]>([
    ["rp-create-ok", [`${create}\0 report-status side-band-64k agent=x`], "", report(ok("refs/heads/new"))],
    [
      "rp-dfconflict-nosideband",
      [`${ZERO} ${TIP} refs/heads/a\0 report-status`, `${ZERO} ${TIP} refs/heads/a/b`],
      "not heard without side-band",
      report(ok("refs/heads/a"), ng("refs/heads/a/b", "failed to update ref")),
    ],
    ["rp-delete-ok-v2", [`${remove}\0 report-status-v2 side-band-64k`], "", report(ok("refs/heads/side"))],
    [
      "rp-delete-staleold",
      [`${TIP} ${ZERO} refs/heads/side\0 report-status side-band-64k`],
      `error: cannot lock ref 'refs/heads/side': ${moved} ${TIP}\n`,
      report(ng("refs/heads/side", "failed to update ref")),
    ],
    [
      "rp-atomic-fail",
      [
        `${create}\0 report-status side-band-64k atomic`,
        `${TIP} ${PARENT} refs/heads/main`,
        `${PARENT} ${TIP} refs/heads/side`,
      ],
      `error: cannot lock ref 'refs/heads/side': ${moved} ${PARENT}\n`,
      report(
        ng("refs/heads/new", "atomic transaction failed"),
        ng("refs/heads/main", "atomic transaction failed"),
        ng("refs/heads/side", "atomic transaction failed"),
      ),
    ],
    [
      "rp-badpack",
      [`${create}\0 report-status side-band-64k`],
      "fatal: final sha1 did not match\n",
      {
        unpack: { ok: false, error: "unpack-objects abnormal exit" },
        commands: [ng("refs/heads/new", "unpacker error")],
      },
    ],
    [
      "rp-procreceive-v2",
      [`${ZERO} ${TIP} refs/for/main/topic\0 report-status-v2 side-band-64k object-format=sha1`],
      "",
      report({
        type: "ok",
        ref: parseRefName("refs/for/main/topic"),
        options: {
          refName: parseRefName("refs/pull/7/head"),
          newId: parseObjectId(TIP),
          forcedUpdate: true,
        },
      }),
    ],
  ])("reports as git does, byte for byte: %s", ([name, request, progress, outcome], { expect }) => {
    const receiver = server();
    expect(push(receiver, [packets(...request, "0000")]).updates).toHaveLength(1);
    expect(text(concat(receiver.progress(progress), receiver.report(outcome)))).toBe(
      text(vector(`${name}.bin`)),
    );
    expect(receiver.state).toBe("done");
  });

  test.for(["adv-rp-v0-full", "adv-rp-v0-empty", "adv-rp-v0-shallow", "adv-rp-v0-alt"])(
    "advertises as git does: %s",
    (name, { expect }) => {
      const decoder = new AdvertisementDecoder({ service: "git-receive-pack", smartHttp: false });
      const recorded = vector(`${name}.bin`);
      decoder.feed(recorded);
      const theirs = decoder.finish();
      if (theirs.version === 2) throw new Error("no push in v2");
      const receiver = new ReceivePackServer({
        version: 0,
        transport: "stateless",
        objectFormat: "sha1",
        capabilities: receivePackCapabilities({ objectFormat: "sha1", atomic: true, agent: "git/2.39.5" }),
      });
      const bytes = receiver.advertise(theirs);
      // git lists the tips of alternates first; nobody asks in which order.
      expect(linesOf(bytes)).toEqual(linesOf(recorded));
      expect(receiver.state).toBe("done");
    },
  );

  test("advertises neither HEAD nor what tags lead to, and says version 1 when asked", ({ expect }) => {
    const oid = parseObjectId(TIP);
    const bytes = server(1, "stateful").advertise({
      refs: [
        { name: parseRefName("HEAD"), oid, symrefTarget: parseRefName("refs/heads/main") },
        { name: parseRefName("refs/heads/main"), oid },
        { name: parseRefName("refs/tags/v1"), oid, peeled: parseObjectId(PARENT) },
      ],
    });
    expect(text(bytes)).toMatch(/^000eversion 1\n[0-9a-f]{4}[0-9a-f]{40} refs\/heads\/main\0/);
    expect(text(bytes)).not.toMatch(/HEAD|\^\{\}|symref/);
  });

  test("hands on commands, options and pack, however the stream is cut", ({ expect }) => {
    const stream = concat(
      packets(
        `shallow ${PARENT}`,
        `${create}\0 report-status side-band-64k push-options`,
        remove,
        "0000",
        "ci.skip",
        "0000",
      ),
      wire("PACK and all the rest"),
    );
    for (const chunks of [whole(stream), bytewise(stream), ...everyCut(stream)]) {
      const receiver = server(0, "stateful");
      receiver.advertise({ refs: [] });
      const { updates, pack } = push(receiver, chunks);
      expect(updates).toMatchObject([
        {
          commands: [
            { type: "create", ref: "refs/heads/new", newId: TIP },
            { type: "delete", ref: "refs/heads/side", oldId: SIDE },
          ],
          shallow: [PARENT],
          pushOptions: ["ci.skip"],
          hasPack: true,
        },
      ]);
      expect(pack).toBe("PACK and all the rest");
      receiver.end();
      expect(receiver.state).toBe("pack");
      expect(text(receiver.report(report()))).toBe("0017\u0001000eunpack ok\n00000000");
    }
  });

  test.for<readonly [what: string, capabilities: string, report: string]>([
    ["nothing where no report was asked for", "ofs-delta", ""],
    ["only the end of side-band where no report was asked for", "side-band-64k", "0000"],
    ["no options where the first form was asked for", "report-status", "unpack ok|ok refs/heads/new|0000"],
    [
      "options where the second form was asked for",
      "report-status-v2",
      `unpack ok|ok refs/heads/new|option new-oid ${OLD}|0000`,
    ],
  ])("reports %s", ([, capabilities, expected], { expect }) => {
    const receiver = server();
    push(receiver, [packets(`${create}\0 ${capabilities}`, "0000")]);
    const options = { newId: parseObjectId(OLD) };
    const said = receiver.report(report({ type: "ok", ref: parseRefName("refs/heads/new"), options }));
    expect(
      text(said)
        .replaceAll(/([\n]?)[0-9a-f]{4}(?=unpack|ok|option|$)/g, "$1")
        .replaceAll("\n", "|"),
    ).toBe(expected.replace(/0000$/, ""));
    expect(text(said).endsWith("0000")).toBe(expected !== "");
  });

  test("a push of nothing is a goodbye, and so is an end before the first command", ({ expect }) => {
    for (const stream of [packets("0000"), packets(`shallow ${TIP}`, "0000"), wire("")]) {
      const receiver = server();
      expect(push(receiver, [stream]).updates).toEqual([]);
      receiver.end();
      expect(receiver.state).toBe("done");
      expect([...receiver.feed(wire("more"))]).toEqual([]);
    }
  });

  test.for<readonly [what: string, request: Uint8Array]>([
    ["another object-format", packets(`${create}\0 object-format=sha256`, "0000")],
    [
      "another object-format of the right width",
      packets(`${"0".repeat(64)} ${"a".repeat(64)} refs/heads/x\0 object-format=sha256`, "0000"),
    ],
    ["a name that leads out", packets(`${ZERO} ${TIP} refs/heads/../x\0`, "0000")],
    ["a command that does nothing", packets(`${ZERO} ${ZERO} refs/heads/x\0`, "0000")],
  ])("refuses %s, and can say so", ([, request], { expect }) => {
    const receiver = server();
    expect(() => push(receiver, [request])).toThrow(ProtocolError);
    expect(text(receiver.refuse("no"))).toBe("000aERR no");
    expect(receiver.state).toBe("failed");
  });

  test("says in band 3 what goes wrong in the pack, and in ERR without side-band", ({ expect }) => {
    const say = (capabilities: string): string => {
      const receiver = server();
      push(receiver, [packets(`${create}\0 ${capabilities}`, "0000"), wire("PACK")]);
      return text(receiver.refuse("disk full"));
    };
    expect(say("report-status side-band-64k")).toBe("000e\u0003disk full");
    expect(say("report-status")).toBe("0011ERR disk full");
  });

  test("keeps a long push alive", ({ expect }) => {
    const receiver = server();
    push(receiver, [packets(`${create}\0 side-band-64k`, "0000")]);
    expect(text(receiver.keepalive())).toBe("0005\u0001");
  });

  test("a client that leaves inside its commands is not saying goodbye", ({ expect }) => {
    for (const [stream, code] of [
      [packets(`${create}\0 report-status`), "STREAM_TRUNCATED"],
      [wire("00"), "PKT_TRUNCATED"],
    ] as const) {
      const receiver = server();
      push(receiver, [stream]);
      expect(() => receiver.end()).toThrow(expect.objectContaining({ code }));
    }
  });

  test("refuses calls out of place, names both states, and changes nothing", ({ expect }) => {
    const receiver = server(0, "stateful");
    expect(() => receiver.feed(wire("0000"))).toThrow(/"advertisement".*"request" or "pack"/);
    expect(() => receiver.report(report())).toThrow(expect.objectContaining({ code: "STATE_INVALID" }));
    receiver.advertise({ refs: [] });
    expect(() => receiver.advertise({ refs: [] })).toThrow(/"request".*"advertisement"/);
    expect(() => receiver.progress("x")).toThrow(/"request".*"pack" or "report"/);
    push(receiver, [packets(`${remove}\0 report-status`, "0000")]);
    expect(() => receiver.feed(wire("PACK"))).toThrow(/"report".*"request" or "pack"/);
    receiver.report(report());
    expect(() => receiver.report(report())).toThrow(/"done".*"pack" or "report"/);
    expect(() => receiver.refuse("x")).toThrow(/"done"/);
  });
});

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

/** Lines of an advertisement in one order, each capability a line of its own. */
function linesOf(advertisement: Uint8Array): readonly string[] {
  const [line = "", capabilities = ""] = text(advertisement).split("\0");
  const end = capabilities.indexOf("\n");
  return [
    ...capabilities.slice(0, end).split(" "),
    ...`${line.slice(4)}${capabilities.slice(end)}`
      .split("\n")
      .map((entry) => entry.replace(/^[0-9a-f]{4}(?=[0-9a-f]{40}|shallow)/, "")),
  ].toSorted();
}
