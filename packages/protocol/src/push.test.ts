import fc from "fast-check";
import { describe, test } from "vitest";
import { CapabilityList, encodeCapabilities } from "./capabilities.ts";
import { equalRefUpdateCommands, equalReportStatuses } from "./equal.ts";
import { formatReportStatus } from "./format.ts";
import { parseObjectId } from "./object-id.ts";
import { SidebandEncoder } from "./pkt-line/sideband-encoder.ts";
import { decodeRefName, parseRefName, type RefName } from "./ref-name.ts";
import { encodeReportStatus, type ReportStatus } from "./report-status.ts";
import { ReportStatusDecoder, type ReportStatusDecoderOptions } from "./report-status-decoder.ts";
import { commands, objectFormat, objectId, reportStatus } from "./testing/arbitraries.ts";
import { concat, packets, wire } from "./testing/bytes.ts";
import { bytewise, cutBy, everyCut, outcome, type Subject, whole } from "./testing/cuts.ts";
import {
  chooseUpdateCapabilities,
  encodeUpdateRequest,
  needsPack,
  type RefUpdateCommand,
} from "./update-request.ts";
import { UpdateRequestDecoder } from "./update-request-decoder.ts";

const A = parseObjectId("a".repeat(40));
const B = parseObjectId("b".repeat(40));
const ref = parseRefName("refs/heads/x");

