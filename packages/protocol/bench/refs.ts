/** Reading a million refs, against text split line by line. */

import { hash } from "node:crypto";
import {
  AdvertisementDecoder,
  encodeLsRefsResponse,
  encodeRefAdvertisement,
  LsRefsDecoder,
  parseObjectId,
  parseRefName,
  type AdvertisedRef,
  type RefTable,
} from "../src/index.ts";
import type { Bench } from "./bench.ts";
import { cut } from "./chunks.ts";
import { mebibytes, type Figure } from "./figure.ts";
import { race, timeRatio } from "./race.ts";
import { retainedBytes } from "./retained.ts";

const REFS = 1_000_000;
const LIMIT = { atMost: 0.25 } as const;

export const refs: Bench = {
  name: "refs",
  about: "a million refs against Buffer.concat, then toString and split for each line",
  measure: async ({ repeat }) => {
    const figures: Figure[] = [];
    for (const [form, encode, decode] of [
      ["advertisement", encodeAdvertisement, decodeAdvertisement],
      ["ls-refs", encodeLsRefs, decodeLsRefs],
    ] as const) {
      const chunks = cut(encode());
      if (decode(chunks).size !== REFS || splitLines(chunks).length !== REFS) {
        throw new Error(`${form}: refs are missing`);
      }
      const ourBytes = await retainedBytes(() => decode(chunks));
      const theirBytes = await retainedBytes(() => splitLines(chunks));
      const times = await race(repeat, { ours: () => decode(chunks), split: () => splitLines(chunks) });
      figures.push(timeRatio(`${form}: time / split per line`, times.ours, times.split, LIMIT), {
        name: `${form}: retained memory / split per line`,
        value: ourBytes / theirBytes,
        unit: "",
        limit: LIMIT,
        how: `${mebibytes(ourBytes)} against ${mebibytes(theirBytes)}`,
      });
    }
    return figures;
  },
};

function decodeAdvertisement(chunks: readonly Uint8Array[]): RefTable {
  const decoder = new AdvertisementDecoder({ service: "git-upload-pack", smartHttp: false });
  for (const chunk of chunks) decoder.feed(chunk);
  const advertisement = decoder.finish();
  if (advertisement.version === 2) throw new Error("not a list of refs");
  return advertisement.table;
}

function decodeLsRefs(chunks: readonly Uint8Array[]): RefTable {
  const decoder = new LsRefsDecoder({ objectFormat: "sha1" });
  for (const chunk of chunks) decoder.feed(chunk);
  return decoder.finish().table;
}

interface PlainRef {
  readonly oid: string;
  readonly name: string;
}

/** Nothing is checked: no length, no id, no name. */
function splitLines(chunks: readonly Uint8Array[]): readonly PlainRef[] {
  const bytes = Buffer.concat(chunks);
  const found: PlainRef[] = [];
  for (let at = 0; ;) {
    const length = Number.parseInt(bytes.toString("latin1", at, at + 4), 16);
    if (length === 0) return found;
    const [oid = "", name = ""] = bytes.toString("utf8", at + 4, at + length - 1).split(" ");
    found.push({ oid, name });
    at += length;
  }
}

function encodeAdvertisement(): Buffer {
  return Buffer.from(
    encodeRefAdvertisement({ version: 0, objectFormat: "sha1", capabilities: [], refs: manyRefs() }),
  );
}

function encodeLsRefs(): Buffer {
  return Buffer.from(encodeLsRefsResponse({ refs: manyRefs() }));
}

function manyRefs(): readonly AdvertisedRef[] {
  return Array.from({ length: REFS }, (_, index) => ({
    oid: parseObjectId(hash("sha1", String(index))),
    name: parseRefName(`refs/heads/topic/n${String(index).padStart(7, "0")}`),
  }));
}
