import { describe, test } from "vitest";
import { vector } from "../../fixtures/vectors.ts";
import { accelerators } from "../accelerators.ts";
import { concat } from "../testing/bytes.ts";
import { errorCode } from "../testing/error-code.ts";
import type { FindBase } from "./delta-resolver.ts";
import { hashObject } from "./hasher.ts";
import { emptyPack } from "./header.ts";
import { indexPack } from "./pack-indexer.ts";
import { readPackObjects } from "./reader.ts";
import { packSource } from "./source.ts";
import { completeThinPack } from "./thin-pack.ts";
import { encodePack, PackWriter } from "./writer.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

function writer(objectCount: number): { readonly writer: PackWriter; readonly written: () => Uint8Array } {
  const pieces: Uint8Array[] = [];
  return {
    writer: new PackWriter({ format: "sha1", objectCount, onBytes: (bytes) => pieces.push(bytes) }),
    written: () => concat(...pieces),
  };
}

describe("PackWriter", () => {
  const data = text("hello\n");
  const header = { type: "blob", size: data.length } as const;

  test("writes what encodePack() does, deflated here or before", ({ expect }) => {
    const expected = encodePack([{ type: "blob", data }], "sha1");
    const one = writer(1);
    expect(one.writer.offset).toBe(12);
    one.writer.add({ header, data });
    expect(one.writer.offset).toBe(expected.length - 20);
    expect(one.writer.finish()).toEqual(expected.subarray(-20));
    expect(one.written()).toEqual(expected);
    const other = writer(1);
    other.writer.addDeflated(header, accelerators.deflate(data));
    other.writer.finish();
    expect(other.written()).toEqual(expected);
    const none = writer(0);
    none.writer.finish();
    expect(none.written()).toEqual(emptyPack("sha1"));
  });

  test("writes as many entries as it announced, of the sizes that their headers say", ({ expect }) => {
    const { writer: one } = writer(1);
    expect(errorCode(() => one.finish())).toBe("STATE_INVALID");
    expect(() => one.add({ header: { ...header, size: 7 }, data })).toThrow(RangeError);
    one.add({ header, data });
    expect(errorCode(() => one.add({ header, data }))).toBe("STATE_INVALID");
    one.finish();
    expect(errorCode(() => one.finish())).toBe("STATE_INVALID");
    expect(() => writer(2 ** 32)).toThrow(RangeError);
  });
});

describe("completeThinPack()", () => {
  const thin = packSource(vector("pack-thin.pack"));
  const known = new Map(
    [...readPackObjects(vector("pack-ofs.pack"), { format: "sha1" })].map((object) => [object.oid, object]),
  );
  const findBase: FindBase = (oid) => known.get(oid);

  test("adds the bases, and nothing else", ({ expect }) => {
    const pack = indexPack(thin, { format: "sha1", findBase });
    const pieces: Uint8Array[] = [];
    const completion = completeThinPack(thin, pack, findBase);
    let next = completion.next();
    for (; next.done !== true; next = completion.next()) pieces.push(next.value.slice());
    const completed = concat(...pieces);
    expect(indexPack(packSource(completed), { format: "sha1" })).toEqual(next.value);
    const ids = [...readPackObjects(completed, { format: "sha1" })].map(({ oid }) => oid);
    expect(ids.slice(-pack.externalBases.length)).toEqual(pack.externalBases);
    expect(ids.length).toBe(pack.objectCount + pack.externalBases.length);
  });

  test("refuses bases that are gone, or others now", ({ expect }) => {
    const pack = indexPack(thin, { format: "sha1", findBase });
    const complete = (find: FindBase) => errorCode(() => [...completeThinPack(thin, pack, find)]);
    expect(complete(findBase)).toBe("ok");
    expect(complete(() => undefined)).toBe("PACK_BASE_MISSING");
    expect(complete(() => ({ type: "blob", data: text("other") }))).toBe("OBJECT_INVALID");
    expect(hashObject("blob", text("other"), "sha1")).not.toBe(pack.externalBases[0]);
  });
});