describe("encodeUpdateRequest()", () => {
  test("byte for byte, without LF and with git's space before the capabilities", ({ expect }) => {
    const list: RefUpdateCommand[] = [
      { type: "create", ref, newId: A },
      { type: "update", ref, oldId: A, newId: B },
      { type: "delete", ref, oldId: B },
    ];
    const zero = "0".repeat(40);
    expect(
      encodeUpdateRequest({
        commands: list,
        capabilities: ["report-status", "push-options"],
        objectFormat: "sha1",
        shallow: [B],
        pushOptions: ["ci.skip"],
      }),
    ).toEqual(
      packets(
        `shallow ${B}`,
        `${zero} ${A} refs/heads/x\0 report-status push-options`,
        `${A} ${B} refs/heads/x`,
        `${B} ${zero} refs/heads/x`,
        "0000",
        "ci.skip",
        "0000",
      ),
    );
    expect(
      encodeUpdateRequest({ commands: [], capabilities: ["report-status"], objectFormat: "sha1" }),
    ).toEqual(packets("0000"));
  });

  test.for(["refs/heads/a\nb", "refs/heads/a\0report-status", "refs/heads/..", "x"])(
    "does not put %j on the wire",
    (name, { expect }) => {
      const command: RefUpdateCommand = {
        type: "create",
        ref: decodeRefName(new TextEncoder().encode(name)),
        newId: A,
      };
      expect(() =>
        encodeUpdateRequest({ commands: [command], capabilities: [], objectFormat: "sha1" }),
      ).toThrow(expect.objectContaining({ code: "REF_NAME_INVALID" }));
    },
  );

  test("refuses ids of another format, options with line ends, options that were not agreed", ({
    expect,
  }) => {
    const command: RefUpdateCommand = { type: "create", ref, newId: A };
    const encode = (change: object) => () =>
      encodeUpdateRequest({ commands: [command], capabilities: [], objectFormat: "sha1", ...change });
    expect(encode({ objectFormat: "sha256" })).toThrow(
      expect.objectContaining({ code: "OBJECT_ID_INVALID" }),
    );
    expect(encode({ pushOptions: ["x"] })).toThrow(expect.objectContaining({ code: "CAPABILITY_MISSING" }));
    expect(encode({ pushOptions: ["a\nb"], capabilities: ["push-options"] })).toThrow(
      expect.objectContaining({ code: "REQUEST_INVALID" }),
    );
    expect(encode({ capabilities: ["a b"] })).toThrow(
      expect.objectContaining({ code: "CAPABILITY_INVALID" }),
    );
  });

  test("a pack follows unless all commands delete", ({ expect }) => {
    expect([
      needsPack([]),
      needsPack([{ type: "delete", ref, oldId: A }]),
      needsPack([
        { type: "delete", ref, oldId: A },
        { type: "create", ref, newId: A },
      ]),
    ]).toEqual([false, false, true]);
  });

  test("a server reads it, and the pack begins where it ends", ({ expect }) => {
    const pushes = objectFormat.chain((format) =>
      fc.record({
        format: fc.constant(format),
        list: commands(format),
        shallow: fc.array(objectId(format), { maxLength: 2 }),
        pushOptions: fc.option(fc.array(fc.stringMatching(/^[ -~]{1,9}$/), { maxLength: 2 }), {
          nil: undefined,
        }),
      }),
    );
    fc.assert(
      fc.property(
        pushes,
        fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1 }),
        ({ format, list, shallow, pushOptions }, cuts) => {
          const capabilities = new CapabilityList([
            "report-status",
            `object-format=${format}`,
            ...(pushOptions === undefined ? [] : ["push-options"]),
          ]);
          const request = {
            commands: list,
            capabilities,
            objectFormat: format,
            shallow,
            ...(pushOptions === undefined ? {} : { pushOptions }),
          };
          const stream = concat(encodeUpdateRequest(request), wire("PACK\0\0\0\u0002"));
          const decoder = new UpdateRequestDecoder();
          let rest = "";
          let done = false;
          for (const chunk of cutBy(stream, cuts)) {
            if (done) rest += String.fromCharCode(...chunk);
            else if ((done = decoder.feed(chunk))) rest = String.fromCharCode(...decoder.rest());
          }
          const decoded = decoder.result();
          expect(decoded.commands.length).toBe(list.length);
          expect(
            decoded.commands.every((command, index) =>
              equalRefUpdateCommands(command, list[index] ?? command),
            ),
          ).toBe(true);
          expect([decoded.shallow, decoded.pushOptions, decoded.objectFormat, rest]).toEqual([
            shallow,
            pushOptions ?? [],
            format,
            "PACK\0\0\0\u0002",
          ]);
        },
      ),
    );
  });

  test.for([
    [
      "a command that does nothing",
      packets(`${"0".repeat(40)} ${"0".repeat(40)} refs/heads/a\0`, "0000"),
      "REQUEST_INVALID",
    ],
    ["a strange line", packets("push-cert\0x", "0000"), "REQUEST_INVALID"],
    ["a bad name", packets(`${A} ${B} refs/heads/../x\0`, "0000"), "REF_NAME_INVALID"],
    ["no flush-pkt", packets(`${A} ${B} refs/heads/x\0`), "STREAM_TRUNCATED"],
  ] as const)("a server refuses %s", ([, stream, code], { expect }) => {
    const make = (): Subject => {
      const decoder = new UpdateRequestDecoder();
      return { feed: (chunk) => decoder.feed(chunk), finish: () => decoder.result() };
    };
    expect(outcome(make, whole(stream))).toBe(`error ${code}`);
    expect(outcome(make, bytewise(stream))).toBe(`error ${code}`);
  });
});

describe("chooseUpdateCapabilities()", () => {
  const server = new CapabilityList(
    "report-status report-status-v2 delete-refs side-band-64k quiet atomic ofs-delta object-format=sha1 agent=git/2 push-options".split(
      " ",
    ),
  );
  test("takes one report-status and what was wished for, in git's order", ({ expect }) => {
    const choose = (from: CapabilityList, change: object): string =>
      encodeCapabilities(chooseUpdateCapabilities(from, { objectFormat: "sha1", ...change }));
    expect(choose(server, {})).toBe("report-status-v2 side-band-64k object-format=sha1");
    expect(choose(server, { atomic: true, quiet: true, pushOptions: true, agent: "me" })).toBe(
      "report-status-v2 side-band-64k quiet atomic push-options object-format=sha1 agent=me",
    );
    expect(choose(new CapabilityList(["report-status"]), { atomic: true, agent: "me" })).toBe(
      "report-status",
    );
    expect(() => choose(server, { objectFormat: "sha256" })).toThrow(
      expect.objectContaining({ code: "OBJECT_FORMAT_UNSUPPORTED" }),
    );
  });
});

