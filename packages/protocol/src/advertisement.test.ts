import fc from "fast-check";
import { describe, test } from "vitest";
import type { Advertisement } from "./advertisement.ts";
import { AdvertisementDecoder, type AdvertisementDecoderOptions } from "./advertisement-decoder.ts";
import {
  encodeCapabilityAdvertisement,
  encodeRefAdvertisement,
  encodeServiceHeader,
} from "./advertisement-encoder.ts";
import { CapabilityList } from "./capabilities.ts";
import { equalAdvertisements } from "./equal/advertisement.ts";
import { advertisedRefs, capability, capabilityList, objectFormat, objectId } from "./testing/arbitraries.ts";
import { concat, packets, wire } from "./testing/bytes.ts";
import { bytewise, cutBy, outcome, type Subject, whole } from "./testing/cuts.ts";

const A = "a".repeat(40);
const B = "b".repeat(40);
const CAPS = "\0symref=HEAD:refs/heads/main agent=x";
const uploadPack: AdvertisementDecoderOptions = { service: "git-upload-pack", smartHttp: true };

function decode(stream: Uint8Array, options: AdvertisementDecoderOptions = uploadPack): Advertisement {
  const decoder = new AdvertisementDecoder(options);
  decoder.feed(stream);
  return decoder.finish();
}

function subject(options: AdvertisementDecoderOptions = uploadPack): () => Subject {
  return () => {
    const decoder = new AdvertisementDecoder(options);
    return { feed: (chunk) => decoder.feed(chunk), finish: () => decoder.finish() };
  };
}

