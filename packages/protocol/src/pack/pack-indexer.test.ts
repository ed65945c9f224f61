import fc from "fast-check";
import { describe, test } from "vitest";
import { vector } from "../../fixtures/vectors.ts";
import type { ProtocolLimits } from "../limits.ts";
import {
  hashByteLength,
  type ObjectFormat,
  type ObjectId,
  objectIdFromBytes,
  parseObjectId,
} from "../object-id.ts";
import { concat } from "../testing/bytes.ts";
import { cutBy } from "../testing/cuts.ts";
import { deltifiedPack, type DescribedEntry } from "../testing/deltified-pack.ts";
import { errorCode } from "../testing/error-code.ts";
import type { FindBase } from "./delta-resolver.ts";
import { objectTypeOf } from "./entry.ts";
import { hashObject } from "./hasher.ts";
import { encodePackIndex, encodeReverseIndex } from "./index-encoder.ts";
import type { IndexedPack } from "./indexed-pack.ts";
import { indexPack, PackIndexer } from "./pack-indexer.ts";
import { packSource } from "./source.ts";
import { encodePackEntries, type PackableEntry } from "./writer.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

function idsOf({ ids, format, offsets }: IndexedPack): ObjectId[] {
  const length = hashByteLength(format);
  return Array.from(offsets, (_, entry) =>
    objectIdFromBytes(ids.subarray(entry * length, (entry + 1) * length)),
  );
}

const index = (pack: Uint8Array, limits: Partial<ProtocolLimits> = {}, format: ObjectFormat = "sha1") =>
  indexPack(packSource(pack), { format, limits });

/** Entries of which any may be made of any before it. */
const described: fc.Arbitrary<readonly DescribedEntry[]> = fc
  .array(
    fc.record({
      part: fc.uint8Array({ maxLength: 300 }),
      keep: fc.integer({ min: 0, max: 500 }),
      base: fc.option(fc.record({ entry: fc.nat(), by: fc.constantFrom("offset", "id") }), {
        nil: undefined,
        freq: 4,
      }),
    }),
    { minLength: 1, maxLength: 60 },
  )
  .map((parts) => {
    const entries: DescribedEntry[] = [];
    for (const [at, { part, keep, base }] of parts.entries()) {
      const entry = at === 0 || base === undefined ? undefined : base.entry % at;
      // Numbered, so that no two are the same object.
      const content = concat(
        entry === undefined
          ? new Uint8Array(0)
          : (entries[entry]?.content.subarray(0, keep) ?? new Uint8Array(0)),
        part,
        text(`${at}`),
      );
      entries.push(
        entry === undefined || base === undefined ? { content } : { content, base: { entry, by: base.by } },
      );
    }
    return entries;
  });

