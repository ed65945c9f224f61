import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import {
  encodePackEntries,
  hashObject,
  parseObjectId,
  type ObjectFormat,
  type ObjectId,
} from "@gitsync/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { git, GIT_ENVIRONMENT, temporaryFolder } from "../testing/git.ts";
import { SpoolFolder } from "../transfer/spool.ts";
import { CommitGraph } from "./commit-graph.ts";
import { CommitReader, type ReaderState } from "./commit-reader.ts";
import { fileStore, KeptObjects, memoryStore, type ByteStore } from "./kept-objects.ts";

interface Repository {
  readonly path: string;
  readonly format: ObjectFormat;
  /** Parents by commit, as git lists them. */
  readonly parents: ReadonlyMap<string, readonly string[]>;
}

/** Merges, two roots, long messages that git stores as deltas, annotated tags of a commit, a tag and a blob. */
function makeRepository(folder: string, format: ObjectFormat): Repository {
  const path = join(folder, `${format}.git`);
  git(".", ["init", "--quiet", "--bare", "--initial-branch=main", `--object-format=${format}`, "--", path]);
  const prose = Array.from({ length: 60 }, (_, n) => `A line of a long message, number ${n}.`).join("\n");
  const stream: string[] = [];
  const data = (text: string): string => `data ${Buffer.byteLength(text)}\n${text}\n`;
  for (let mark = 1; mark <= 120; mark += 1) {
    const branch = mark % 7 === 0 ? "refs/heads/side" : "refs/heads/main";
    stream.push(
      `commit ${branch}\nmark :${mark}\ncommitter C <c@example.com> ${1_600_000_000 + mark} +0000\n`,
    );
    stream.push(data(`${mark}\n${prose}`));
    if (mark === 7) stream.push("from :6\n");
    if (mark % 30 === 29) stream.push(`merge :${mark - 1 - ((mark - 1) % 7)}\n`);
    stream.push(`M 100644 inline f${mark % 9}\n${data(`${mark} `.repeat(400))}`);
  }
  stream.push("tag v1\nfrom :10\ntagger T <t@example.com> 1600000000 +0000\n", data("one"));
  git(path, ["fast-import", "--quiet", "--force"], stream.join(""));
  git(path, ["tag", "-m", "nested", "v2", "v1"]);
  git(path, ["tag", "-m", "a blob", "v3", git(path, ["rev-parse", "main:f1"])]);
  git(path, ["repack", "-adfq", "--depth=20", "--window=50"]);
  const lines = git(path, ["rev-list", "--parents", "--all"]).split("\n");
  const parents = new Map(lines.map((line) => line.split(" ")).map(([id = "", ...rest]) => [id, rest]));
  return { path, format, parents };
}

function tipsOf({ path }: Repository): readonly string[] {
  return git(path, ["for-each-ref", "--format=%(objectname)"]).split("\n");
}

function packOf({ path }: Repository, args: readonly string[], wants: readonly string[]): Buffer {
  const made = spawnSync("git", ["pack-objects", "--revs", "--stdout", "-q", ...args], {
    cwd: path,
    env: GIT_ENVIRONMENT,
    input: wants.join("\n"),
    maxBuffer: 1 << 28,
  });
  return made.status === 0 ? made.stdout : expect.unreachable(made.stderr.toString());
}

function read(
  pack: Uint8Array,
  format: ObjectFormat,
  chunkBytes: number,
  store: ByteStore = memoryStore(1 << 24),
): { readonly graph: CommitGraph; readonly state: ReaderState; readonly reader: CommitReader } {
  const graph = new CommitGraph(format);
  const reader = new CommitReader(graph, new KeptObjects(store), format);
  for (let at = 0; at < pack.length && reader.state === "reading"; at += chunkBytes) {
    const chunk = Buffer.from(pack.subarray(at, at + chunkBytes));
    reader.feed(chunk);
    // As a transport does that uses its buffers again.
    chunk.fill(0xff);
  }
  return { graph, state: reader.state, reader };
}

