import fc from "fast-check";
import { describe, test } from "vitest";
import { vector } from "../../fixtures/vectors.ts";
import { accelerators, portable } from "../accelerators.ts";
import { type ObjectFormat, type ObjectId, parseObjectId } from "../object-id.ts";
import { concat, wire } from "../testing/bytes.ts";
import { bytewise, cutBy, everyCut, whole } from "../testing/cuts.ts";
import { errorCode } from "../testing/error-code.ts";
import { applyDelta, decodeDeltaHeader } from "./delta.ts";
import { decodePackEntryHeader, encodePackEntryHeader, type PackEntryDescription } from "./entry.ts";
import { createHasher, hashObject } from "./hasher.ts";
import { decodePackHeader, emptyPack, encodePackHeader } from "./header.ts";
import { parseCommit, parseTag } from "./object.ts";
import { readPackObjects, type ReadPackOptions } from "./reader.ts";
import { PackVerifier } from "./trailer.ts";
import { encodeBaseDistance, readBaseDistance, readSize, writeSize } from "./varint.ts";
import { encodePack, encodePackEntries, type PackableEntry, type PackableObject } from "./writer.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const hex = (bytes: Iterable<number>): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");

const read = (pack: Uint8Array, options: Partial<ReadPackOptions> = {}) => [
  ...readPackObjects(pack, { format: "sha1", ...options }),
];

describe("pack numbers", () => {
  test.for([
    ["commit", 15, "1f"],
    ["commit", 16, "90 01"],
    ["commit", 2047, "9f 7f"],
    ["commit", 2048, "90 80 01"],
    ["blob", 2 ** 32, "b0 80 80 80 80 01"],
    ["tag", 0, "40"],
    ["tree", Number.MAX_SAFE_INTEGER, "af ff ff ff ff ff ff 7f"],
  ] as const)("%s of %i bytes", ([type, size, bytes], { expect }) => {
    const encoded = encodePackEntryHeader({ type, size });
    expect(hex(encoded)).toBe(bytes);
    expect(decodePackEntryHeader(encoded, 0, "sha1")).toEqual({ type, size, dataOffset: encoded.length });
  });

  test.for([
    [1, "01"],
    [127, "7f"],
    [128, "80 00"],
    [16511, "ff 7f"],
    [16512, "80 80 00"],
  ] as const)("a base %i bytes back", ([distance, bytes], { expect }) => {
    const encoded = encodeBaseDistance(distance);
    expect(hex(encoded)).toBe(bytes);
    expect(readBaseDistance(encoded, 0)).toEqual({ value: distance, end: encoded.length });
  });

  test("survive beyond 32 bits, and end at 2^53", ({ expect }) => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        const size: number[] = [];
        writeSize(value, size);
        expect(readSize(Uint8Array.from(size), 0)).toEqual({ value, end: size.length });
        const distance = encodeBaseDistance(value);
        expect(readBaseDistance(distance, 0)).toEqual({ value, end: distance.length });
      }),
    );
    const endless = new Uint8Array(64).fill(0x80);
    expect([
      readSize(endless, 0),
      readBaseDistance(endless, 0),
      readSize(new Uint8Array(64).fill(0xff), 0),
    ]).toEqual([undefined, undefined, undefined]);
  });

  test.for([
    ["type 0", [0x0f], "PACK_INVALID"],
    ["type 5", [0x5f], "PACK_INVALID"],
    ["a size that never ends", Array.from({ length: 64 }, () => 0x90), "PACK_INVALID"],
    ["a size that is cut", [0x90], "PACK_TRUNCATED"],
    ["a base id that is cut", [0x71, 1, 2], "PACK_TRUNCATED"],
    ["nothing", [], "PACK_TRUNCATED"],
    ["a base at itself", [0x61, 0], "PACK_INVALID"],
    ["a base before the header", [0x61, 5], "PACK_INVALID"],
  ] as const)("refuses %s", ([, bytes, code], { expect }) => {
    expect(errorCode(() => decodePackEntryHeader(Uint8Array.from(bytes), 0, "sha1"))).toBe(code);
  });

  test("entry headers survive", ({ expect }) => {
    const oid = parseObjectId("ab".repeat(32));
    const entries: PackEntryDescription[] = [
      { type: "ofs-delta", size: 300, baseDistance: 400 },
      { type: "ref-delta", size: 7, baseId: oid },
    ];
    const decoded = entries.map((entry) =>
      decodePackEntryHeader(concat(new Uint8Array(1000), encodePackEntryHeader(entry)), 1000, "sha256"),
    );
    expect(decoded).toEqual([
      { type: "ofs-delta", size: 300, baseOffset: 600, dataOffset: 1004 },
      { type: "ref-delta", size: 7, baseId: oid, dataOffset: 1033 },
    ]);
  });
});

