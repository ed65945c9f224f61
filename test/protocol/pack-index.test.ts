/**
 * Packs of real repositories, read as they come in chunks: offsets, types, sizes, checksums, ids and both indexes are
 * what git finds, for more than 200,000 objects; and no damaged pack is taken that git refuses.
 */

import { closeSync, createReadStream, openSync, readSync, statSync } from "node:fs";
import { copyFile, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  createHasher,
  encodeDelta,
  encodePackEntries,
  encodePackIndex,
  encodeReverseIndex,
  hashObject,
  indexPack,
  type IndexedPack,
  objectIdFromBytes,
  objectTypeOf,
  type PackableEntry,
  type PackEntry,
  type PackEntryDescription,
  PackIndexer,
  PackReader,
  packSource,
  type PackSource,
  ProtocolError,
  type ObjectFormat,
} from "@gitsync/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { git, gitBytes } from "../support/git.ts";
import { generateHistory } from "../support/history.ts";
import { createRepository } from "../support/repository.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const OBJECTS = 200_000;
const CHUNK_BYTES = 64 * 1024;

const folder = temporaryFolder("pack-index");
afterAll(() => folder[Symbol.asyncDispose]());

/** A pack of a history, made in one of git's ways. */
interface Subject {
  readonly name: string;
  readonly format: ObjectFormat;
  readonly atLeast: number;
  readonly make: (path: string) => Promise<void>;
}

const large = (): Promise<string> => generateHistory({ commits: 55_000, tags: 100, fileBytes: 80 });
const large256 = (): Promise<string> =>
  generateHistory({ commits: 2000, tags: 20, fileBytes: 3000, objectFormat: "sha256" });
const noise = (): Promise<string> => generateHistory({ commits: 12, fileBytes: 3_000_000, content: "noise" });

const SUBJECTS: readonly Subject[] = [
  {
    name: "deltas by offset",
    format: "sha1",
    atLeast: OBJECTS,
    make: async (path) => {
      const packs = join(await large(), "objects/pack");
      const [pack = ""] = (await readdir(packs)).filter((name) => name.endsWith(".pack"));
      await copyFile(join(packs, pack), path);
    },
  },
  {
    name: "deltas by id",
    format: "sha1",
    atLeast: OBJECTS,
    make: async (path) => repack(path, await large(), []),
  },
  {
    name: "SHA-256",
    format: "sha256",
    atLeast: 7000,
    make: async (path) => repack(path, await large256(), ["--delta-base-offset", "--window=10"]),
  },
  {
    name: "objects larger than any chunk",
    format: "sha1",
    atLeast: 40,
    make: async (path) => repack(path, await noise(), []),
  },
];

async function repack(path: string, repository: string, options: readonly string[]): Promise<void> {
  const args = ["pack-objects", "--all", "--stdout", "--quiet", "--window=0", ...options];
  await writeFile(path, await gitBytes(args, { cwd: repository, input: "" }));
}

describe.for(SUBJECTS)("a pack with $name", ({ name, format, atLeast, make }) => {
  const path = folder.join(`${name.replaceAll(/\W/g, "-")}.pack`);
  const beside = (extension: string): string => path.replace(/pack$/, extension);
  const entries: PackEntry[] = [];
  let indexed: IndexedPack;

  beforeAll(async () => {
    await make(path);
    const repository = await createRepository(beside("git"), { objectFormat: format });
    await git(["index-pack", "--rev-index", path], { cwd: repository });
    const reader = new PackReader({ format, onEntry: (entry) => entries.push(entry) });
    const indexer = new PackIndexer({ format });
    for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES })) {
      reader.feed(chunk as Uint8Array);
      indexer.feed(chunk as Uint8Array);
    }
    reader.finish();
    using source = openSource(path);
    indexed = indexer.resolve(source);
  });

  test("has the index that git makes, byte for byte", async () => {
    expect(indexed.objectCount).toBeGreaterThanOrEqual(atLeast);
    expect(Buffer.from(encodePackIndex(indexed)).equals(await readFile(beside("idx")))).toBe(true);
    expect(Buffer.from(encodeReverseIndex(indexed)).equals(await readFile(beside("rev")))).toBe(true);
  });

  test("has the entries that git verifies: ids, types, sizes, lengths, offsets", async () => {
    const shown = await gitBytes(["verify-pack", "-v", beside("idx")], { cwd: beside("git") });
    const theirs = shown.toString("latin1").split("\n").flatMap(entryOfVerifyPack).sort();
    const ours = entries
      .map(({ offset, headerLength, packedLength, size }, entry) => {
        const type = objectTypeOf(indexed.types[entry] ?? 0);
        return `${idOf(indexed, entry)} ${type} ${size} ${headerLength + packedLength} ${offset}`;
      })
      .sort();
    expect(theirs.length).toBe(indexed.objectCount);
    expect(firstDifference(ours, theirs)).toBeUndefined();
  });

  test("has the checksums that git shows", async () => {
    const shown = await gitBytes(["show-index", `--object-format=${format}`], {
      cwd: beside("git"),
      input: createReadStream(beside("idx")),
    });
    const theirs = shown.toString("latin1").trimEnd().split("\n").sort();
    const ours = entries
      .map(
        ({ offset, crc32 }, entry) =>
          `${offset} ${idOf(indexed, entry)} (${crc32.toString(16).padStart(8, "0")})`,
      )
      .sort();
    expect(firstDifference(ours, theirs)).toBeUndefined();
  });
});

function idOf({ ids, format }: IndexedPack, entry: number): string {
  const length = format === "sha1" ? 20 : 32;
  return objectIdFromBytes(ids.subarray(entry * length, (entry + 1) * length));
}

