// The parsers of packs, whole and in parts, so that a damaged checksum does not hide what lies behind it.

import { applyDelta, decodeDeltaHeader } from "../src/pack/delta.ts";
import { encodeDelta } from "../src/pack/delta-encoder.ts";
import { decodePackEntryHeader, type PackEntryDescription } from "../src/pack/entry.ts";
import { createHasher } from "../src/pack/hasher.ts";
import { decodePackHeader, encodePackHeader } from "../src/pack/header.ts";
import { parseCommit, parseTag } from "../src/pack/object.ts";
import { encodePackIndex, encodeReverseIndex } from "../src/pack/index-encoder.ts";
import { PackIndex } from "../src/pack/pack-index.ts";
import { indexPack, PackIndexer } from "../src/pack/pack-indexer.ts";
import { PackReader } from "../src/pack/pack-reader.ts";
import { readPackObjects } from "../src/pack/reader.ts";
import { ReverseIndex } from "../src/pack/reverse-index.ts";
import { packSource } from "../src/pack/source.ts";
import { PackVerifier } from "../src/pack/trailer.ts";
import { encodePack, encodePackEntries, type PackableEntry } from "../src/pack/writer.ts";
import { objectIdFromBytes, type ObjectFormat } from "../src/object-id.ts";
import { concat, wire } from "../src/testing/bytes.ts";
import type { Subject } from "../src/testing/cuts.ts";
import { digest, type FuzzTarget, onWhole } from "./target.ts";

/** Small, so that an input that makes a reader take much memory shows. */
const LIMITS = { maxObjects: 2000, maxInflatedBytes: 1024 * 1024 };

function verify(format: ObjectFormat): () => Subject {
  return () => {
    const verifier = new PackVerifier({ format });
    let forwarded = 0;
    return {
      feed: (chunk) => {
        for (const view of verifier.feed(chunk)) forwarded += view.length;
      },
      finish: () => [[...verifier.finish()], forwarded, verifier.objectCount],
    };
  };
}

/** The same in memory as {@link LIMITS}. */
const READER_LIMITS = { maxPackObjects: 2000, maxInflatedBytes: 1024 * 1024 };

/** Entry by entry, content in every way in turns. */
function readAsItComes(format: ObjectFormat): () => Subject {
  return () => {
    const content = digest();
    const entries: string[] = [];
    const reader = new PackReader({
      format,
      limits: READER_LIMITS,
      content: () => (["none", "whole", "pieces"] as const)[entries.length % 3] ?? "none",
      onPiece: content.add,
      onEntry: (entry, whole) => {
        if (whole !== undefined) content.add(whole);
        entries.push(JSON.stringify(entry));
      },
    });
    return {
      feed: (chunk) => reader.feed(chunk),
      finish: () => [reader.finish(), entries, content.text()],
    };
  };
}

function indexAsItComes(format: ObjectFormat): () => Subject {
  return () => {
    const chunks: Uint8Array[] = [];
    const indexer = new PackIndexer({ format, limits: { ...READER_LIMITS, maxDeltaCacheBytes: 100 } });
    return {
      feed: (chunk) => {
        chunks.push(chunk.slice());
        indexer.feed(chunk);
      },
      finish: () => encodePackIndex(indexer.resolve(packSource(concat(...chunks)))),
    };
  };
}

function readPack(pack: Uint8Array, format: ObjectFormat): unknown {
  return Array.from(readPackObjects(pack, { format, ...LIMITS }), ({ oid, type }) => `${oid} ${type}`);
}

/** A body as it stands, with the trailer that it should have. */
function signed(body: Uint8Array, format: ObjectFormat): Uint8Array {
  return concat(body, createHasher(format).update(body).digest());
}

/**
 * A pack whose entries the input describes: per entry a type, a length, as many bytes of content, and for deltas a
 * distance or the first byte of a base id. Sizes and zlib streams are right, bases are what the input says.
 */
function describedPack(bytes: Uint8Array): Uint8Array {
  const entries: PackableEntry[] = [];
  let at = 0;
  const next = (): number => bytes[at++] ?? 0;
  while (at < bytes.length && entries.length < 200) {
    const kind = next();
    const base = next();
    const length = next();
    const data = bytes.subarray(at, at + length);
    at += length;
    const size = data.length + (kind >= 0xf0 ? 1 : 0);
    entries.push({ header: describe(kind % 6, size, base), data });
  }
  return encodePackEntries(entries, "sha1");
}

function describe(kind: number, size: number, base: number): PackEntryDescription {
  if (kind === 4) return { type: "ofs-delta", size, baseDistance: base };
  if (kind === 5)
    return { type: "ref-delta", size, baseId: objectIdFromBytes(new Uint8Array(20).fill(base)) };
  return { type: (["commit", "tree", "blob", "tag"] as const)[kind] ?? "blob", size };
}

/** An entry that hand-written seeds describe, as {@link describedPack} reads it. */
function described(kind: number, base: number, data: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(kind, base, data.length), data);
}