describe("pack headers", () => {
  test("are read and written", ({ expect }) => {
    expect(decodePackHeader(encodePackHeader(0xffff_ffff))).toEqual({ version: 2, objectCount: 0xffff_ffff });
    expect(decodePackHeader(wire("PACK\0\0\0\u0003\0\0\0\u0001"))).toEqual({ version: 3, objectCount: 1 });
    expect(() => encodePackHeader(-1)).toThrow(RangeError);
  });

  test.for([
    ["KCAP\0\0\0\u0002\0\0\0\0", "PACK_INVALID"],
    ["PACK\0\0\0\u0004\0\0\0\0", "PACK_INVALID"],
    ["PACK\0\0\0\u0002\0\0\0", "PACK_TRUNCATED"],
    ["PACK\0\0\0\u0002\0\0\u0001\0", "LIMIT_EXCEEDED"],
  ] as const)("%j", ([bytes, code], { expect }) => {
    expect(errorCode(() => decodePackHeader(wire(bytes), { maxPackObjects: 255 }))).toBe(code);
  });

  test("the empty pack is git's, for both hashes", ({ expect }) => {
    expect(emptyPack("sha1")).toEqual(vector("pack-empty.pack"));
    expect(emptyPack("sha256")).toEqual(vector("pack-empty-sha256.pack"));
  });
});

describe("PackVerifier", () => {
  const pack = vector("pack-ofs.pack").subarray(0);
  const small = encodePack([{ type: "blob", data: text("hello\n") }], "sha1");

  function relay(chunks: Iterable<Uint8Array>, format: ObjectFormat = "sha1"): Uint8Array {
    const verifier = new PackVerifier({ format });
    const pieces: Uint8Array[] = [];
    for (const chunk of chunks) for (const view of verifier.feed(chunk)) pieces.push(view.slice());
    return concat(...pieces, verifier.finish());
  }

  test("passes on every byte, however the pack is cut", ({ expect }) => {
    expect(relay(whole(pack))).toEqual(pack);
    expect(relay(bytewise(small))).toEqual(small);
    for (const chunks of everyCut(small)) expect(relay(chunks)).toEqual(small);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1 }), (cuts) => {
        expect(relay(cutBy(pack, cuts))).toEqual(pack);
      }),
    );
    expect(relay(whole(vector("pack-empty-sha256.pack")), "sha256")).toEqual(
      vector("pack-empty-sha256.pack"),
    );
  });

  test("always holds back the trailer, whatever came", ({ expect }) => {
    for (const size of [1, 7, 19, 20, 21, 64]) {
      const verifier = new PackVerifier({ format: "sha1" });
      let fed = 0;
      let forwarded = 0;
      for (const chunk of cutBy(small, [size])) {
        for (const view of verifier.feed(chunk)) forwarded += view.length;
        fed += chunk.length;
        expect(forwarded).toBe(Math.max(0, fed - 20));
      }
      expect([verifier.bytes, verifier.objectCount]).toEqual([small.length, 1]);
    }
  });

  test("no pack with a changed byte is completed", ({ expect }) => {
    for (const original of [small, emptyPack("sha1")]) {
      for (let index = 0; index < original.length; index += 1) {
        for (const flip of [0x01, 0x80, 0xff]) {
          const changed = original.slice();
          changed[index] = (changed[index] ?? 0) ^ flip;
          for (const chunks of [whole(changed), cutBy(changed, [5])]) {
            expect(errorCode(() => relay(chunks))).toMatch(
              index < 8 ? /^PACK_(?:INVALID|CHECKSUM)$/ : /^PACK_CHECKSUM$/,
            );
          }
        }
      }
    }
  });

  test("no cut or prolonged pack is completed", ({ expect }) => {
    for (let length = 0; length < small.length; length += 1) {
      expect(errorCode(() => relay([small.subarray(0, length)]))).toBe(
        length < 32 ? "PACK_TRUNCATED" : "PACK_CHECKSUM",
      );
    }
    expect(errorCode(() => relay([concat(small, Uint8Array.of(0))]))).toBe("PACK_CHECKSUM");
  });

  test("forwards views of the chunk, and nothing of a wrong header", ({ expect }) => {
    const verifier = new PackVerifier({ format: "sha1" });
    const [view] = verifier.feed(pack);
    expect(view?.buffer).toBe(pack.buffer);
    expect(
      errorCode(() =>
        new PackVerifier({ format: "sha1" }).feed(wire("<html><body>and more than twenty bytes")),
      ),
    ).toBe("PACK_INVALID");
    verifier.finish();
    expect(errorCode(() => verifier.feed(pack))).toBe("STATE_INVALID");
  });
});

