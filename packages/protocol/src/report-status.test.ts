import fc from "fast-check";
import { describe, test } from "vitest";
import { equalReportStatuses } from "./equal/push.ts";
import { formatReportStatus } from "./format/push.ts";
import { parseObjectId } from "./object-id.ts";
import { SidebandEncoder } from "./pkt-line/sideband-encoder.ts";
import { parseRefName, type RefName } from "./ref-name.ts";
import { encodeReportStatus, type ReportStatus } from "./report-status.ts";
import { ReportStatusDecoder, type ReportStatusDecoderOptions } from "./report-status-decoder.ts";
import { concat, packets, wire } from "./testing/bytes.ts";
import { bytewise, cutBy, everyCut, outcome, type Subject, whole } from "./testing/cuts.ts";
import { reportStatus } from "./testing/push-arbitraries.ts";

const A = parseObjectId("a".repeat(40));
const ref = parseRefName("refs/heads/x");

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
      "error REPORT_UNPACK_INVALID",
    ],
    [
      "a strange line",
      concat(band(packets("unpack ok\n", "maybe refs/heads/a\n", "0000")), wire("0000")),
      "error REPORT_STATUS_INVALID",
    ],
    [
      "an option without ok",
      concat(band(packets("unpack ok\n", "option refname x\n", "0000")), wire("0000")),
      "error REPORT_OPTION_INVALID",
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