describe("ReportStatusDecoder", () => {
  const REPORT = packets("unpack ok\n", "ok refs/heads/a\n", "ng refs/heads/b non-fast-forward\n", "0000");
  const TEXT = '"unpack ok\\nok refs/heads/a\\nng refs/heads/b non-fast-forward"';
  const band = (bytes: Uint8Array): Uint8Array => new SidebandEncoder().pack(bytes);

  function subject(options: Partial<ReportStatusDecoderOptions> = {}): () => Subject {
    return () => {
      const decoder = new ReportStatusDecoder({ sideband: true, v2: false, ...options });
      return {
        feed: (chunk) => decoder.feed(chunk),
        finish: () => {
          const text = formatReportStatus(decoder.finish());
          return decoder.truncatedAfterReport ? `${text}\n(cut)` : text;
        },
      };
    };
  }

  test.for([
    ["one outer flush-pkt", concat(band(REPORT), wire("0000")), TEXT],
    ["two outer flush-pkts", concat(band(REPORT), wire("00000000")), TEXT],
    ["no outer flush-pkt", band(REPORT), TEXT.replace(/"$/, '\\n(cut)"')],
    [
      "a report split over packets",
      concat(packets("\u0001000e"), band(REPORT.subarray(4)), wire("0000")),
      TEXT,
    ],
    [
      "a packet for each byte, with keepalives",
      concat(
        ...Array.from(REPORT, (byte) => concat(packets("\u0001"), band(Uint8Array.of(byte)))),
        wire("0000"),
      ),
      TEXT,
    ],
    [
      "progress after the inner flush-pkt",
      concat(band(REPORT), packets("\u0002hook says hi\n", "0000")),
      TEXT,
    ],
    ["more band 1 after the inner flush-pkt", concat(band(REPORT), packets("\u0001junk", "0000")), TEXT],
    ["a plain report though side-band was agreed", REPORT, TEXT],
    [
      "no reason",
      concat(band(packets("unpack ok", "ng refs/heads/a", "0000")), wire("0000")),
      '"unpack ok\\nng refs/heads/a failed"',
    ],
    [
      "a failed unpack",
      concat(
        band(packets("unpack index-pack abnormal exit\n", "ng refs/heads/a unpacker error\n", "0000")),
        wire("0000"),
      ),
      '"unpack index-pack abnormal exit\\nng refs/heads/a unpacker error"',
    ],
    [
      "an unsafe reason",
      concat(band(packets("unpack ok\n", "ng refs/heads/a \u001b[2J\n", "0000")), wire("0000")),
      '"unpack ok\\nng refs/heads/a \\\\u{1b}[2J"',
    ],
    ["band 3", packets("\u0003fatal\n"), "error REMOTE_ERROR"],
    ["ERR", packets("ERR no\n"), "error REMOTE_ERROR"],
    ["ERR inside", concat(band(packets("ERR no\n")), wire("0000")), "error REMOTE_ERROR"],
    ["nothing", new Uint8Array(0), "error REPORT_MISSING"],
    ["a flush-pkt alone", wire("0000"), "error REPORT_MISSING"],
    ["progress alone", packets("\u0002hi\n", "0000"), "error REPORT_MISSING"],
    ["an inner flush-pkt alone", concat(band(wire("0000")), wire("0000")), "error REPORT_MISSING"],
    ["an end inside the report", concat(band(REPORT.subarray(0, 20)), wire("0000")), "error PKT_TRUNCATED"],
    [
      "an end between its lines",
      concat(band(REPORT.subarray(0, 14)), wire("0000")),
      "error STREAM_TRUNCATED",
    ],
    ["an end inside an outer packet", band(REPORT).subarray(0, 4), "error PKT_TRUNCATED"],
    [
      "no unpack line",
      concat(band(packets("ok refs/heads/a\n", "0000")), wire("0000")),
      "error REPORT_INVALID",
    ],
    [
      "a strange line",
      concat(band(packets("unpack ok\n", "maybe refs/heads/a\n", "0000")), wire("0000")),
      "error REPORT_INVALID",
    ],
    [
      "an option without ok",
      concat(band(packets("unpack ok\n", "option refname x\n", "0000")), wire("0000")),
      "error REPORT_INVALID",
    ],
    ["a page", wire("<html>"), "error NOT_GIT"],
  ] as const)("%s", ([, stream, expected], { expect }) => {
    expect(outcome(subject(), whole(stream))).toBe(expected);
    expect(outcome(subject(), bytewise(stream))).toBe(expected);
    for (const chunks of everyCut(stream)) expect(outcome(subject(), chunks)).toBe(expected);
  });

  test("plain, ends at its flush-pkt", ({ expect }) => {
    const make = subject({ sideband: false });
    expect(outcome(make, whole(REPORT))).toBe(TEXT);
    expect(outcome(make, whole(REPORT.subarray(0, -4)))).toBe("error STREAM_TRUNCATED");
    expect(outcome(make, whole(new Uint8Array(0)))).toBe("error REPORT_MISSING");
    expect(outcome(make, whole(wire("0000")))).toBe("error REPORT_MISSING");
  });

  test.for([
    ["maxReportBytes", 20],
    ["maxReportLines", 2],
  ] as const)("is bounded by %s", ([limit, value], { expect }) => {
    expect(outcome(subject({ limits: { [limit]: value } }), whole(concat(band(REPORT), wire("0000"))))).toBe(
      "error LIMIT_EXCEEDED",
    );
  });

  test("reads what the server side writes, in any pieces", ({ expect }) => {
    fc.assert(
      fc.property(
        reportStatus,
        fc.boolean(),
        fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1 }),
        (report, sideband, cuts) => {
          const decoder = new ReportStatusDecoder({ sideband, v2: true });
          for (const chunk of cutBy(encodeReportStatus(report, { sideband, v2: true }), cuts))
            decoder.feed(chunk);
          expect(equalReportStatuses(decoder.finish(), report)).toBe(true);
          expect(decoder.truncatedAfterReport).toBe(false);
        },
      ),
    );
  });

  test("a side-band report does not care how band 1 was cut", ({ expect }) => {
    fc.assert(
      fc.property(
        reportStatus,
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }),
        (report, cuts) => {
          const inner = encodeReportStatus(report, { sideband: false, v2: true });
          const decoder = new ReportStatusDecoder({ sideband: true, v2: true });
          for (const piece of cutBy(inner, cuts)) decoder.feed(concat(band(piece), packets("\u0002x")));
          decoder.feed(wire("0000"));
          expect(equalReportStatuses(decoder.finish(), report)).toBe(true);
        },
      ),
    );
  });

  test("one command may be reported several times, under other names", ({ expect }) => {
    const report: ReportStatus = {
      unpack: { ok: true },
      commands: [
        {
          type: "ok",
          ref,
          options: { refName: parseRefName("refs/pull/7/head"), newId: A, forcedUpdate: true },
        },
        { type: "ok", ref, options: { refName: parseRefName("refs/pull/8/head") } },
      ],
    };
    const decoder = new ReportStatusDecoder({ sideband: false, v2: true });
    decoder.feed(encodeReportStatus(report, { sideband: false, v2: true }));
    expect(decoder.finish()).toEqual(report);
  });

  test("options that were not agreed are left out", ({ expect }) => {
    const decoder = new ReportStatusDecoder({ sideband: false, v2: false });
    decoder.feed(packets("unpack ok\n", "ok refs/heads/a\n", "option refname refs/heads/b\n", "0000"));
    expect(decoder.finish().commands).toEqual([{ type: "ok", ref: "refs/heads/a" as RefName, options: {} }]);
  });
});