describe("deltas", () => {
  const base = text("0123456789");
  test.for([
    ["copy and insert", [10, 6, 0x91, 2, 3, 3, 0x61, 0x62, 0x63], "234abc"],
    ["copy without offset", [10, 2, 0x90, 2], "01"],
    ["an empty result", [10, 0], ""],
  ] as const)("%s", ([, delta, result], { expect }) => {
    expect(applyDelta(base, Uint8Array.from(delta), 100)).toEqual(text(result));
  });

  test.for([
    ["another base size", [9, 2, 0x90, 2], "DELTA_INVALID"],
    ["a copy beyond the base", [10, 2, 0x91, 9, 2], "DELTA_INVALID"],
    ["a copy beyond the result", [10, 1, 0x90, 2], "DELTA_INVALID"],
    ["an insert beyond the result", [10, 1, 2, 0x61, 0x61], "DELTA_INVALID"],
    ["an insert beyond the delta", [10, 5, 5, 0x61], "DELTA_INVALID"],
    ["a reserved instruction", [10, 1, 0], "DELTA_INVALID"],
    ["too short a result", [10, 3, 0x90, 2], "DELTA_INVALID"],
    ["a cut copy", [10, 2, 0x91, 1], "DELTA_INVALID"],
    ["a copy of 64 KiB by a zero size", [10, 2, 0x80], "DELTA_INVALID"],
    ["a copy at 4 GiB", [10, 2, 0x9f, 0xff, 0xff, 0xff, 0xff, 2], "DELTA_INVALID"],
    ["no sizes", [0x80], "DELTA_INVALID"],
    ["an endless size", Array.from({ length: 20 }, () => 0x80), "DELTA_INVALID"],
    [
      "a result that its instructions cannot make",
      [10, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x90, 1],
      "DELTA_INVALID",
    ],
    ["a bomb", [10, 110, ...Array.from({ length: 11 }, () => [0x90, 10]).flat()], "LIMIT_EXCEEDED"],
  ] as const)("refuses %s", ([, delta, code], { expect }) => {
    expect(errorCode(() => applyDelta(base, Uint8Array.from(delta), 100))).toBe(code);
  });

  test("no bytes make it read or write out of bounds", ({ expect }) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 60 }), (source, tail) => {
        const delta = concat(Uint8Array.of(source.length, 30), tail);
        const code = errorCode(() => expect(applyDelta(source, delta, 1000).length).toBe(30));
        expect(["ok", "DELTA_INVALID"]).toContain(code);
      }),
      { numRuns: 1000 },
    );
  });

  test("a copy of size zero copies 64 KiB", ({ expect }) => {
    const large = new Uint8Array(0x1_0001).fill(7);
    const delta = Uint8Array.of(0x81, 0x80, 4, 0x80, 0x80, 4, 0x80);
    expect(applyDelta(large, delta, 0x1_0000)).toEqual(large.subarray(1));
  });

  test("sizes are read alone", ({ expect }) => {
    expect(decodeDeltaHeader(Uint8Array.of(0x80, 1, 5, 0x90))).toEqual({
      baseSize: 128,
      resultSize: 5,
      instructionsOffset: 3,
    });
  });
});

