import fc from "fast-check";
import { describe, test } from "vitest";
import { vector, vectorNames } from "../fixtures/vectors.ts";
import type { AdvertisedRef } from "./advertisement.ts";
import { AdvertisementDecoder } from "./advertisement-decoder.ts";
import { encodeRefAdvertisement } from "./advertisement-encoder.ts";
import { CapabilityList } from "./capabilities.ts";
import { LsRefsDecoder } from "./ls-refs.ts";
import { encodeLsRefsResponse } from "./ls-refs-encoder.ts";
import { type ObjectId, objectIdToBytes, parseObjectId } from "./object-id.ts";
import { compareRefNames, encodeRefName, isValidRefName, parseRefName, type RefName } from "./ref-name.ts";
import { SEGMENT_ROWS } from "./ref-columns.ts";
import { RefTable } from "./ref-table.ts";
import { advertisedRefs, objectFormat, refName } from "./testing/arbitraries.ts";
import { concat, packets, wire } from "./testing/bytes.ts";
import { bytewise, cutBy, everyCut, whole } from "./testing/cuts.ts";

const HEAD = parseRefName("HEAD");

function id(digit: number): ObjectId {
  return parseObjectId(digit.toString(16).padStart(40, "0"));
}

function refsOf(...names: readonly string[]): readonly AdvertisedRef[] {
  return names.map((name, index) => ({ name: parseRefName(name), oid: id(index + 1) }));
}

function tableOf(...names: readonly string[]): RefTable {
  return RefTable.from("sha1", refsOf(...names));
}

function namesIn(table: RefTable): readonly string[] {
  return [...table.names()];
}

/** Every way to read a table; they are all the same. */
function readings(table: RefTable): readonly (readonly AdvertisedRef[])[] {
  const rows = Array.from({ length: table.size }, (_, row) => row);
  const ids = [...table.ids()];
  const columns = Array.from(table.names(), (name, row): AdvertisedRef => {
    const [peeled, symrefTarget] = [table.peeled(row), table.symrefTarget(row)];
    return {
      name,
      oid: ids[row] ?? id(0),
      ...(peeled === undefined ? {} : { peeled }),
      ...(symrefTarget === undefined ? {} : { symrefTarget }),
    };
  });
  return [[...table], table.toArray(), rows.map((row) => table.ref(row)), columns];
}

function lsRefsOf(chunks: Iterable<Uint8Array>, format: "sha1" | "sha256"): LsRefsDecoder {
  const decoder = new LsRefsDecoder({ objectFormat: format });
  for (const chunk of chunks) {
    const lent = chunk.slice();
    decoder.feed(lent);
    lent.fill(0x7a);
  }
  return decoder;
}