describe("AdvertisementDecoder", () => {
  test("folds peeled tags, symrefs and alternates", ({ expect }) => {
    const stream = packets(
      `${A} HEAD${CAPS}\n`,
      `${A} refs/heads/main\n`,
      `${B} refs/tags/v1`,
      `${A} refs/tags/v1^{}\n`,
      `${B} .have\n`,
      `shallow ${A}\n`,
      "0000",
    );
    expect(decode(stream)).toMatchObject({
      version: 0,
      head: { oid: A },
      refs: [
        { name: "HEAD", oid: A, symrefTarget: "refs/heads/main" },
        { name: "refs/heads/main", oid: A },
        { name: "refs/tags/v1", oid: B, peeled: A },
      ],
      alternateTips: [B],
      shallow: [A],
      invalidNames: [],
    });
  });

  test.for([
    ["a bare flush-pkt, as before git 2.41", packets("0000")],
    ["capabilities^{}", packets(`${"0".repeat(40)} capabilities^{}\0agent=x\n`, "0000")],
    [
      "capabilities^{} of sha256",
      packets(`${"0".repeat(64)} capabilities^{}\0object-format=sha256\n`, "0000"),
    ],
    ["version 1 and a flush-pkt", packets("version 1\n", "0000")],
    ["alternates alone", packets(`${A} .have\0report-status\n`, "0000")],
  ] as const)("an empty repository is no error: %s", ([, stream], { expect }) => {
    expect(decode(stream)).toMatchObject({ refs: [] });
  });

  test.for([
    [
      "version 1 after the service header",
      packets("# service=git-upload-pack\n", "0000", "version 1\n", `${A} refs/heads/a\0x\n`, "0000"),
      1,
    ],
    ["version 2 without LF", packets("version 2", "agent=a b", "0000"), 2],
    [
      "version 2 after the service header",
      packets("# service=git-upload-pack", "0000", "version 2\n", "fetch=shallow filter\n", "0000"),
      2,
    ],
    [
      "upper-case lengths",
      concat(wire("001E# service=git-upload-pack\n0000"), packets("version 2\n", "0000")),
      2,
    ],
    ["other lines in the header", packets("# service=git-upload-pack\n", "note\n", "0000", "0000"), 0],
    ["a branch called version 2", packets(`${A} refs/heads/version-2\0agent=version 2\n`, "0000"), 0],
  ] as const)("takes the version the server states: %s", ([, stream, version], { expect }) => {
    expect(decode(stream).version).toBe(version);
    expect(outcome(subject(), bytewise(stream))).toBe(outcome(subject(), whole(stream)));
  });

  test("ids are as wide as the format says, and lowered", ({ expect }) => {
    const id = "AB".repeat(32);
    const advertisement = decode(packets(`${id} refs/heads/a\0object-format=sha256\n`, "0000"));
    expect(advertisement).toMatchObject({ objectFormat: "sha256", refs: [{ oid: id.toLowerCase() }] });
  });

  test("names that git refuses are set aside, with what they peel to", ({ expect }) => {
    const stream = packets(
      `${A} refs/heads/../x\0agent=x\n`,
      `${A} refs/heads/a.lock\n`,
      `${A} refs/heads/ok\n`,
      `${A} refs/tags/a b\n`,
      `${B} refs/tags/a b^{}\n`,
      `${A} FETCH_HEAD\n`,
      "0000",
    );
    expect(decode(stream)).toMatchObject({
      refs: [{ name: "refs/heads/ok" }],
      invalidNames: ["refs/heads/../x", "refs/heads/a.lock", "refs/tags/a b", "FETCH_HEAD"],
    });
  });

  test("names are bytes", ({ expect }) => {
    const stream = packets(
      `${A} refs/heads/caf\u00c3\u00a9\0agent=x\n`,
      `${B} refs/heads/caf\u00e9\n`,
      "0000",
    );
    expect(decode(stream)).toMatchObject({
      refs: [{ name: "refs/heads/café" }, { name: "refs/heads/caf\udce9" }],
    });
  });

  test("a NUL section further down is ignored", ({ expect }) => {
    const stream = packets(`${A} refs/heads/a\0x\n`, `${A} refs/heads/b\0object-format=sha256\n`, "0000");
    expect(decode(stream)).toMatchObject({ objectFormat: "sha1", refs: [{}, { name: "refs/heads/b" }] });
  });

  test.for([
    ["nothing", new Uint8Array(0), "ADVERTISEMENT_EMPTY"],
    ["version 0", packets("version 0\n", "0000"), "VERSION_UNSUPPORTED"],
    ["version 3", packets("version 3\n", "0000"), "VERSION_UNSUPPORTED"],
    ["version 20", packets("version 20\n", "0000"), "VERSION_UNSUPPORTED"],
    ["another service", packets("# service=git-receive-pack\n", "0000", "0000"), "SERVICE_MISMATCH"],
    [
      "a header twice",
      packets("# service=git-upload-pack\n", "0000", "# service=git-upload-pack\n", "0000"),
      "REF_LINE_INVALID",
    ],
    ["a delim-pkt", packets(`${A} refs/heads/a\0x\n`, "0001", "0000"), "DELIM_UNEXPECTED"],
    ["a response-end-pkt", packets("version 2\n", "0002"), "RESPONSE_END_UNEXPECTED"],
    ["a strange line", packets(`${A} refs/heads/a\0x\n`, "hello\n", "0000"), "REF_LINE_INVALID"],
    ["a short id", packets(`${A.slice(1)} refs/heads/a\0x\n`, "0000"), "REF_LINE_INVALID"],
    ["an id with a tab", packets(`${A}\trefs/heads/a\0x\n`, "0000"), "REF_LINE_INVALID"],
    ["ids of another format", packets(`${"a".repeat(64)} refs/heads/a\0x\n`, "0000"), "REF_LINE_INVALID"],
    [
      "a ref after shallow lines",
      packets(`${A} refs/heads/a\0x\n`, `shallow ${A}\n`, `${A} refs/heads/b\n`, "0000"),
      "SHALLOW_INVALID",
    ],
    [
      "an unknown hash",
      packets(`${A} refs/heads/a\0object-format=md5\n`, "0000"),
      "OBJECT_FORMAT_UNSUPPORTED",
    ],
    ["ERR first", packets("ERR access denied\n"), "REMOTE_ERROR"],
    ["ERR later", packets(`${A} refs/heads/a\0x\n`, "ERR upload-pack: gone"), "REMOTE_ERROR"],
    ["no flush-pkt", packets(`${A} refs/heads/a\0x\n`), "STREAM_TRUNCATED"],
    ["a page", wire("<!DOCTYPE html><html>"), "NOT_GIT"],
  ] as const)("refuses %s", ([, stream, code], { expect }) => {
    expect(outcome(subject(), whole(stream))).toBe(`error ${code}`);
    expect(outcome(subject(), bytewise(stream))).toBe(`error ${code}`);
  });

  test("says why an answer may be empty", ({ expect }) => {
    const decoder = new AdvertisementDecoder({ service: "git-upload-pack", smartHttp: false });
    expect(() => decoder.finish()).toThrow(/closed the connection without a word/);
  });

  test("a service header is no part of it without HTTP", ({ expect }) => {
    const options = { service: "git-upload-pack", smartHttp: false } as const;
    expect(outcome(subject(options), whole(packets("# service=git-upload-pack\n", "0000")))).toBe(
      "error REF_LINE_INVALID",
    );
  });

  test("leaves later bytes alone, across windows too", ({ expect }) => {
    const refs = Array.from(
      { length: 5000 },
      (_, index) => `${A} refs/heads/${index}${index === 0 ? "\0x" : ""}\n`,
    );
    const stream = concat(packets(...refs, "0000"), wire("0008rest"));
    const decoder = new AdvertisementDecoder(uploadPack);
    expect(decoder.feed(stream)).toBe(true);
    expect(String.fromCharCode(...decoder.rest())).toBe("0008rest");
    expect(decoder.finish()).toMatchObject({ refs: { length: 5000 } });
    const next = new AdvertisementDecoder(uploadPack);
    next.feed(concat(packets("version 2\n", "0000"), new Uint8Array(300_000)));
    expect(next.rest().length).toBe(300_000);
  });

  test.for([
    ["maxRefs", 2],
    ["maxAdvertisementBytes", 100],
  ] as const)("is bounded by %s", ([limit, value], { expect }) => {
    const stream = packets(`${A} refs/heads/a\0x\n`, `${A} refs/heads/b\n`, `${A} refs/heads/c\n`, "0000");
    expect(() => decode(stream, { ...uploadPack, limits: { [limit]: value } })).toThrow(
      expect.objectContaining({ code: "LIMIT_EXCEEDED", details: { limit } }),
    );
  });

  test("v2 capabilities are bounded", ({ expect }) => {
    const stream = packets("version 2\n", "a\n", "b\n", "0000");
    expect(() => decode(stream, { ...uploadPack, limits: { maxCapabilities: 1 } })).toThrow(
      expect.objectContaining({ code: "LIMIT_EXCEEDED" }),
    );
  });

  test("reads what the encoder wrote", ({ expect }) => {
    const content = objectFormat.chain((format) =>
      fc.record({
        version: fc.constantFrom(0 as const, 1 as const),
        objectFormat: fc.constant(format),
        capabilities: capabilityList(format),
        refs: advertisedRefs(format, false),
        shallow: fc.array(objectId(format), { maxLength: 3 }),
        alternateTips: fc.array(objectId(format), { maxLength: 3 }),
      }),
    );
    fc.assert(
      fc.property(content, fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (value, cuts) => {
        const decoder = new AdvertisementDecoder(uploadPack);
        const stream = concat(encodeServiceHeader("git-upload-pack"), encodeRefAdvertisement(value));
        for (const chunk of cutBy(stream, cuts)) decoder.feed(chunk);
        expect(equalAdvertisements(decoder.finish(), { ...value, invalidNames: [] })).toBe(true);
      }),
    );
  });

  test("reads v2 capabilities as written, unknown ones and spaces included", ({ expect }) => {
    const lists = fc.array(
      fc.oneof(capability, fc.constant({ name: "fetch", value: "shallow filter a=b" })),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(lists, (list) => {
        const capabilities = new CapabilityList(list);
        const advertisement = decode(encodeCapabilityAdvertisement({ capabilities }));
        expect(equalAdvertisements(advertisement, { version: 2, capabilities, objectFormat: "sha1" })).toBe(
          true,
        );
      }),
    );
  });
});