describe("readPackObjects()", () => {
  const blob = (value: string): PackableEntry => ({
    header: { type: "blob", size: value.length },
    data: text(value),
  });
  const append = (length: number, letter: string): Uint8Array =>
    concat(Uint8Array.of(length, length + 1, 0x90, length, 1), text(letter));
  const oidOf = (value: string): ObjectId => hashObject("blob", text(value), "sha1");
  const refDelta = (baseValue: string, letter: string): PackableEntry => {
    const data = append(baseValue.length, letter);
    return { header: { type: "ref-delta", size: data.length, baseId: oidOf(baseValue) }, data };
  };

  test("git's packs hold the same objects, by offset and by id", ({ expect }) => {
    const ids = (name: string): string[] =>
      read(vector(name))
        .map(({ oid, type }) => `${oid} ${type}`)
        .sort();
    expect(ids("pack-ofs.pack")).toEqual(ids("pack-ref.pack"));
    expect(ids("pack-ofs.pack").length).toBeGreaterThan(10);
  });

  test("a thin pack needs its bases", ({ expect }) => {
    expect(errorCode(() => read(vector("pack-thin.pack")))).toBe("PACK_BASE_MISSING");
    const known = new Map(read(vector("pack-ofs.pack")).map((object) => [object.oid, object]));
    const thin = read(vector("pack-thin.pack"), { findBase: (oid) => known.get(oid) });
    expect(thin.every(({ oid }) => known.has(oid))).toBe(true);
  });

  test("a base may come later, and chains mix both kinds", ({ expect }) => {
    const later = encodePackEntries([refDelta("ab", "c"), refDelta("a", "b"), blob("a")], "sha1");
    expect(read(later).map(({ data }) => String.fromCharCode(...data))).toEqual(["abc", "ab", "a"]);
    const first =
      encodePackEntryHeader({ type: "blob", size: 1 }).length + accelerators.deflate(text("a")).length;
    const data = append(1, "b");
    const mixed = encodePackEntries(
      [
        blob("a"),
        { header: { type: "ofs-delta", size: data.length, baseDistance: first }, data },
        refDelta("ab", "c"),
      ],
      "sha1",
    );
    expect(read(mixed).map(({ oid }) => oid)).toEqual(["a", "ab", "abc"].map(oidOf));
  });

  test.for([
    [
      "a circle of deltas",
      encodePackEntries([refDelta("ab", "c"), refDelta("abc", "d")], "sha1"),
      "PACK_BASE_MISSING",
    ],
    [
      "an offset into the middle of an entry",
      encodePackEntries(
        [blob("aaaaaaaa"), { header: { type: "ofs-delta", size: 6, baseDistance: 5 }, data: append(8, "b") }],
        "sha1",
      ),
      "PACK_INVALID",
    ],
    [
      "a size too small",
      encodePackEntries([{ header: { type: "blob", size: 3 }, data: text("abcd") }], "sha1"),
      "PACK_INVALID",
    ],
    [
      "a size too large",
      encodePackEntries([{ header: { type: "blob", size: 5 }, data: text("abcd") }], "sha1"),
      "PACK_INVALID",
    ],
    [
      "a size of zero for something",
      encodePackEntries([{ header: { type: "blob", size: 0 }, data: text("abcd") }], "sha1"),
      "PACK_INVALID",
    ],
    [
      "a declared size beyond the limit",
      encodePackEntries([{ header: { type: "blob", size: 2 ** 40 }, data: text("abcd") }], "sha1"),
      "LIMIT_EXCEEDED",
    ],
    [
      "a result that a delta cannot make",
      encodePackEntries(
        [
          blob("a"),
          {
            header: { type: "ref-delta", size: 6, baseId: oidOf("a") },
            data: Uint8Array.of(1, 0xff, 0xff, 0xff, 0xff, 0x7f),
          },
        ],
        "sha1",
      ),
      "DELTA_INVALID",
    ],
    ["a delta bomb", deltaBomb(), "LIMIT_EXCEEDED"],
    [
      "too high a count",
      resign(encodePack([{ type: "blob", data: text("a") }], "sha1"), 11, 2),
      "PACK_TRUNCATED",
    ],
    ["too low a count", resign(encodePackEntries([blob("a"), blob("b")], "sha1"), 11, 1), "PACK_INVALID"],
    [
      "a count beyond the limit",
      resign(encodePack([{ type: "blob", data: text("a") }], "sha1"), 8, 1),
      "LIMIT_EXCEEDED",
    ],
    [
      "damaged zlib data",
      resign(encodePack([{ type: "blob", data: text("aaaaaaaaaa") }], "sha1"), 13, 0),
      "PACK_INVALID",
    ],
  ] as const)("refuses %s", ([, pack, code], { expect }) => {
    expect(errorCode(() => read(pack))).toBe(code);
  });

  test("is bounded in objects and bytes", ({ expect }) => {
    const pack = encodePackEntries([blob("aaaa"), blob("bbbb")], "sha1");
    expect(errorCode(() => read(pack, { maxObjects: 1 }))).toBe("LIMIT_EXCEEDED");
    expect(errorCode(() => read(pack, { maxInflatedBytes: 7 }))).toBe("LIMIT_EXCEEDED");
    expect(errorCode(() => read(pack, { maxObjects: 2, maxInflatedBytes: 8 }))).toBe("ok");
  });

  test("gives back what was packed, for both hashes", ({ expect }) => {
    const object: fc.Arbitrary<PackableObject> = fc.record({
      type: fc.constantFrom("commit", "tree", "blob", "tag"),
      data: fc.uint8Array({ maxLength: 500 }),
    });
    fc.assert(
      fc.property(
        fc.array(object, { maxLength: 8 }),
        fc.constantFrom<ObjectFormat>("sha1", "sha256"),
        (objects, format) => {
          const seen = [...readPackObjects(encodePack(objects, format), { format })];
          expect(seen.map(({ type, data }) => [type, [...data]])).toEqual(
            objects.map(({ type, data }) => [type, [...data]]),
          );
          expect(seen.map(({ oid }) => oid)).toEqual(
            objects.map(({ type, data }) => hashObject(type, data, format)),
          );
        },
      ),
    );
  });

  /** Five kilobytes that copy 64 KiB each. */
  function deltaBomb(): Uint8Array {
    const zeros = "\0".repeat(0x1_0000);
    const sizes: number[] = [];
    writeSize(zeros.length, sizes);
    writeSize(5000 * zeros.length, sizes);
    const data = concat(Uint8Array.from(sizes), new Uint8Array(5000).fill(0x80));
    return encodePackEntries(
      [blob(zeros), { header: { type: "ref-delta", size: data.length, baseId: oidOf(zeros) }, data }],
      "sha1",
    );
  }

  /** Change one byte of a pack and put the trailer right again. */
  function resign(pack: Uint8Array, index: number, value: number): Uint8Array {
    const body = pack.slice(0, -20);
    body[index] = value;
    return concat(body, createHasher("sha1").update(body).digest());
  }
});