describe("a table and the objects", () => {
  const recordings = [...vectorNames("adv-", ".bin"), ...vectorNames("v2-lsrefs-", ".bin")].filter(
    (name) => !/-v2-/.test(name) || name.startsWith("v2-lsrefs-"),
  );

  test.for(recordings)("agree for %s under every cut", (name, { expect }) => {
    const stream = vector(name);
    const table = (chunks: Iterable<Uint8Array>): RefTable => {
      if (name.startsWith("v2-lsrefs-")) return lsRefsOf(chunks, "sha1").finish().table;
      const service = name.includes("-up-") ? "git-upload-pack" : "git-receive-pack";
      const decoder = new AdvertisementDecoder({ service, smartHttp: true });
      for (const chunk of chunks) decoder.feed(chunk);
      const advertisement = decoder.finish();
      if (advertisement.version === 2) throw new Error(`${name} is no list of refs`);
      expect(advertisement.refs).toBe(advertisement.table.toArray());
      expect(advertisement.head?.oid).toBe(advertisement.table.head?.oid);
      return advertisement.table;
    };
    const golden = table(whole(stream));
    for (const reading of readings(golden)) expect(reading).toEqual(golden.toArray());
    for (const chunks of [bytewise(stream), ...everyCut(stream)]) {
      expect([...table(chunks)]).toEqual(golden.toArray());
    }
  });

  const lists = objectFormat.chain((format) =>
    fc.record({ format: fc.constant(format), refs: advertisedRefs(format, true), head: fc.boolean() }),
  );
  const cuts = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 });

  test("agree for arbitrary refs of ls-refs in any pieces", ({ expect }) => {
    fc.assert(
      fc.property(lists, cuts, ({ format, refs, head }, lengths) => {
        const [first] = refs;
        const all = head && first !== undefined ? [{ ...first, name: HEAD }, ...refs] : refs;
        const result = lsRefsOf(cutBy(encodeLsRefsResponse({ refs: all }), lengths), format).finish();
        expect(result.refs).toEqual(all);
        for (const reading of readings(result.table)) expect(reading).toEqual(all);
        for (const reading of readings(RefTable.from(format, all))) expect(reading).toEqual(all);
      }),
    );
  });

  test("agree for arbitrary refs of an advertisement in any pieces", ({ expect }) => {
    fc.assert(
      fc.property(lists, cuts, ({ format, refs }, lengths) => {
        const listed = refs.map(({ name, oid, peeled }): AdvertisedRef => ({
          name,
          oid,
          ...(peeled && { peeled }),
        }));
        const capabilities = new CapabilityList([`object-format=${format}`]);
        const stream = encodeRefAdvertisement({
          version: 0,
          objectFormat: format,
          capabilities,
          refs: listed,
        });
        const decoder = new AdvertisementDecoder({ service: "git-upload-pack", smartHttp: false });
        for (const chunk of cutBy(stream, lengths)) decoder.feed(chunk);
        const advertisement = decoder.finish();
        if (advertisement.version === 2) throw new Error("version 0 was encoded");
        expect(advertisement.refs).toEqual(listed);
        for (const reading of readings(advertisement.table)) expect(reading).toEqual(listed);
      }),
    );
  });

  test.for([SEGMENT_ROWS - 1, SEGMENT_ROWS, SEGMENT_ROWS + 1, 2 * SEGMENT_ROWS + 7])(
    "agree for %i refs, peeled and pointing at every edge",
    (length, { expect }) => {
      const refs = Array.from({ length }, (_, row): AdvertisedRef => {
        const ref = { name: parseRefName(`refs/tags/v${String(row).padStart(6, "0")}`), oid: id(row + 1) };
        if (row % 3 === 0 || (row + 1) % SEGMENT_ROWS === 0) return { ...ref, peeled: id(row + 2) };
        return row % 1000 === 1 ? { ...ref, symrefTarget: parseRefName("refs/heads/main") } : ref;
      });
      const { table } = lsRefsOf(whole(encodeLsRefsResponse({ refs })), "sha1").finish();
      for (const reading of readings(table)) expect(reading).toEqual(refs);
      expect(table.isSorted).toBe(true);
      for (const [row, { name, oid }] of refs.entries()) {
        if (row % 97 !== 0) continue;
        expect(table.rowOf(name)).toBe(row);
        expect(table.get(name)).toBe(oid);
      }
    },
  );

  test("a tag peels though its row is the last of a segment and a refused name comes between", ({
    expect,
  }) => {
    const tag = (row: number): string => `refs/tags/v${String(row).padStart(6, "0")}`;
    const rows = Array.from({ length: SEGMENT_ROWS }, (_, row) => tag(row));
    const last = tag(SEGMENT_ROWS - 1);
    const line = (name: string, end = ""): Uint8Array => {
      const text = `${"a".repeat(40)} ${name}${end}\n`;
      return wire((text.length + 4).toString(16).padStart(4, "0") + text);
    };
    const lines = rows.map((name, row) => line(name, row === 0 ? "\0agent=x" : ""));
    const stream = concat(
      ...lines,
      line("refs/tags/a..b"),
      line(`${last}^{}`),
      line(tag(9999)),
      wire("0000"),
    );
    const decoder = new AdvertisementDecoder({ service: "git-upload-pack", smartHttp: false });
    decoder.feed(stream);
    const advertisement = decoder.finish();
    if (advertisement.version === 2) throw new Error("version 0 was encoded");
    const { table } = advertisement;
    expect(table.peeled(SEGMENT_ROWS - 1)).toBe("a".repeat(40));
    expect([table.size, table.name(SEGMENT_ROWS), table.peeled(SEGMENT_ROWS)]).toEqual([
      SEGMENT_ROWS + 1,
      tag(9999),
      undefined,
    ]);
    expect(advertisement.invalidNames).toEqual(["refs/tags/a..b"]);
  });
});

