import fc from "fast-check";
import { describe, test } from "vitest";
import type { RefAdvertisement } from "../advertisement.ts";
import { ProtocolError } from "../errors.ts";
import { type ObjectId, parseObjectId } from "../object-id.ts";
import { emptyPack } from "../pack/header.ts";
import { SidebandEncoder } from "../pkt-line/sideband-encoder.ts";
import { encodePushCertificateContent, type PushCertificate } from "../push-certificate.ts";
import { parseRefName, type RefName } from "../ref-name.ts";
import { needsPack, type RefUpdateCommand } from "../ref-update-command.ts";
import { encodeReportStatus, type ReportStatus } from "../report-status.ts";
import { ReceivePackServer } from "../server/receive-pack-server.ts";
import { receivePackCapabilities } from "../server/server-capabilities.ts";
import { concat, packets, wire } from "../testing/bytes.ts";
import { cutBy } from "../testing/cuts.ts";
import { commands as anyCommands, reportStatus } from "../testing/push-arbitraries.ts";
import { matchReport } from "./push-outcome.ts";
import { type PushPlan, PushSession } from "./push-session.ts";

function id(number: number): ObjectId {
  return parseObjectId(number.toString(16).padStart(40, "0"));
}

const MAIN = parseRefName("refs/heads/main");
const SIDE = parseRefName("refs/heads/side");
const create: RefUpdateCommand = { type: "create", ref: MAIN, newId: id(1) };
const remove: RefUpdateCommand = { type: "delete", ref: SIDE, oldId: id(2) };
const OK: ReportStatus = { unpack: { ok: true }, commands: [{ type: "ok", ref: MAIN, options: {} }] };
const PACK = emptyPack("sha1");
const ALL = receivePackCapabilities({
  objectFormat: "sha1",
  agent: "model",
  atomic: true,
  pushOptions: true,
});

function without(...names: readonly string[]): readonly (typeof ALL)[number][] {
  return ALL.filter(({ name }) => !names.includes(name));
}