/** `id type size length offset`, without depth and base; no entry: a line of the summary. */
function entryOfVerifyPack(line: string): readonly string[] {
  const [id = "", type = "", size = "", length = "", offset = ""] = line.split(/ +/);
  return /^[0-9a-f]{40,64}$/.test(id) ? [`${id} ${type} ${size} ${length} ${offset}`] : [];
}

function firstDifference(ours: readonly string[], theirs: readonly string[]): readonly unknown[] | undefined {
  if (ours.length !== theirs.length) return [ours.length, theirs.length];
  const at = ours.findIndex((line, index) => line !== theirs[index]);
  return at < 0 ? undefined : [ours[at], theirs[at]];
}

function openSource(path: string): PackSource & Disposable {
  const file = openSync(path, "r");
  let buffer = new Uint8Array(CHUNK_BYTES);
  return {
    length: statSync(path).size,
    readAt: (offset, length) => {
      if (length > buffer.length) buffer = new Uint8Array(length);
      return buffer.subarray(0, readSync(file, buffer, 0, length, offset));
    },
    [Symbol.dispose]: () => closeSync(file),
  };
}

/** A whole object, deltas of both kinds made of it and of each other, and an empty object. */
function smallPack(format: ObjectFormat): Uint8Array {
  const contents = [
    "the base, and some more of it\n",
    "the base, and some less\n",
    "the base, and some less of it\n",
    "the base, and\n",
  ].map((text) => Buffer.from(text));
  const entries: PackableEntry[] = [
    { header: { type: "blob", size: contents[0]?.length ?? 0 }, data: contents[0] ?? Buffer.of() },
  ];
  for (const [at, base] of contents.slice(0, -1).entries()) {
    const data = encodeDelta(base, contents[at + 1] ?? base);
    const size = data.length;
    // What an entry takes is what the pack is longer with it.
    const baseDistance =
      encodePackEntries(entries, format).length - encodePackEntries(entries.slice(0, -1), format).length;
    const header: PackEntryDescription =
      at === 1
        ? { type: "ref-delta", size, baseId: hashObject("blob", base, format) }
        : { type: "ofs-delta", size, baseDistance };
    entries.push({ header, data });
  }
  return encodePackEntries(
    [...entries, { header: { type: "blob", size: 0 }, data: new Uint8Array(0) }],
    format,
  );
}

describe.for(["sha1", "sha256"] as const)("a small pack of %s with one byte changed", (format) => {
  const pack = smallPack(format);
  const hashLength = format === "sha1" ? 20 : 32;
  const body = pack.subarray(0, -hashLength);
  const sign = (bytes: Uint8Array): Uint8Array =>
    Buffer.concat([bytes, createHasher(format).update(bytes).digest()]);

  /** Every other value of every byte. */
  function* changes(bytes: Uint8Array): Generator<Uint8Array> {
    const changed = bytes.slice();
    for (const [at, byte] of bytes.entries()) {
      for (let value = 0; value < 256; value += 1) {
        changed[at] = value;
        if (value !== byte) yield changed;
      }
      changed[at] = byte;
    }
  }

  /** The index of a pack that we take. */
  function ours(bytes: Uint8Array): Uint8Array | undefined {
    try {
      return encodePackIndex(indexPack(packSource(bytes), { format, limits: { maxInflatedBytes: 2 ** 20 } }));
    } catch (error) {
      if (error instanceof ProtocolError) return undefined;
      throw error;
    }
  }

  let repository = "";
  const file = folder.join(`changed-${format}.pack`);
  beforeAll(async () => {
    repository = await createRepository(folder.join(`changed-${format}.git`), { objectFormat: format });
  });

  async function gits(bytes: Uint8Array): Promise<Uint8Array | undefined> {
    await writeFile(file, bytes);
    await rm(file.replace(/pack$/, "idx"), { force: true });
    try {
      await git(["index-pack", file], { cwd: repository });
      return await readFile(file.replace(/pack$/, "idx"));
    } catch {
      return undefined;
    }
  }

  test("is refused, since its trailer tells", async () => {
    expect(Buffer.from(ours(pack) ?? []).equals((await gits(pack)) ?? Buffer.of(0))).toBe(true);
    for (const changed of changes(pack)) expect(ours(changed)).toBeUndefined();
  });

  test("and its trailer put right is taken only where git takes it, for the same", async () => {
    let taken = 0;
    let tried = 0;
    for (const changed of changes(body)) {
      tried += 1;
      const signed = sign(changed);
      const mine = ours(signed);
      // What both refuse is asked of git now and then only.
      if (mine === undefined && tried % 700 !== 0) continue;
      const theirs = await gits(signed);
      if (mine === undefined) expect(theirs).toBeUndefined();
      else expect(Buffer.from(mine).equals(theirs ?? Buffer.of(0))).toBe(true);
      taken += mine === undefined ? 0 : 1;
    }
    // Types of objects, and hints of zlib's, can be others.
    expect(taken).toBeGreaterThan(10);
  });

  test("and no part of it is taken", () => {
    for (let length = 0; length < pack.length; length += 1)
      expect(ours(pack.subarray(0, length))).toBeUndefined();
    for (let length = 0; length < body.length; length += 1)
      expect(ours(sign(body.subarray(0, length)))).toBeUndefined();
    expect(ours(Buffer.concat([pack, Uint8Array.of(0)]))).toBeUndefined();
    expect(ours(sign(Buffer.concat([body, Uint8Array.of(0)])))).toBeUndefined();
  });
});
