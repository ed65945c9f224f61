import { describe, test } from "vitest";
import { vector } from "../../fixtures/vectors.ts";
import { type ObjectFormat, type ObjectId, objectIdFromBytes, parseObjectId } from "../object-id.ts";
import { concat } from "../testing/bytes.ts";
import { deltifiedPack } from "../testing/deltified-pack.ts";
import { errorCode } from "../testing/error-code.ts";
import { createHasher } from "./hasher.ts";
import { encodePackIndex, encodeReverseIndex } from "./index-encoder.ts";
import type { IndexedPack } from "./indexed-pack.ts";
import { PackIndex } from "./pack-index.ts";
import { indexPack } from "./pack-indexer.ts";
import { ReverseIndex } from "./reverse-index.ts";
import { packSource } from "./source.ts";

const blobs = Array.from({ length: 40 }, (_, index) => ({ content: new Uint8Array(3).fill(index) }));

function indexed(format: ObjectFormat): IndexedPack {
  return indexPack(packSource(deltifiedPack(blobs, format).pack), { format });
}

/** The version 1 of an index, which git wrote until 2008: no magic, offsets before ids, no checksums. */
function versionOne(pack: IndexedPack): Uint8Array {
  const index = new PackIndex(encodePackIndex(pack), { format: pack.format });
  const head = encodePackIndex(pack).subarray(8, 8 + 1024);
  const entries = [...index.entries()].map(({ oid, offset }) => {
    const entry = new Uint8Array(24);
    new DataView(entry.buffer).setUint32(0, offset);
    entry.set(
      Uint8Array.from(oid.match(/../g) ?? [], (hex) => Number.parseInt(hex, 16)),
      4,
    );
    return entry;
  });
  return resigned(concat(head, ...entries, pack.checksum, new Uint8Array(20)), "sha1");
}

/** The same with its last hash put right. */
function resigned(bytes: Uint8Array, format: ObjectFormat): Uint8Array {
  const length = format === "sha1" ? 20 : 32;
  const body = bytes.subarray(0, -length);
  return concat(body, createHasher(format).update(body).digest());
}