/** A pack of three objects, and what lies beside it. */
const INDEXED = indexPack(
  packSource(
    encodePack(
      ["a", "b", "c"].map((text) => ({ type: "blob", data: wire(text) })),
      "sha1",
    ),
  ),
  { format: "sha1" },
);
const INDEX = encodePackIndex(INDEXED, { largeOffsetsAbove: 12 });

function readIndex(bytes: Uint8Array, format: ObjectFormat, verify: boolean): unknown {
  const index = new PackIndex(bytes, { format, verify });
  const entries = [...index.entries()];
  // An index that nobody checked may not find what it has.
  for (const { oid } of entries)
    if (index.find(oid) === undefined && verify) throw new Error(`${oid} is not found`);
  return [index.version, entries, index.findPrefix("a", 5)];
}

/** A delta from the first half to the second, which must give the second. */
function makeDelta(bytes: Uint8Array): unknown {
  const base = bytes.subarray(0, bytes.length >> 1);
  const target = bytes.subarray(bytes.length >> 1);
  const delta = encodeDelta(base, target);
  const result = applyDelta(base, delta, target.length);
  if (result.some((byte, at) => byte !== target[at])) throw new Error("the delta makes something else");
  return delta;
}

export const packTargets: readonly FuzzTarget[] = [
  {
    name: "pack",
    recordings: ["pack-"],
    seeds: [],
    ways: {
      "verified in passing": verify("sha1"),
      "verified in passing, sha256": verify("sha256"),
      "entry by entry": readAsItComes("sha1"),
      "entry by entry, sha256": readAsItComes("sha256"),
      indexed: indexAsItComes("sha1"),
      "indexed, sha256": indexAsItComes("sha256"),
      read: onWhole((bytes) => readPack(bytes, "sha1")),
      "indexed where it lies": onWhole((bytes) =>
        indexPack(packSource(bytes), { format: "sha1", limits: READER_LIMITS }),
      ),
      "its header": onWhole((bytes) => decodePackHeader(bytes)),
      "read with its trailer put right": onWhole((bytes) =>
        readPack(signed(bytes.subarray(0, -20), "sha1"), "sha1"),
      ),
      "read with its trailer put right, sha256": onWhole((bytes) =>
        readPack(signed(bytes.subarray(0, -32), "sha256"), "sha256"),
      ),
    },
  },
  {
    name: "pack-entries",
    recordings: [],
    seeds: [
      concat(
        described(2, 0, wire("hello")),
        described(4, 14, Uint8Array.of(5, 6, 0x90, 5, 1, 0x21)),
        described(5, 7, Uint8Array.of(5, 5, 0x90, 5)),
      ),
    ],
    ways: {
      described: onWhole((bytes) => readPack(describedPack(bytes), "sha1")),
      "a header": onWhole((bytes) => decodePackEntryHeader(bytes, 0, "sha1")),
      "a header behind others": onWhole((bytes) =>
        decodePackEntryHeader(concat(encodePackHeader(1), new Uint8Array(100), bytes), 112, "sha256"),
      ),
    },
  },
  {
    name: "delta",
    recordings: [],
    seeds: [
      Uint8Array.of(10, 6, 0x91, 2, 3, 3, 0x61, 0x62, 0x63),
      Uint8Array.of(10, 10, 0x90, 10),
      Uint8Array.of(10, 0),
    ],
    ways: {
      "to ten bytes": onWhole((bytes) => applyDelta(wire("0123456789"), bytes, 4096)),
      "its sizes": onWhole((bytes) => decodeDeltaHeader(bytes)),
      made: onWhole(makeDelta),
      "to a long base": onWhole((bytes) => applyDelta(new Uint8Array(70_000).fill(7), bytes, 80_000).length),
    },
  },
  {
    name: "pack-index",
    recordings: [],
    seeds: [INDEX, encodePackIndex(INDEXED), encodeReverseIndex(INDEXED)],
    ways: {
      checked: onWhole((bytes) => readIndex(bytes, "sha1", true)),
      "its checksum put right": onWhole((bytes) =>
        readIndex(signed(bytes.subarray(0, -20), "sha1"), "sha1", true),
      ),
      unchecked: onWhole((bytes) => readIndex(bytes, "sha1", false)),
      "unchecked, sha256": onWhole((bytes) => readIndex(bytes, "sha256", false)),
      reversed: onWhole((bytes) => {
        const index = new PackIndex(INDEX, { format: "sha1" });
        const reverse = new ReverseIndex(signed(bytes.subarray(0, -20), "sha1"), index);
        return Array.from({ length: reverse.objectCount }, (_, place) => reverse.positionAt(place));
      }),
    },
  },
  {
    name: "object",
    recordings: [],
    seeds: [
      wire(`tree ${"1".repeat(40)}\nparent ${"2".repeat(40)}\nauthor A <a> 0 +0000\n\nx`),
      wire(`object ${"1".repeat(40)}\ntype commit\ntag v1\ntagger A <a> 0 +0000\n\nx`),
    ],
    ways: { commit: onWhole((bytes) => parseCommit(bytes)), tag: onWhole((bytes) => parseTag(bytes)) },
  },
];