function parentsIn(graph: CommitGraph, id: string, format: ObjectFormat): readonly string[] {
  const node = graph.find(parseObjectId(id, format)) ?? expect.unreachable(`${id} did not come`);
  expect(graph.isReceived(node)).toBe(true);
  return Array.from({ length: graph.parentCount(node) }, (_, index) =>
    graph.idOf(graph.parentOf(node, index)),
  );
}

describe("CommitReader", () => {
  for (const format of ["sha1", "sha256"] as const) {
    for (const deltas of ["--delta-base-offset", "--no-reuse-delta"] as const) {
      test(`finds the commits and parents that git lists (${format}, ${deltas})`, () => {
        using folder = temporaryFolder();
        const repository = makeRepository(folder.path, format);
        const wants = tipsOf(repository);
        for (const filter of [["--filter=tree:0"], []]) {
          const pack = packOf(repository, [deltas, ...filter], wants);
          for (const chunkBytes of [1 << 20, 4_096, 257]) {
            const { graph, state } = read(pack, format, chunkBytes);
            expect(state).toBe("done");
            for (const [id, parents] of repository.parents)
              expect(parentsIn(graph, id, format)).toEqual(parents);
            const nested = git(repository.path, ["rev-parse", "v2"]);
            expect(parentsIn(graph, nested, format)).toEqual([git(repository.path, ["rev-parse", "v1"])]);
            expect(parentsIn(graph, git(repository.path, ["rev-parse", "v3"]), format)).toEqual([]);
          }
        }
      });
    }
  }

  test("is shown deltas of commits by the packs above", () => {
    using folder = temporaryFolder();
    const repository = makeRepository(folder.path, "sha1");
    const packs = join(repository.path, "objects/pack");
    const [index = ""] = readdirSync(packs).filter((name) => name.endsWith(".idx"));
    const lines = git(repository.path, ["verify-pack", "-v", join(packs, index)]).split("\n");
    const deltas = lines.filter(
      (line) => line.includes(" commit ") && line.trim().split(/\s+/u).length === 7,
    );
    expect(deltas.length).toBeGreaterThan(20);
  });

  test("knows when nothing is missing, long before the end of a pack with content", () => {
    using folder = temporaryFolder();
    const repository = makeRepository(folder.path, "sha1");
    const tip = git(repository.path, ["rev-parse", "main"]);
    // With a bitmap, a pack may begin with whatever the stored one begins with.
    const pack = packOf(repository, ["--delta-base-offset", "--no-use-bitmap-index"], [tip]);
    const graph = new CommitGraph("sha1");
    graph.intern(parseObjectId(tip, "sha1"));
    const reader = new CommitReader(graph, new KeptObjects(memoryStore(1 << 24)), "sha1");
    let fed = 0;
    while (!(reader.sawContent && graph.size === graph.received)) {
      reader.feed(pack.subarray(fed, fed + 1_024));
      fed += 1_024;
    }
    expect(fed).toBeLessThan(pack.length * 0.9);
    expect(graph.received).toBe(Number(git(repository.path, ["rev-list", "--count", "main"])));
  });

  test("keeps what deltas need in a spool file as well as in memory", async () => {
    using folder = temporaryFolder();
    const repository = makeRepository(folder.path, "sha1");
    const pack = packOf(repository, ["--filter=tree:0", "--delta-base-offset"], tipsOf(repository));
    const spool = new SpoolFolder({ directory: folder.path, maxBytes: 1 << 24, isAlwaysUsed: false });
    const file = await spool.open();
    const { graph, state } = read(pack, "sha1", 4_096, fileStore(file, 1 << 24));
    expect(state).toBe("done");
    for (const [id, parents] of repository.parents) expect(parentsIn(graph, id, "sha1")).toEqual(parents);
    await file.close();
  });

  test("is given back what it kept, wherever that lies", async () => {
    using folder = temporaryFolder();
    const spool = new SpoolFolder({ directory: folder.path, maxBytes: 1 << 24, isAlwaysUsed: false });
    const file = await spool.open();
    for (const store of [memoryStore(1 << 22), fileStore(file, 1 << 24)]) {
      // Some lie across the ends of what is deflated or written at once, one is larger than that.
      const kept = Array.from({ length: 400 }, (_, n) => Buffer.alloc(n === 200 ? 300_000 : n * 7, `${n} `));
      const places = kept.map((bytes) => store.append(bytes) ?? expect.unreachable());
      for (const n of [399, 0, 1, 77, 200, 201, 310, 311, 398]) {
        expect(
          Buffer.from(store.read(places[n] ?? 0, kept[n]?.length ?? 0)).equals(kept[n] ?? Buffer.of(1)),
        ).toBe(true);
      }
    }
    await file.close();
  });

  test("stops when there is no room for what deltas need", async () => {
    using folder = temporaryFolder();
    const repository = makeRepository(folder.path, "sha1");
    const pack = packOf(repository, ["--filter=tree:0"], tipsOf(repository));
    const spool = new SpoolFolder({ directory: folder.path, maxBytes: 1 << 24, isAlwaysUsed: false });
    const file = await spool.open();
    for (const store of [memoryStore(500), fileStore(file, 500)]) {
      expect(read(pack, "sha1", 4_096, store).state).toBe("full");
    }
    await file.close();
  });

  test("a pack that is damaged in any byte is read, or not, and never more", () => {
    using folder = temporaryFolder();
    const repository = makeRepository(folder.path, "sha1");
    const pack = packOf(repository, ["--filter=tree:0", "--delta-base-offset"], tipsOf(repository));
    fc.assert(
      fc.property(fc.nat(pack.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) => {
        const broken = Buffer.from(pack);
        broken[at] = byte;
        const { graph, state } = read(broken, "sha1", 8_192);
        expect(["done", "reading", "unreadable"]).toContain(state);
        expect(graph.size).toBeLessThan(1_000);
      }),
      { numRuns: 300 },
    );
  });

  test("does not inflate what is larger than it says, nor wait for an object without end", () => {
    const lying = Buffer.from(encodePackEntries([], "sha1"));
    expect(read(lying, "sha1", 7).state).toBe("done");
    // A header of one object: a blob of 2^40 bytes, a commit of 2^25.
    for (const entry of [
      [0xb0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
      [0x90, 0x80, 0x80, 0x80, 0x01],
    ]) {
      const endless = Buffer.concat([lying.subarray(0, 8), Buffer.of(0, 0, 0, 1, ...entry)]);
      expect(read(endless, "sha1", 7).state).toBe("unreadable");
    }
  });
});

describe("CommitGraph", () => {
  const idOf = (n: number): ObjectId => hashObject("blob", Buffer.from(String(n)), "sha1");

  test("finds each of many objects under its number, and no others", () => {
    const graph = new CommitGraph("sha1");
    const nodes = Array.from({ length: 5_000 }, (_, n) => graph.intern(idOf(n)));
    expect(nodes).toEqual(Array.from({ length: 5_000 }, (_, n) => n));
    for (const n of [0, 1, 2_500, 4_999]) expect([graph.find(idOf(n)), graph.idOf(n)]).toEqual([n, idOf(n)]);
    expect([graph.find(idOf(5_000)), graph.size, graph.received]).toEqual([undefined, 5_000, 0]);
  });

  test("takes an object once, with its parents in order", () => {
    const graph = new CommitGraph("sha1");
    const node = graph.receive(idOf(1), [idOf(3), idOf(2)]);
    expect(graph.receive(idOf(1), [])).toBe(node);
    expect([graph.parentCount(node), graph.parentOf(node, 0), graph.parentOf(node, 1)]).toEqual([
      2,
      graph.find(idOf(3)),
      graph.find(idOf(2)),
    ]);
    expect([graph.size, graph.received, graph.isReceived(graph.parentOf(node, 0))]).toEqual([3, 1, false]);
  });
});