describe("PackIndex", () => {
  test.for(["sha1", "sha256"] as const)("finds what the encoder wrote, for %s", (format, { expect }) => {
    const pack = indexed(format);
    const index = new PackIndex(encodePackIndex(pack), { format });
    expect([index.version, index.objectCount, index.packChecksum]).toEqual([2, 40, pack.checksum]);
    const length = format === "sha1" ? 20 : 32;
    const ids = Array.from(pack.offsets, (_, entry) =>
      objectIdFromBytes(pack.ids.subarray(entry * length, (entry + 1) * length)),
    );
    for (const [entry, oid] of ids.entries()) {
      expect(index.find(oid)).toEqual({ oid, offset: pack.offsets[entry], crc32: pack.crcs[entry] });
      expect(index.findPrefix(oid.slice(0, 12))).toEqual([oid]);
      expect(index.findPrefix(oid.toUpperCase())).toEqual([oid]);
    }
    expect(Array.from(index.entries(), ({ oid }) => oid)).toEqual(ids.toSorted());
    expect(index.find(parseObjectId("00".repeat(length)))).toBeUndefined();
    expect(index.find(parseObjectId("ff".repeat(length)))).toBeUndefined();
    expect(index.find("ab".repeat(format === "sha1" ? 32 : 20) as ObjectId)).toBeUndefined();
    const digit = ids.toSorted()[0]?.[0] ?? "0";
    expect(index.findPrefix(digit, 100)).toEqual(ids.filter((oid) => oid.startsWith(digit)).toSorted());
    expect(index.findPrefix(digit, 1).length).toBe(1);
    for (const bad of ["", "xyz", "0".repeat(2 * length + 1)])
      expect(() => index.findPrefix(bad)).toThrow(RangeError);
    for (const bad of [-1, 40]) expect(() => index.oidAt(bad)).toThrow(RangeError);
  });

  test("reads version 1", ({ expect }) => {
    const pack = indexed("sha1");
    const index = new PackIndex(versionOne(pack), { format: "sha1" });
    const newer = new PackIndex(encodePackIndex(pack), { format: "sha1" });
    expect(index.version).toBe(1);
    expect([...index.entries()]).toEqual(
      [...newer.entries()].map((entry) => ({ ...entry, crc32: undefined })),
    );
  });

  test("reads offsets of 64 bits, where they are right", ({ expect }) => {
    const pack = {
      ...indexed("sha1"),
      offsets: Float64Array.from({ length: 40 }, (_, entry) => 2 ** 40 + entry),
    };
    const bytes = encodePackIndex(pack);
    const index = new PackIndex(bytes, { format: "sha1" });
    expect(Array.from(index.entries(), ({ offset }) => offset).toSorted((a, b) => a - b)).toEqual([
      ...pack.offsets,
    ]);
    const changed = bytes.slice();
    const offsetsAt = 1032 + 40 * 24;
    new DataView(changed.buffer).setUint32(offsetsAt, 0x8000_0000 + 40);
    expect(errorCode(() => new PackIndex(resigned(changed, "sha1"), { format: "sha1" }))).toBe(
      "PACK_INDEX_INVALID",
    );
    changed.set(bytes);
    new DataView(changed.buffer).setBigUint64(offsetsAt + 160, 2n ** 60n);
    expect(errorCode(() => new PackIndex(resigned(changed, "sha1"), { format: "sha1" }))).toBe(
      "PACK_INDEX_INVALID",
    );
  });

  test("the index of nothing finds nothing", ({ expect }) => {
    const pack = indexPack(packSource(vector("pack-empty.pack")), { format: "sha1" });
    const index = new PackIndex(encodePackIndex(pack), { format: "sha1" });
    expect([index.objectCount, index.find(parseObjectId("a".repeat(40))), index.findPrefix("a")]).toEqual([
      0,
      undefined,
      [],
    ]);
  });

  test("no changed, cut or prolonged index is taken", ({ expect }) => {
    for (const bytes of [encodePackIndex(indexed("sha1")), versionOne(indexed("sha1"))]) {
      const take = (changed: Uint8Array) => errorCode(() => new PackIndex(changed, { format: "sha1" }));
      expect(take(bytes)).toBe("ok");
      for (let at = 0; at < bytes.length; at += 1) {
        const changed = bytes.slice();
        changed[at] = (changed[at] ?? 0) ^ 0x11;
        expect(take(changed)).toBe("PACK_INDEX_INVALID");
        if (at % 7 === 0) expect(take(bytes.subarray(0, at))).toBe("PACK_INDEX_INVALID");
      }
      expect(take(concat(bytes, Uint8Array.of(0)))).toBe("PACK_INDEX_INVALID");
    }
  });

  test("an index that nobody checked misleads, but reads nothing out of bounds", ({ expect }) => {
    const bytes = encodePackIndex(indexed("sha1"));
    const wanted = new PackIndex(bytes, { format: "sha1" }).oidAt(7);
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ 0xff;
      const code = errorCode(() => {
        const index = new PackIndex(changed, { format: "sha1", verify: false });
        index.find(wanted);
        for (const { offset } of index.entries()) expect(offset).toBeGreaterThanOrEqual(0);
      });
      expect(["ok", "PACK_INDEX_INVALID"]).toContain(code);
    }
  });

  test("an order that is not the ids' is found out, whoever signed it", ({ expect }) => {
    const bytes = encodePackIndex(indexed("sha1"));
    const swapped = bytes.slice();
    swapped.set(bytes.subarray(1032, 1052), 1052);
    swapped.set(bytes.subarray(1052, 1072), 1032);
    expect(errorCode(() => new PackIndex(resigned(swapped, "sha1"), { format: "sha1" }))).toBe(
      "PACK_INDEX_INVALID",
    );
  });
});

describe("ReverseIndex", () => {
  test.for(["sha1", "sha256"] as const)("says which object lies where, for %s", (format, { expect }) => {
    const pack = indexed(format);
    const index = new PackIndex(encodePackIndex(pack), { format });
    const reverse = new ReverseIndex(encodeReverseIndex(pack), index);
    expect(Array.from(pack.offsets, (_, place) => index.offsetAt(reverse.positionAt(place)))).toEqual([
      ...pack.offsets,
    ]);
    expect(() => reverse.positionAt(40)).toThrow(RangeError);
    expect(() => reverse.positionAt(-1)).toThrow(RangeError);
  });

  test("no changed or cut one is taken, nor that of another pack, nor another order", ({ expect }) => {
    const pack = indexed("sha1");
    const index = new PackIndex(encodePackIndex(pack), { format: "sha1" });
    const bytes = encodeReverseIndex(pack);
    const take = (changed: Uint8Array) => errorCode(() => new ReverseIndex(changed, index));
    expect(take(bytes)).toBe("ok");
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ 0x11;
      expect(take(changed)).toBe("PACK_INDEX_INVALID");
      expect(take(bytes.subarray(0, at))).toBe("PACK_INDEX_INVALID");
    }
    for (const change of [
      (view: DataView) => view.setUint32(12, view.getUint32(16)),
      (view: DataView) => view.setUint32(12, 40),
    ]) {
      const changed = bytes.slice();
      change(new DataView(changed.buffer));
      expect(take(resigned(changed, "sha1"))).toBe("PACK_INDEX_INVALID");
    }
    const foreign = encodeReverseIndex({ ...pack, checksum: new Uint8Array(20) });
    expect(take(foreign)).toBe("PACK_INDEX_INVALID");
  });
});