describe("PackIndexer", () => {
  test("finds every object, whatever it is made of, with any memory for bases", ({ expect }) => {
    fc.assert(
      fc.property(
        described,
        fc.constantFrom<ObjectFormat>("sha1", "sha256"),
        fc.constantFrom(0, 300, 2 ** 20),
        fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1 }),
        (entries, format, maxDeltaCacheBytes, cuts) => {
          const { pack, ids, offsets } = deltifiedPack(entries, format, "tree");
          const indexer = new PackIndexer({ format, limits: { maxDeltaCacheBytes } });
          for (const chunk of cutBy(pack, cuts)) indexer.feed(chunk);
          const seen = new Map<number, string>();
          const indexed = indexer.resolve(packSource(pack), {
            onObject: ({ entry, type, data }) =>
              seen.set(entry, `${type} ${hashObject("tree", data, format)}`),
          });
          expect(idsOf(indexed)).toEqual(ids);
          expect([...indexed.offsets]).toEqual(offsets);
          expect(indexed.types.every((type) => objectTypeOf(type) === "tree")).toBe(true);
          expect(entries.map((_, entry) => seen.get(entry))).toEqual(ids.map((id) => `tree ${id}`));
          expect(idsOf(index(pack, { maxDeltaCacheBytes }, format))).toEqual(ids);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("a thin pack is made of what its caller finds, and names it", ({ expect }) => {
    const thin = vector("pack-thin.pack");
    const known = new Map<string, { readonly type: "blob"; readonly data: Uint8Array }>();
    indexPack(packSource(vector("pack-ofs.pack")), {
      format: "sha1",
      onObject: ({ type, data }) => {
        if (type === "blob") known.set(hashObject(type, data, "sha1"), { type, data: data.slice() });
      },
    });
    const asked: ObjectId[] = [];
    const findBase: FindBase = (oid) => {
      asked.push(oid);
      return known.get(oid);
    };
    for (const maxDeltaCacheBytes of [0, 2 ** 20]) {
      asked.length = 0;
      const indexed = indexPack(packSource(thin), {
        format: "sha1",
        findBase,
        limits: { maxDeltaCacheBytes },
      });
      expect(indexed.externalBases.length).toBeGreaterThan(0);
      expect(new Set(asked)).toEqual(new Set(indexed.externalBases));
      expect(() => encodePackIndex(indexed)).toThrow(RangeError);
      expect(() => encodeReverseIndex(indexed)).toThrow(RangeError);
    }
    expect(errorCode(() => index(thin))).toBe("PACK_BASE_MISSING");
    const wrong: FindBase = () => ({ type: "blob", data: text("something else") });
    expect(errorCode(() => indexPack(packSource(thin), { format: "sha1", findBase: wrong }))).toBe(
      "OBJECT_INVALID",
    );
  });

  test("an object that is there twice is a base twice, and twice in the index", ({ expect }) => {
    const base = { content: text("base") };
    const { pack, ids } = deltifiedPack([
      base,
      { content: text("base and more"), base: { entry: 0, by: "id" } },
      base,
      { content: text("base and other"), base: { entry: 2, by: "offset" } },
      { content: text("base and more"), base: { entry: 2, by: "offset" } },
    ]);
    expect(idsOf(index(pack))).toEqual(ids);
    // 8 + 1024 bytes of head, then the ids.
    expect(encodePackIndex(index(pack)).length).toBe(1032 + 5 * 28 + 40);
  });

  test.for(["offset", "id"] as const)(
    "chains by %s of any length take no stack, and little memory",
    (by, { expect }) => {
      const entries = Array.from({ length: 12_000 }, (_, at) => ({
        content: text(`v${at}`),
        ...(at > 0 && { base: { entry: at - 1, by } }),
      }));
      const { pack, ids } = deltifiedPack(entries);
      expect(idsOf(index(pack, { maxDeltaCacheBytes: 100 })).at(-1)).toBe(ids.at(-1));
      expect(errorCode(() => index(pack, { maxDeltaDepth: 11_998 }))).toBe("LIMIT_EXCEEDED");
      expect(errorCode(() => index(pack, { maxDeltaDepth: 11_999 }))).toBe("ok");
    },
  );

  test("an object that two equal bases offer is told once, and hides none that nobody offers", ({
    expect,
  }) => {
    const base = { content: text("base") };
    const { pack } = deltifiedPack([base, { content: text("based"), base: { entry: 0, by: "id" } }, base]);
    const told: number[] = [];
    indexPack(packSource(pack), { format: "sha1", onObject: ({ entry }) => told.push(entry) });
    expect(told.toSorted((a, b) => a - b)).toEqual([0, 1, 2]);
    const blob = { header: { type: "blob", size: 4 }, data: text("base") } as const;
    // Copies four bytes and inserts one.
    const delta = Uint8Array.of(4, 5, 0x90, 4, 1, 0x64);
    const deltaOf = (baseId: ObjectId) =>
      ({ header: { type: "ref-delta", size: 6, baseId }, data: delta }) as const;
    const entries: PackableEntry[] = [blob, deltaOf(hashObject("blob", blob.data, "sha1")), blob];
    expect(errorCode(() => index(encodePackEntries(entries, "sha1")))).toBe("ok");
    entries.push(deltaOf(parseObjectId("f".repeat(40))));
    expect(errorCode(() => index(encodePackEntries(entries, "sha1")))).toBe("PACK_BASE_MISSING");
  });

  test("a base that was dropped is made anew from the whole object up", ({ expect }) => {
    // v0 ◂ v1 ◂ v2, and two trees of deltas made of v2: while one is walked, v2 is dropped, and v1 is not kept anywhere.
    const version = (name: string): Uint8Array => text(`${name.repeat(3)} of the file`);
    const { pack, ids } = deltifiedPack([
      { content: version("v0") },
      { content: version("version 1"), base: { entry: 0, by: "offset" } },
      { content: version("the second"), base: { entry: 1, by: "offset" } },
      { content: version("left"), base: { entry: 2, by: "offset" } },
      { content: version("left, left"), base: { entry: 3, by: "offset" } },
      { content: version("left, right"), base: { entry: 3, by: "offset" } },
      { content: version("right"), base: { entry: 2, by: "offset" } },
      { content: version("right, left"), base: { entry: 6, by: "offset" } },
      { content: version("right, right"), base: { entry: 6, by: "offset" } },
    ]);
    expect(idsOf(index(pack, { maxDeltaCacheBytes: 0 }))).toEqual(ids);
  });

  test("what it keeps and makes is bounded", ({ expect }) => {
    const { pack } = deltifiedPack([
      { content: new Uint8Array(1000) },
      { content: new Uint8Array(1100), base: { entry: 0, by: "offset" } },
    ]);
    for (const [limit, most] of [
      ["maxIndexedObjects", 2],
      ["maxPackObjects", 2],
      ["maxObjectBytes", 1000],
      ["maxDeltaObjectBytes", 1100],
    ] as const) {
      expect([limit, errorCode(() => index(pack, { [limit]: most - 1 }))]).toEqual([limit, "LIMIT_EXCEEDED"]);
      expect([limit, errorCode(() => index(pack, { [limit]: most }))]).toEqual([limit, "ok"]);
    }
    // The delta's own 108 bytes count too.
    expect(errorCode(() => index(pack, { maxInflatedBytes: 2207 }))).toBe("LIMIT_EXCEEDED");
    expect(errorCode(() => index(pack, { maxInflatedBytes: 2208 }))).toBe("ok");
  });

  test("a source that is not what was fed is found out", ({ expect }) => {
    const { pack } = deltifiedPack([
      { content: text("base") },
      { content: text("based"), base: { entry: 0, by: "offset" } },
    ]);
    const resolveFrom = (source: Uint8Array): string => {
      const indexer = new PackIndexer({ format: "sha1" });
      indexer.feed(pack);
      return errorCode(() => indexer.resolve(packSource(source)));
    };
    expect(resolveFrom(pack)).toBe("ok");
    expect(resolveFrom(new Uint8Array(pack.length))).toBe("PACK_INVALID");
    expect(resolveFrom(pack.subarray(0, 20))).toBe("PACK_TRUNCATED");
  });

  test("resolves once, after the end", ({ expect }) => {
    const pack = vector("pack-ofs.pack");
    const indexer = new PackIndexer({ format: "sha1" });
    indexer.feed(pack.subarray(0, 100));
    expect(errorCode(() => indexer.resolve(packSource(pack)))).toBe("PACK_TRUNCATED");
    indexer.feed(concat(pack.subarray(100), text("next")));
    expect(indexer.rest()).toEqual(text("next"));
    indexer.resolve(packSource(pack));
    expect(errorCode(() => indexer.resolve(packSource(pack)))).toBe("STATE_INVALID");
  });

  test("offsets beyond 31 bits have a table of their own", ({ expect }) => {
    const pack = index(vector("pack-empty.pack"));
    const bytes = encodePackIndex({
      ...pack,
      offsets: Float64Array.of(12, 2 ** 31 - 1, 2 ** 31, 2 ** 40),
      ids: concat(...[4, 3, 2, 1].map((byte) => new Uint8Array(20).fill(byte))),
      crcs: Uint32Array.of(1, 2, 3, 4),
    });
    const view = new DataView(bytes.buffer);
    const offsetsAt = 1032 + 4 * 24;
    expect([0, 4, 8, 12].map((at) => view.getUint32(offsetsAt + at))).toEqual([
      2 ** 31,
      2 ** 31 + 1,
      2 ** 31 - 1,
      12,
    ]);
    expect([16, 24].map((at) => Number(view.getBigUint64(offsetsAt + at)))).toEqual([2 ** 40, 2 ** 31]);
  });
});