describe("commits and tags", () => {
  const T = "1".repeat(40);
  test("what they point to", ({ expect }) => {
    expect(
      parseCommit(text(`tree ${T}\nparent ${T}\nparent ${T}\nauthor A <a> 0 +0000\n\nparent of nothing\n`)),
    ).toEqual({ tree: T, parents: [T, T] });
    expect(parseCommit(text(`tree ${T}\nauthor A <a> 0 +0000\n\n`))).toEqual({ tree: T, parents: [] });
    expect(parseTag(text(`object ${T}\ntype commit\ntag v1\ntagger A <a> 0 +0000\n\nx`))).toEqual({
      object: T,
      type: "commit",
      tag: "v1",
    });
  });

  test("anything else is refused", ({ expect }) => {
    for (const bad of [
      "",
      `tree ${T.slice(1)}\n\n`,
      `tree ${T}\nparent x\n\n`,
      `parent ${T}\n\n`,
      `tree ${T}\nparent ${"1".repeat(64)}\n\n`,
    ])
      expect(errorCode(() => parseCommit(text(bad)))).toBe("OBJECT_INVALID");
    for (const bad of ["", `object ${T}\n\ntype commit`, `object ${T}\ntype thing\ntag x\n\n`])
      expect(errorCode(() => parseTag(text(bad)))).toBe("OBJECT_INVALID");
  });
});

describe("without a host", () => {
  test.for(["sha1", "sha256"] as const)("%s pads every length right", (format, { expect }) => {
    for (let length = 0; length <= 130; length += 1) {
      const [ours, theirs] = [portable, accelerators].map((host) => {
        const hash = host.createHash(format);
        hash.update(new Uint8Array(length).fill(length));
        return hex(hash.digest());
      });
      expect(ours).toBe(theirs);
    }
  });

  test("hashes, checksums and zlib agree with Node's", ({ expect }) => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1 }),
        (bytes, cuts) => {
          for (const format of ["sha1", "sha256"] as const) {
            const [ours, theirs] = [portable, accelerators].map((host) => {
              const hash = host.createHash(format);
              for (const chunk of cutBy(bytes, cuts)) hash.update(chunk);
              return hex(hash.digest());
            });
            expect(ours).toBe(theirs);
          }
          expect(portable.crc32(bytes)).toBe(accelerators.crc32(bytes));
          const [head, tail] = [bytes.subarray(0, 9), bytes.subarray(9)];
          expect(portable.crc32(tail, portable.crc32(head))).toBe(accelerators.crc32(bytes));
          expect(portable.asciiText(bytes)).toBe(accelerators.asciiText(bytes));
          const stream = concat(portable.deflate(bytes), wire("next"));
          for (const host of [portable, accelerators]) {
            expect(host.inflate(stream, bytes.length)).toEqual({
              type: "ok",
              data: expect.anything(),
              consumed: stream.length - 4,
            });
            expect(host.inflate(stream.subarray(0, -9), bytes.length).type).toBe("truncated");
            if (bytes.length > 0) expect(host.inflate(stream, bytes.length - 1).type).toBe("wrong-size");
          }
        },
      ),
    );
    expect([portable, accelerators].map((host) => host.inflate(wire("nothing of zlib"), 10).type)).toEqual([
      "corrupt",
      "corrupt",
    ]);
  });
});
