/** Finding where each entry of a pack ends, against Node's `inflateSync` called for one after another. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import { decodePackEntryHeader, decodePackHeader, PACK_HEADER_LENGTH, PackReader } from "../src/index.ts";
import type { Bench } from "./bench.ts";
import { cut } from "./chunks.ts";
import { packOfHistory } from "./pack-of-history.ts";
import { race, speedRatio } from "./race.ts";

const COMMITS = 6000;

export const packScan: Bench = {
  name: "pack-scan",
  about: "reading a pack entry by entry, checksums and all, against plain inflateSync",
  measure: async ({ repeat, repository }) => {
    const folder = mkdtempSync(join(tmpdir(), "gitsync-bench-"));
    try {
      const path = join(folder, "scan.pack");
      packOfHistory(path, repository, COMMITS);
      const pack = readFileSync(path);
      const chunks = cut(pack);
      const [ours, plain] = [scan(chunks), scanPlainly(pack)];
      if (ours.length !== plain.length || ours.some((offset, entry) => offset !== plain[entry]))
        throw new Error("the entries differ");
      const times = await race(repeat, { ours: () => scan(chunks), plain: () => scanPlainly(pack) });
      return [speedRatio("times as fast as inflateSync", times.ours, times.plain, { atLeast: 1.5 })];
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

/** What comes in chunks, its checksums and those of its entries with it. */
function scan(chunks: readonly Uint8Array[]): readonly number[] {
  const offsets: number[] = [];
  const reader = new PackReader({ format: "sha1", onEntry: ({ offset }) => offsets.push(offset) });
  for (const chunk of chunks) reader.feed(chunk);
  reader.finish();
  return offsets;
}

/** What lies in memory. Nothing is checked but that it inflates. */
function scanPlainly(pack: Uint8Array): readonly number[] {
  const offsets: number[] = [];
  let offset = PACK_HEADER_LENGTH;
  for (let left = decodePackHeader(pack).objectCount; left > 0; left -= 1) {
    const { dataOffset } = decodePackEntryHeader(pack, offset, "sha1");
    offsets.push(offset);
    const { engine } = inflateSync(pack.subarray(dataOffset), { info: true }) as unknown as {
      readonly engine: { readonly bytesWritten: number };
    };
    offset = dataOffset + engine.bytesWritten;
  }
  return offsets;
}
