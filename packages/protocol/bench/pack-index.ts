/** Making the index of a pack, from its file to its index's, against isomorphic-git and git itself. */

import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as isomorphicGit from "isomorphic-git";
import { encodePackIndex, PackIndexer, type PackSource } from "../src/index.ts";
import type { Bench } from "./bench.ts";
import type { Figure } from "./figure.ts";
import { packOfHistory } from "./pack-of-history.ts";
import { race, speedRatio, timeRatio } from "./race.ts";

const BLOCK_BYTES = 1024 * 1024;
const COMMITS = 8000;
/** isomorphic-git takes as long for these. */
const FEW_COMMITS = 1000;

export const packIndex: Bench = {
  name: "pack-index",
  about: "indexing a pack, file to file, against isomorphic-git's indexPack and git index-pack --threads=1",
  measure: async ({ repeat, repository }) => {
    const folder = fs.mkdtempSync(join(tmpdir(), "gitsync-bench-"));
    try {
      return [
        await againstIsomorphicGit(folder, repository, Math.min(repeat, 3)),
        await againstGit(folder, repository, repeat),
      ];
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  },
};

async function againstIsomorphicGit(
  folder: string,
  repository: string | undefined,
  repeat: number,
): Promise<Figure> {
  const path = join(folder, "few.pack");
  packOfHistory(path, repository, FEW_COMMITS);
  const theirs = async (): Promise<void> => {
    await isomorphicGit.indexPack({ fs, dir: folder, gitdir: folder, filepath: "few.pack" });
  };
  await theirs();
  // They leave the checksums out of what is compared: theirs are of other bytes than git's for some entries.
  const ids = idsOf(join(folder, "few.idx"));
  index(path);
  if (!ids.equals(idsOf(join(folder, "few.idx")))) throw new Error("isomorphic-git finds other objects");
  const times = await race(repeat, { ours: () => index(path), theirs });
  return speedRatio("times as fast as isomorphic-git", times.ours, times.theirs, { atLeast: 3 });
}

async function againstGit(folder: string, repository: string | undefined, repeat: number): Promise<Figure> {
  const path = join(folder, "many.pack");
  packOfHistory(path, repository, COMMITS);
  const theirs = (): void => {
    const index = join(folder, "git.idx");
    fs.rmSync(index, { force: true });
    const { status } = spawnSync("git", ["index-pack", "--threads=1", "-o", index, path], { cwd: folder });
    if (status !== 0) throw new Error("git does not index the pack");
  };
  theirs();
  index(path);
  if (!fs.readFileSync(join(folder, "git.idx")).equals(fs.readFileSync(join(folder, "many.idx"))))
    throw new Error("the indexes differ");
  const times = await race(repeat, { ours: () => index(path), theirs });
  return timeRatio("time / git index-pack --threads=1", times.ours, times.theirs, { atMost: 1 });
}

/** Read, index and write: as much at a time as a program with little memory would. */
function index(path: string): void {
  const file = fs.openSync(path, "r");
  try {
    const indexer = new PackIndexer({ format: "sha1" });
    const block = new Uint8Array(BLOCK_BYTES);
    for (let read = fs.readSync(file, block); read > 0; read = fs.readSync(file, block))
      indexer.feed(block.subarray(0, read));
    const indexed = indexer.resolve(sourceOf(file, fs.fstatSync(file).size));
    fs.writeFileSync(path.replace(/pack$/, "idx"), encodePackIndex(indexed));
  } finally {
    fs.closeSync(file);
  }
}

function sourceOf(file: number, length: number): PackSource {
  let buffer = new Uint8Array(BLOCK_BYTES);
  return {
    length,
    readAt: (offset, count) => {
      if (count > buffer.length) buffer = new Uint8Array(count);
      return buffer.subarray(0, fs.readSync(file, buffer, 0, count, offset));
    },
  };
}

/** The sorted ids of an index: gitformat-pack(5), version 2. */
function idsOf(path: string): Buffer {
  const bytes = fs.readFileSync(path);
  return bytes.subarray(1032, 1032 + bytes.readUInt32BE(1028) * 20);
}
