/**
 * Packs that we write, taken by git: `index-pack --strict` and `fsck`, with deltas of our own making; thin packs that git
 * made, completed by us; and the indexes that git wrote, read.
 */

import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  completeThinPack,
  DeltaBase,
  encodePackIndex,
  type FindBase,
  hashObject,
  indexPack,
  type IndexedPack,
  type ObjectFormat,
  type ObjectId,
  type ObjectType,
  PackIndex,
  packSource,
  PackWriter,
  readPackObjects,
  ReverseIndex,
} from "@gitsync/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { git, gitBytes } from "../support/git.ts";
import { generateHistory } from "../support/history.ts";
import { copyRepository, createRepository } from "../support/repository.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const folder = temporaryFolder("pack-writing");
afterAll(() => folder[Symbol.asyncDispose]());

interface StoredObject {
  readonly oid: ObjectId;
  readonly type: ObjectType;
  readonly data: Uint8Array;
}

describe.for(["sha1", "sha256"] as const)("a pack of a %s repository", (format) => {
  let history = "";
  let objects: readonly StoredObject[] = [];
  beforeAll(async () => {
    history = await generateHistory({ commits: 600, tags: 10, fileBytes: 2000, objectFormat: format });
    const pack = await gitBytes(["pack-objects", "--all", "--stdout", "--quiet"], {
      cwd: history,
      input: "",
    });
    objects = [...readPackObjects(pack, { format })];
  });

  test.for(["none", "offset", "id"] as const)(
    "written with deltas by %s is git's repository again",
    async (by) => {
      const path = folder.join(`${format}-${by}.git`);
      await createRepository(path, { objectFormat: format });
      const { pack, deltas } = write(objects, format, by);
      if (by !== "none") expect(deltas).toBeGreaterThan(objects.length / 3);
      await git(["index-pack", "--strict", "--stdin"], { cwd: path, input: pack });
      await fetchRefs(history, path);
      await git(["fsck", "--full", "--strict"], { cwd: path });
      const packed = objects.map(({ oid, type, data }) => `${oid} ${type} ${data.length}`).toSorted();
      expect(
        (await git(["cat-file", "--batch-all-objects", "--batch-check"], { cwd: path })).split("\n"),
      ).toEqual(packed);
      const indexes = (await readdir(join(path, "objects/pack"))).filter((name) => name.endsWith(".idx"));
      const theirs = await readFile(join(path, "objects/pack", indexes[0] ?? ""));
      expect(theirs.equals(encodePackIndex(indexPack(packSource(pack), { format })))).toBe(true);
    },
  );

  test("that is thin is completed for a repository", async () => {
    const target = folder.join(`${format}-thin.git`);
    await copyRepository(history, target);
    const tip = await git(["rev-parse", "refs/heads/main"], { cwd: history });
    const base = await git(["rev-parse", "refs/heads/main~60"], { cwd: history });
    const options = ["--thin", "--revs", "--stdout", "--quiet", "--delta-base-offset"];
    const thin = await gitBytes(["pack-objects", ...options], { cwd: history, input: `${tip}\n^${base}\n` });
    const known = new Map(objects.map((object) => [object.oid, object]));
    const findBase: FindBase = (oid) => known.get(oid);
    const indexed = indexPack(packSource(thin), { format, findBase });
    expect(indexed.externalBases.length).toBeGreaterThan(0);
    const completed = complete(thin, indexed, findBase);

    const file = folder.join(`${format}-completed.pack`);
    await writeFile(file, completed.bytes);
    await git(["index-pack", "--strict", file], { cwd: target });
    expect(completed.pack.objectCount).toBe(indexed.objectCount + indexed.externalBases.length);
    const theirs = await readFile(file.replace(/pack$/, "idx"));
    expect(theirs.equals(encodePackIndex(completed.pack))).toBe(true);
    // git's own completion holds the same objects.
    const name = await git(["index-pack", "--stdin", "--fix-thin"], { cwd: target, input: thin });
    const fixed = await readFile(join(target, `objects/pack/pack-${name.split("\t")[1] ?? ""}.idx`));
    expect(idsOf(fixed, format)).toEqual(idsOf(theirs, format));
    // A pack that lacks nothing stays what it is.
    expect(complete(completed.bytes, completed.pack, findBase).bytes.equals(completed.bytes)).toBe(true);
  });

  const versions = [
    ...(format === "sha1" ? ([["version 1", "1"]] as const) : []),
    ["version 2", "2"],
    ["version 2 with offsets of 64 bits", "2,0x4000"],
  ] as const;
  test.for(versions)("has an index of %s that is read, and written where it can be", async ([, version]) => {
    const pack = await gitBytes(["pack-objects", "--all", "--stdout", "--quiet"], {
      cwd: history,
      input: "",
    });
    const file = folder.join(`${format}-${version}.pack`);
    await writeFile(file, pack);
    await git(["index-pack", "--rev-index", `--index-version=${version}`, file], { cwd: history });
    const theirs = await readFile(file.replace(/pack$/, "idx"));
    const index = new PackIndex(theirs, { format });
    expect([...index.entries()].length).toBe(objects.length);
    const indexed = indexPack(packSource(pack), { format });
    for (const { oid, offset } of index.entries()) expect(index.find(oid)?.offset).toBe(offset);
    expect(Array.from(index.entries(), ({ offset }) => offset).toSorted((a, b) => a - b)).toEqual([
      ...indexed.offsets,
    ]);
    const reverse = new ReverseIndex(await readFile(file.replace(/pack$/, "rev")), index);
    expect(Array.from(indexed.offsets, (_, place) => index.offsetAt(reverse.positionAt(place)))).toEqual([
      ...indexed.offsets,
    ]);
    if (version === "1") return;
    const largeOffsetsAbove = version === "2" ? {} : { largeOffsetsAbove: 0x4000 };
    expect(theirs.equals(encodePackIndex(indexed, largeOffsetsAbove))).toBe(true);
  });
});