describe("names in a table", () => {
  /** Names that share much with each other, good and bad. */
  const word = fc
    .array(fc.constantFrom("a", "b", ".", "/", "@", "{", ".lock", "refs/heads/", "é", "\0", " ", "^", "~"), {
      minLength: 1,
      maxLength: 6,
    })
    .map((parts) => parts.join(""));

  test("what a name shares with the one before changes nothing about its validity", ({ expect }) => {
    fc.assert(
      fc.property(word, fc.array(word, { minLength: 1, maxLength: 4 }), fc.nat(8), (stem, ends, drop) => {
        const texts = ends.flatMap((end) => [`refs/heads/x${stem}`, `refs/heads/x${stem.slice(drop)}${end}`]);
        const names = texts.filter((text) => !/[ \0]/.test(text));
        const lines = names.map((text) => {
          const name = encodeRefName(text as RefName);
          const length = (name.length + 46).toString(16).padStart(4, "0");
          return concat(wire(`${length}${"a".repeat(40)} `), name, wire("\n"));
        });
        const { refs, invalidNames } = lsRefsOf([concat(...lines, wire("0000"))], "sha1").finish();
        expect(refs.map(({ name }) => name)).toEqual(names.filter((text) => isValidRefName(text)));
        expect(invalidNames).toEqual(names.filter((text) => !isValidRefName(text)));
      }),
      { numRuns: 2_000 },
    );
  });

  test("stay bytes when they are not UTF-8", ({ expect }) => {
    const table = tableOf("refs/heads/caf\udce9", "refs/heads/café");
    expect([...table.nameBytes(0)].at(-1)).toBe(0xe9);
    expect(namesIn(table)).toEqual(["refs/heads/caf\udce9", "refs/heads/café"]);
    expect(table.rowOf(parseRefName("refs/heads/caf\udce9"))).toBe(0);
    expect(table.idBytes(1)).toEqual(objectIdToBytes(id(2)));
  });

  test("are refused when git refuses them, and so are ids of another format", ({ expect }) => {
    const oid = id(1);
    const refused = (ref: { readonly name: string; readonly oid: string }): unknown => {
      try {
        return RefTable.from("sha256", [ref as AdvertisedRef]).size;
      } catch (error) {
        return error;
      }
    };
    expect(refused({ name: "refs/heads/a..b", oid: "b".repeat(64) })).toMatchObject({
      code: "REF_NAME_INVALID",
    });
    expect(refused({ name: "refs/heads/a", oid })).toMatchObject({ code: "OBJECT_ID_INVALID" });
  });

  test("are sorted in git's order, HEAD aside", ({ expect }) => {
    expect(tableOf().isSorted).toBe(true);
    expect(tableOf("HEAD", "A/b", "refs/heads/a", "refs/heads/ab", "refs/heads/b").isSorted).toBe(true);
    expect(tableOf("refs/heads/b", "refs/heads/a").isSorted).toBe(false);
    expect(tableOf("refs/heads/ab", "refs/heads/a").isSorted).toBe(false);
    expect(tableOf("refs/heads/a", "refs/heads/a").isSorted).toBe(false);
    expect(tableOf("refs/heads/a", "HEAD").isSorted).toBe(false);
    const amidst = tableOf("A/b", "HEAD", "refs/heads/a");
    expect(amidst.isSorted).toBe(false);
    expect(namesIn(amidst.under(""))).toEqual(["A/b", "refs/heads/a"]);
  });
});