/** A session that has heard the server's first word. */
function greeted(capabilities = ALL as readonly (typeof ALL)[number][]): PushSession {
  const server = new ReceivePackServer({
    version: 0,
    transport: "stateful",
    objectFormat: "sha1",
    capabilities,
  });
  const session = new PushSession({ transport: "stateful", agent: "test/1" });
  session.feed(server.advertise({ refs: [{ name: SIDE, oid: id(2) }] }));
  return session;
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

function text(bytes: Uint8Array | undefined): string {
  return String.fromCharCode(...(bytes ?? []));
}

describe("a push", () => {
  test("commands and options go out, a pack follows, the report comes back", ({ expect }) => {
    const session = greeted();
    session.push({ commands: [create], atomic: true, quiet: true, pushOptions: ["ci.skip"] });
    expect(text(session.takeBytes())).toBe(
      text(
        packets(
          `${"0".repeat(40)} ${id(1)} ${MAIN}\0 report-status-v2 side-band-64k quiet atomic push-options object-format=sha1 agent=test/1`,
          "0000",
          "ci.skip",
          "0000",
        ),
      ),
    );
    expect([session.state, session.receiving]).toEqual(["packfile", true]);
    session.packSent();
    expect(session.state).toBe("report");
    session.feed(encodeReportStatus(OK, { sideband: true, v2: true }));
    expect(session.status).toMatchObject({
      state: "done",
      outcome: { type: "reported", commands: [{ type: "ok", command: create, reports: [] }], strangers: [] },
    });
    expect(session.receiving).toBe(false);
  });

  test("signed, with the nonce of this conversation and no other", ({ expect }) => {
    const nonce = "1700000000-abc";
    const server = new ReceivePackServer({
      version: 0,
      transport: "stateful",
      objectFormat: "sha1",
      capabilities: receivePackCapabilities({ objectFormat: "sha1", pushNonce: nonce }),
    });
    const session = new PushSession({ transport: "stateful" });
    session.feed(server.advertise({ refs: [] }));
    const certificate: PushCertificate = {
      pusher: "A <a@example.com> 1700000000 +0000",
      nonce,
      pushOptions: [],
      commands: [create],
      signature: wire("-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----\n"),
    };
    const plan: PushPlan = { commands: [create], certificate };
    expect(codeOf(() => session.push({ ...plan, certificate: { ...certificate, nonce: "1-b" } }))).toBe(
      "NONCE_INVALID",
    );
    expect(codeOf(() => greeted().push(plan))).toBe("CAPABILITY_MISSING");
    session.push(plan);
    const [update] = server.feed(session.takeBytes() ?? new Uint8Array(0));
    expect(update).toMatchObject({
      type: "update",
      update: {
        certificate: { ...certificate, signedBytes: encodePushCertificateContent(certificate, "sha1") },
      },
    });
  });

  test("no pack follows when every command deletes", ({ expect }) => {
    const session = greeted();
    session.push({ commands: [remove] });
    expect(session.state).toBe("report");
  });

  test("over HTTP the request says whether a pack follows its body", ({ expect }) => {
    const session = new PushSession({ transport: "stateless", agent: "test/1" });
    expect(session.takeRequest()).toEqual({
      method: "GET",
      path: "/info/refs?service=git-receive-pack",
      headers: { Accept: "*/*", Pragma: "no-cache" },
      packFollows: false,
      answerType: "application/x-git-receive-pack-advertisement",
    });
    session.feed(
      packets(
        "# service=git-receive-pack\n",
        "0000",
        `${id(2)} ${SIDE}\0report-status delete-refs\n`,
        "0000",
      ),
    );
    session.end();
    session.push({ commands: [create, remove] });
    expect(session.takeRequest()).toMatchObject({
      method: "POST",
      path: "/git-receive-pack",
      headers: { "Content-Type": "application/x-git-receive-pack-request" },
      packFollows: true,
    });
    session.packSent();
    session.feed(packets("unpack ok\n", `ok ${MAIN}\n`, `ng ${SIDE} no\n`, "0000"));
    expect(session.state).toBe("report");
    session.end();
    expect(session.status).toMatchObject({
      state: "done",
      outcome: { commands: [{ type: "ok" }, { type: "ng", reason: "no" }] },
    });
  });

  test("what the server says before the pack is sent ends the push, and ending the pack then does no harm", ({
    expect,
  }) => {
    const session = greeted();
    session.push({ commands: [create] });
    session.takeBytes();
    session.feed(
      encodeReportStatus({ ...OK, unpack: { ok: false, error: "disk full" } }, { sideband: true, v2: true }),
    );
    expect(session.status).toMatchObject({
      state: "done",
      outcome: { report: { unpack: { error: "disk full" } } },
    });
    session.packSent();
    expect(session.state).toBe("done");
  });

  test("progress is handed on, before the report and behind it", ({ expect }) => {
    const session = greeted();
    let said = "";
    session.push({ commands: [create] }, { onProgress: (view) => (said += text(view)) });
    const report = encodeReportStatus(OK, { sideband: false, v2: true });
    const band = new SidebandEncoder();
    session.feed(
      concat(band.progress(wire("hook ")), band.pack(report), band.progress(wire("done")), wire("0000")),
    );
    expect([session.state, said]).toEqual(["done", "hook done"]);
  });

  test.for<[keyof PushPlan | "delete", Partial<PushPlan>, string]>([
    ["atomic", { atomic: true }, "atomic"],
    ["pushOptions", { pushOptions: ["x"] }, "push-options"],
    ["delete", { commands: [remove] }, "delete-refs"],
  ])(
    "%s is refused before anything is sent where the server has no such capability",
    ([, wish, missing], { expect }) => {
      const session = greeted(without(missing));
      expect(codeOf(() => session.push({ commands: [create], ...wish }))).toBe("CAPABILITY_MISSING");
      expect([session.state, session.takeBytes()]).toEqual(["request", undefined]);
    },
  );

  test("no commands is no push, and close says goodbye", ({ expect }) => {
    const session = greeted();
    expect(codeOf(() => session.push({ commands: [] }))).toBe("REQUEST_INVALID");
    session.close();
    expect([text(session.takeBytes()), session.state]).toEqual(["0000", "done"]);
  });

  test("v2 has no push", ({ expect }) => {
    const session = new PushSession({ transport: "stateful" });
    expect(codeOf(() => session.feed(packets("version 2\n", "0000")))).toBe("VERSION_UNSUPPORTED");
    expect(session.state).toBe("failed");
  });
});

describe("the outcome of a push", () => {
  test("without report-status it is unknown, with and without side-band", ({ expect }) => {
    for (const lacks of [[], ["side-band-64k"]]) {
      const session = greeted(without("report-status", "report-status-v2", ...lacks));
      session.push({ commands: [create] });
      session.takeBytes();
      session.packSent();
      if (lacks.length === 0) session.feed(packets("\x02hook\n", "0000"));
      else session.end();
      expect(session.status).toMatchObject({ state: "done", outcome: { type: "unknown" } });
    }
  });

  test("band 3 fails the push without a report, too", ({ expect }) => {
    const session = greeted(without("report-status", "report-status-v2"));
    session.push({ commands: [create] });
    session.takeBytes();
    expect(codeOf(() => session.feed(packets("\x03no room")))).toBe("REMOTE_ERROR");
    expect(session.status).toMatchObject({ state: "failed", outcome: { type: "unknown" } });
  });

  test.for([
    ["nothing", [], "REPORT_MISSING"],
    ["progress alone", [packets("\x02hook\n", "0000")], "REPORT_MISSING"],
    ["half a report", [packets("\x01000eunpack ok\n")], "STREAM_TRUNCATED"],
  ] as const)("an agreed report that is missing (%s) leaves it unknown", ([, answer, code], { expect }) => {
    const session = greeted();
    session.push({ commands: [create] });
    session.takeBytes();
    session.packSent();
    expect(
      codeOf(() => {
        for (const chunk of answer) session.feed(chunk);
        session.end();
      }),
    ).toBe(code);
    expect(session.status).toMatchObject({ state: "failed", outcome: { type: "unknown" } });
  });

  test("before the commands were handed out there is none to be unknown", ({ expect }) => {
    const session = new PushSession({ transport: "stateful" });
    codeOf(() => session.end());
    expect(session.status).not.toHaveProperty("outcome");
    const unsent = greeted();
    unsent.push({ commands: [create] });
    codeOf(() => unsent.end());
    expect(unsent.status).not.toHaveProperty("outcome");
  });

  test("a command that is not mentioned is unreported, one that is refused anywhere has failed, strangers are named", ({
    expect,
  }) => {
    const other = parseRefName("refs/heads/other");
    const options = { refName: SIDE, newId: id(9) };
    const { commands, strangers } = matchReport([create, remove, { ...create, ref: other }], {
      unpack: { ok: true },
      commands: [
        { type: "ok", ref: MAIN, options },
        { type: "ok", ref: MAIN, options: { forcedUpdate: true } },
        { type: "ok", ref: other, options: {} },
        { type: "ng", ref: other, reason: "hook declined" },
        { type: "ok", ref: parseRefName("refs/for/review"), options: {} },
      ],
    });
    expect(commands.map(({ type }) => type)).toEqual(["ok", "unreported", "ng"]);
    expect(commands[0]).toMatchObject({ reports: [options, { forcedUpdate: true }] });
    expect(strangers).toEqual(["refs/for/review"]);
  });
});

describe("any push", () => {
  interface Action {
    readonly call: string;
    readonly legal: readonly string[];
    readonly run: (session: PushSession) => void;
  }

  const RECEIVING = ["advertisement", "packfile", "report"];
  const ACTIONS: readonly Action[] = [
    { call: "feed", legal: RECEIVING, run: (session) => session.feed(wire("0000")) },
    { call: "end", legal: RECEIVING, run: (session) => session.end() },
    { call: "push", legal: ["request"], run: (session) => session.push({ commands: [create] }) },
    {
      call: "end the pack",
      legal: ["packfile", "done", "failed"],
      run: (session) => session.packSent(),
    },
    { call: "close", legal: ["request"], run: (session) => session.close() },
  ];

  function poke(session: PushSession): string[] {
    const { status } = session;
    return ACTIONS.filter(({ legal }) => !legal.includes(status.state)).flatMap(({ call, legal, run }) => {
      try {
        run(session);
        return [`${call} is possible in ${status.state}`];
      } catch (error) {
        const { code, message, details } = error as ProtocolError;
        const told = details.state === status.state && details.expectedStates?.join() === legal.join();
        return code === "STATE_INVALID" && told && message.includes(status.state) && session.status === status
          ? []
          : [`${call}: ${message}`];
      }
    });
  }

  test("is read by a server and its report by us, cut anywhere; calls out of turn do no harm", ({
    expect,
  }) => {
    const visited = new Set<string>();
    fc.assert(
      fc.property(
        anyCommands("sha1"),
        reportStatus,
        fc.constantFrom("stateful" as const, "stateless" as const),
        fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }),
        fc.subarray(["report-status-v2", "side-band-64k", "quiet", "agent", "object-format"]),
        (commands, report, transport, cuts, lacks) => {
          const capabilities = without(...lacks);
          const serve = (): ReceivePackServer =>
            new ReceivePackServer({ version: 0, transport, objectFormat: "sha1", capabilities });
          const complaints: string[] = [];
          const session = new PushSession({ transport });
          const hear = (bytes: Uint8Array): void => {
            for (const piece of cutBy(bytes, cuts)) {
              visited.add(session.state);
              session.feed(piece);
              complaints.push(...poke(session));
            }
            if (transport === "stateless") session.end();
          };
          let server = serve();
          hear(server.advertise({ refs: [{ name: SIDE, oid: id(2) }] }));
          visited.add(session.state);
          session.push({ commands });
          complaints.push(...poke(session));
          const body = transport === "stateful" ? session.takeBytes() : session.takeRequest()?.body;
          if (transport === "stateless") server = serve();
          const heard: unknown[] = [];
          let pack = new Uint8Array(0);
          const sent = needsPack(commands) ? concat(body ?? PACK, PACK) : (body ?? PACK);
          for (const chunk of cutBy(sent, cuts)) {
            for (const request of server.feed(chunk)) {
              if (request.type === "pack") pack = concat(pack, request.data) as Uint8Array<ArrayBuffer>;
              else heard.push(request.update.commands);
            }
          }
          expect(heard).toEqual([commands]);
          expect(pack).toEqual(needsPack(commands) ? PACK : new Uint8Array(0));
          visited.add(session.state);
          if (needsPack(commands)) session.packSent();
          hear(concat(server.progress("hook\n"), server.report(report)));
          const v2 = !lacks.includes("report-status-v2");
          const status: { readonly state: string; readonly outcome?: unknown } = session.status;
          expect(status.state).toBe("done");
          expect(status.outcome).toEqual(matchReport(commands, v2 ? report : plain(report)));
          complaints.push(...poke(session));
          expect(complaints).toEqual([]);
        },
      ),
    );
    expect([...visited].toSorted()).toEqual(["advertisement", "packfile", "report", "request"]);
  });

  /** report-status of old knows no options. */
  function plain({ unpack, commands }: ReportStatus): ReportStatus {
    return {
      unpack,
      commands: commands.map((status) => (status.type === "ok" ? { ...status, options: {} } : status)),
    };
  }

  test("cut at any byte it never succeeds: failed, or unknown, never reported", ({ expect }) => {
    const advertisement: RefAdvertisement | undefined = (() => {
      const { status } = greeted();
      return status.state === "request" ? status.advertisement : undefined;
    })();
    const band = new SidebandEncoder();
    const inner = encodeReportStatus(
      { unpack: { ok: true }, commands: [{ type: "ok", ref: MAIN, options: { refName: SIDE as RefName } }] },
      { sideband: false, v2: true },
    );
    const answer = concat(
      band.progress(wire("hook")),
      band.pack(inner.subarray(0, 20)),
      band.pack(inner.subarray(20)),
    );
    for (const transport of ["stateful", "stateless"] as const) {
      for (let length = 0; length < answer.length; length += 1) {
        const session = new PushSession({
          transport,
          ...(advertisement === undefined ? {} : { advertisement }),
        });
        session.push({ commands: [create] });
        if (transport === "stateful") session.takeBytes();
        else session.takeRequest();
        session.packSent();
        const code = codeOf(() => {
          session.feed(answer.subarray(0, length));
          session.end();
        });
        expect(code).toMatch(/_TRUNCATED$|^REPORT_MISSING$/);
        expect(session.status).toMatchObject({ state: "failed", outcome: { type: "unknown" } });
      }
    }
  });
});