/** All objects, each as a delta of the one before it of its type where that is shorter. */
function write(
  objects: readonly StoredObject[],
  format: ObjectFormat,
  by: "none" | "offset" | "id",
): { readonly pack: Buffer; readonly deltas: number } {
  const pieces: Uint8Array[] = [];
  const writer = new PackWriter({
    format,
    objectCount: objects.length,
    onBytes: (bytes) => pieces.push(bytes),
  });
  const before = new Map<
    ObjectType,
    { readonly object: StoredObject; readonly offset: number; readonly depth: number }
  >();
  let deltas = 0;
  for (const object of objects) {
    const { type, data } = object;
    const base = by === "none" ? undefined : before.get(type);
    const delta =
      base === undefined || base.depth === 40
        ? undefined
        : new DeltaBase(base.object.data).encode(data, Math.floor(data.length / 2));
    const { offset } = writer;
    if (base === undefined || delta === undefined) {
      writer.add({ header: { type, size: data.length }, data });
    } else {
      const size = delta.length;
      writer.add({
        header:
          by === "offset"
            ? { type: "ofs-delta", size, baseDistance: offset - base.offset }
            : { type: "ref-delta", size, baseId: hashObject(type, base.object.data, format) },
        data: delta,
      });
      deltas += 1;
    }
    before.set(type, { object, offset, depth: delta === undefined ? 0 : (base?.depth ?? 0) + 1 });
  }
  writer.finish();
  return { pack: Buffer.concat(pieces), deltas };
}

function complete(
  pack: Uint8Array,
  indexed: IndexedPack,
  findBase: FindBase,
): { readonly bytes: Buffer; readonly pack: IndexedPack } {
  const pieces: Buffer[] = [];
  const completion = completeThinPack(packSource(pack), indexed, findBase);
  for (;;) {
    const next = completion.next();
    if (next.done === true) return { bytes: Buffer.concat(pieces), pack: next.value };
    pieces.push(Buffer.from(next.value));
  }
}

function idsOf(index: Uint8Array, format: ObjectFormat): readonly string[] {
  return Array.from(new PackIndex(index, { format }).entries(), ({ oid }) => oid);
}

/** Refs without objects: those are there already. */
async function fetchRefs(from: string, to: string): Promise<void> {
  const refs = await git(["for-each-ref", "--format=create %(refname) %(objectname)"], { cwd: from });
  await git(["update-ref", "--stdin"], { cwd: to, input: `${refs}\n` });
}
