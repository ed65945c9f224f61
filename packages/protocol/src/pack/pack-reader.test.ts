import fc from "fast-check";
import { describe, test } from "vitest";
import { inflateFirst } from "../../fixtures/node-zlib.ts";
import { vector } from "../../fixtures/vectors.ts";
import { crc32Bytes } from "../fallback/crc32.ts";
import type { ObjectFormat } from "../object-id.ts";
import { concat, wire } from "../testing/bytes.ts";
import { bytewise, cutBy, everyCut, outcome, type Subject, whole } from "../testing/cuts.ts";
import { deltifiedPack, type DescribedEntry } from "../testing/deltified-pack.ts";
import { errorCode } from "../testing/error-code.ts";
import type { ContentWish } from "./content-reader.ts";
import { decodePackEntryHeader, encodePackEntryHeader } from "./entry.ts";
import { createHasher, hashObject } from "./hasher.ts";
import { decodePackHeader, emptyPack, encodePackHeader } from "./header.ts";
import { type PackEntry, PackReader, type PackReaderOptions } from "./pack-reader.ts";
import { encodePack } from "./writer.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** An entry, and the hash of its content. */
interface Found {
  readonly entry: PackEntry;
  readonly content: string;
}

const hashOf = (content: Uint8Array): string => hashObject("blob", content, "sha1");

/** What Node's zlib finds in a pack that lies in memory. */
function walk(pack: Uint8Array, format: ObjectFormat): readonly Found[] {
  const found: Found[] = [];
  let offset = 12;
  for (let left = decodePackHeader(pack).objectCount; left > 0; left -= 1) {
    const { dataOffset, ...header } = decodePackEntryHeader(pack, offset, format);
    const inflated = inflateFirst(pack.subarray(dataOffset), header.size);
    if (inflated === undefined) throw new Error(`${offset} is no entry`);
    const end = dataOffset + inflated.consumed;
    found.push({
      entry: {
        ...header,
        offset,
        headerLength: dataOffset - offset,
        packedLength: inflated.consumed,
        crc32: crc32Bytes(pack.subarray(offset, end)),
      },
      content: hashOf(inflated.data),
    });
    offset = end;
  }
  return found;
}

interface Told {
  readonly entries: readonly Found[];
  readonly rest: Uint8Array;
  readonly packBytes: number;
}

/** What a reader tells of the same, `wish` taken in turns. */
function read(
  chunks: Iterable<Uint8Array>,
  wishes: readonly ContentWish[] = ["whole"],
  options: Partial<PackReaderOptions> = {},
): Told {
  const entries: Found[] = [];
  let pieces: Uint8Array[] = [];
  const reader = new PackReader({
    format: "sha1",
    content: () => wishes[entries.length % wishes.length] ?? "none",
    onPiece: (piece) => pieces.push(piece.slice()),
    onEntry: (entry, content) => {
      const wish = wishes[entries.length % wishes.length];
      entries.push({
        entry,
        content: hashOf(wish === "pieces" ? concat(...pieces) : (content ?? new Uint8Array(0))),
      });
      pieces = [];
    },
    ...options,
  });
  const rest: Uint8Array[] = [];
  for (const chunk of chunks) if (reader.feed(chunk)) rest.push(reader.rest().slice());
  return { entries, rest: concat(...rest), packBytes: reader.finish().packBytes };
}

const subject = (format: ObjectFormat, wishes: readonly ContentWish[]) => (): Subject => {
  const told: unknown[] = [];
  const pieces: number[] = [];
  const reader = new PackReader({
    format,
    content: () => wishes[told.length % wishes.length] ?? "none",
    onPiece: (piece) => pieces.push(...piece),
    onEntry: (entry, content) =>
      told.push([entry, content && hashOf(content), hashOf(Uint8Array.from(pieces.splice(0)))]),
  });
  return { feed: (chunk) => reader.feed(chunk), finish: () => [told, reader.finish()] };
};