describe("a lookup in a table", () => {
  const pool = fc.array(refName, { minLength: 1, maxLength: 12 });
  const listed = fc.record({
    names: pool.map((names) => [...names, ...names.slice(0, 1)]),
    strangers: pool,
    head: fc.constantFrom("first", "last", "none"),
    sorted: fc.boolean(),
  });

  function refsFor(value: {
    readonly names: readonly RefName[];
    readonly head: string;
    readonly sorted: boolean;
  }): readonly AdvertisedRef[] {
    const names = value.sorted ? [...new Set(value.names)].toSorted(compareRefNames) : [...value.names];
    if (value.head === "first") names.unshift(HEAD);
    if (value.head === "last") names.push(HEAD);
    return names.map((name, row) => ({ name, oid: id(row + 1) }));
  }

  test("finds what a map finds, sorted or not, the last of a name that comes twice", ({ expect }) => {
    fc.assert(
      fc.property(listed, (value) => {
        const refs = refsFor(value);
        const table = RefTable.from("sha1", refs);
        const map = new Map(refs.map(({ name, oid }) => [name, oid]));
        const other = RefTable.from(
          "sha1",
          refsFor({ names: [...value.names, ...value.strangers], head: "none", sorted: false }),
        );
        for (const name of [...map.keys(), ...value.strangers, HEAD]) {
          expect(table.get(name)).toBe(map.get(name));
          expect(table.has(name)).toBe(map.has(name));
        }
        for (const [row, name] of [...other.names()].entries()) {
          for (const near of [-1, 0, 1, 3, 99])
            expect(table.rowLike(other, row, near)).toBe(table.rowOf(name));
        }
        expect(table.head?.oid).toBe(refs.find(({ name }) => name === HEAD)?.oid);
      }),
    );
  });

  test("takes the refs under a prefix, in order, each once, without HEAD", ({ expect }) => {
    const prefix = fc.oneof(
      fc.constantFrom("", "H", "refs/", "refs/heads/x", "refs/heads/xa", "refs/tags/", "s"),
      refName,
    );
    fc.assert(
      fc.property(listed, prefix, (value, start) => {
        const refs = refsFor(value);
        const last = new Map(refs.map((ref) => [ref.name, ref]));
        last.delete(HEAD);
        const text = (name: RefName): string => String.fromCharCode(...encodeRefName(name));
        const expected = [...last.values()]
          .filter(({ name }) => text(name).startsWith(text(start as RefName)))
          .toSorted((a, b) => compareRefNames(a.name, b.name));
        const under = RefTable.from("sha1", refs).under(start);
        expect(under.isSorted).toBe(true);
        for (const reading of readings(under)) expect(reading).toEqual(expected);
        for (const [row, { name }] of expected.entries()) {
          expect(under.rowOf(name)).toBe(row);
          expect(under.rowLike(under, row, row)).toBe(row);
        }
        expect(under.has(HEAD)).toBe(false);
        const again = under.under(start);
        expect([...again]).toEqual(expected);
      }),
    );
  });

  test("keeps what a ref peels to when it brings refs in order", ({ expect }) => {
    const refs: readonly AdvertisedRef[] = [
      { name: parseRefName("refs/tags/b"), oid: id(1), peeled: id(2) },
      { name: parseRefName("refs/heads/a"), oid: id(3), symrefTarget: parseRefName("refs/heads/z") },
    ];
    expect([...RefTable.from("sha1", refs).under("refs/")]).toEqual([...refs].toReversed());
  });

  test("gives the last of several peeled ids", ({ expect }) => {
    const line = (digit: string, name: string): string => `${digit.repeat(40)} ${name}\n`;
    const stream = packets(
      line("a", "refs/tags/v\0agent=x"),
      line("b", "refs/tags/v^{}"),
      line("c", "refs/tags/v^{}"),
      "0000",
    );
    const decoder = new AdvertisementDecoder({ service: "git-upload-pack", smartHttp: false });
    decoder.feed(stream);
    expect(decoder.finish()).toMatchObject({ refs: [{ oid: "a".repeat(40), peeled: "c".repeat(40) }] });
  });

  test("compares ids, and says which of many are listed", ({ expect }) => {
    const [left, right] = [tableOf("refs/heads/a", "refs/heads/b"), tableOf("refs/heads/x", "refs/heads/y")];
    expect([left.equalId(0, right, 0), left.equalId(0, right, 1)]).toEqual([true, false]);
    const wide = RefTable.from("sha256", []);
    expect(wide.objectFormat).toBe("sha256");
    expect(left.idsAmong(new Set([id(2), id(7)]))).toEqual(new Set([id(2)]));
    expect(left.idsAmong(new Set())).toEqual(new Set());
  });

  test("of a row that is none is a RangeError", ({ expect }) => {
    const table = tableOf("HEAD", "refs/heads/a", "refs/heads/b", "refs/tags/c");
    const heads = table.under("refs/heads/");
    expect(heads.name(1)).toBe("refs/heads/b");
    for (const row of [-1, 2, 0.5, Number.NaN]) expect(() => heads.name(row)).toThrow(RangeError);
    expect(() => table.ref(4)).toThrow(/row 4 of 4/);
  });
});