describe("PackReader", () => {
  // Nothing that can be deflated.
  const noise = concat(
    ...Array.from({ length: 15_000 }, (_, index) =>
      createHasher("sha1")
        .update(text(`${index}`))
        .digest(),
    ),
  );
  const large: readonly DescribedEntry[] = [
    { content: noise },
    { content: concat(noise.subarray(0, 65_535), text("changed")), base: { entry: 0, by: "offset" } },
    { content: new Uint8Array(9 * 2 ** 20) },
    { content: text("a tail\n".repeat(40_000)) },
    { content: text("") },
    { content: text("the end"), base: { entry: 0, by: "id" } },
  ];

  test.for([
    ["pack-ofs.pack", "sha1"],
    ["pack-ref.pack", "sha1"],
    ["pack-thin.pack", "sha1"],
    ["pack-empty.pack", "sha1"],
    ["pack-empty-sha256.pack", "sha256"],
  ] as const)("tells of every entry of git's %s, however it is cut", ([name, format], { expect }) => {
    const pack = vector(name);
    expect(read([pack], ["whole"], { format }).entries).toEqual(walk(pack, format));
    for (const wishes of [["none"], ["whole"], ["pieces"], ["none", "whole", "pieces"]] as const) {
      const make = subject(format, wishes);
      const expected = outcome(make, whole(pack));
      expect(expected).not.toContain("error");
      expect(outcome(make, bytewise(pack))).toBe(expected);
      for (const size of [2, 7, 61, 1000]) expect(outcome(make, cutBy(pack, [size]))).toBe(expected);
    }
    const make = subject(format, ["whole"]);
    const expected = outcome(make, whole(pack));
    if (pack.length > 1200) return;
    for (const chunks of everyCut(pack)) expect(outcome(make, chunks)).toBe(expected);
  });

  test("content larger than any chunk, and than memory should be, is the same whole and in pieces", ({
    expect,
  }) => {
    const { pack } = deltifiedPack(large);
    const expected = walk(pack, "sha1");
    for (const size of [997, 65_536, pack.length]) {
      for (const wish of ["whole", "pieces"] as const) {
        expect(read(cutBy(pack, [size]), [wish]).entries).toEqual(expected);
      }
    }
  });

  test("cuts at random make no difference", ({ expect }) => {
    const { pack } = deltifiedPack(
      large.filter((_, index) => index !== 2).map(({ content }) => ({ content: content.subarray(0, 3000) })),
    );
    const expected = walk(pack, "sha1");
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1 }),
        fc.array(fc.constantFrom<ContentWish>("whole", "pieces"), { minLength: 1, maxLength: 4 }),
        fc.constantFrom(0, 1024, 16_384),
        (cuts, wishes, ownInflateBytes) => {
          expect(read(cutBy(pack, cuts), wishes, { ownInflateBytes }).entries).toEqual(expected);
        },
      ),
    );
  });

  test("ends with the trailer, and leaves what is behind it", ({ expect }) => {
    const pack = vector("pack-ofs.pack");
    const behind = text("0000 and more");
    expect(read([concat(pack, behind)]).rest).toEqual(behind);
    for (const size of [1, 5, 64]) expect(read(cutBy(concat(pack, behind), [size])).rest).toEqual(behind);
    expect(read([pack]).packBytes).toBe(pack.length);
  });

  test("no cut pack ends", ({ expect }) => {
    const pack = encodePack([{ type: "blob", data: text("hello\n") }], "sha1");
    for (let length = 0; length < pack.length; length += 1) {
      expect(errorCode(() => read([pack.subarray(0, length)]))).toBe("PACK_TRUNCATED");
    }
  });

  test("an entry whose deflater said nothing at great length is read in linear time", ({ expect }) => {
    const empties = new Uint8Array(5 * 200_000);
    for (let at = 0; at < empties.length; at += 5) empties.set([0, 0, 0, 0xff, 0xff], at);
    const body = concat(
      encodePackHeader(1),
      encodePackEntryHeader({ type: "blob", size: 0 }),
      Uint8Array.of(0x78, 0x9c),
      empties,
      Uint8Array.of(3, 0, 0, 0, 0, 1),
    );
    const pack = concat(body, createHasher("sha1").update(body).digest());
    expect(read(cutBy(pack, [1000])).entries.map(({ entry }) => entry.packedLength)).toEqual([
      empties.length + 8,
    ]);
  });

  test.for([
    ["maxPackObjects", 1, [2, 2]],
    ["maxObjectBytes", 9, [3, 10]],
    ["maxInflatedBytes", 9, [5, 5]],
  ] as const)("%s is kept", ([limit, most, sizes], { expect }) => {
    const pack = encodePack(
      sizes.map((size) => ({ type: "blob", data: new Uint8Array(size) })),
      "sha1",
    );
    expect(errorCode(() => read([pack], ["none"], { limits: { [limit]: most } }))).toBe("LIMIT_EXCEEDED");
    expect(errorCode(() => read([pack], ["none"], { limits: { [limit]: most + 1 } }))).toBe("ok");
  });

  test("a pack of known length holds what it announces, and nothing besides", ({ expect }) => {
    const pack = encodePack([{ type: "blob", data: text("hello\n") }], "sha1");
    const many = concat(encodePackHeader(0xffff_ffff), pack.subarray(12));
    expect(errorCode(() => read([many.subarray(0, 12)], [], { packBytes: pack.length }))).toBe(
      "PACK_TRUNCATED",
    );
    expect(errorCode(() => read([concat(pack, text("x"))], [], { packBytes: pack.length + 1 }))).toBe(
      "PACK_INVALID",
    );
    expect(errorCode(() => read([emptyPack("sha1")], [], { packBytes: 32 }))).toBe("ok");
  });

  test("whoever goes on after a refusal is told so, and a handler's error comes out", ({ expect }) => {
    const reader = new PackReader({ format: "sha1" });
    expect(errorCode(() => reader.feed(wire("<html><body>")))).toBe("PACK_INVALID");
    expect(errorCode(() => reader.feed(emptyPack("sha1")))).toBe("STATE_INVALID");
    expect(reader.rest().length).toBe(0);
    const thrown = new Error("of the handler");
    expect(() =>
      read([vector("pack-ofs.pack")], [], {
        onEntry: () => {
          throw thrown;
        },
      }),
    ).toThrow(thrown);
  });
});
