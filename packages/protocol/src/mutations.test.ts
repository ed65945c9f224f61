import { describe, test } from "vitest";
import { vector, vectorNames } from "../fixtures/vectors.ts";
import { AdvertisementDecoder } from "./advertisement-decoder.ts";
import { FetchResponseDecoder } from "./fetch-response-decoder.ts";
import { LsRefsDecoder } from "./ls-refs.ts";
import { decodeText } from "./byte-text.ts";
import { type ObjectId, parseObjectId } from "./object-id.ts";
import { readPackObjects } from "./pack/reader.ts";
import { ReportStatusDecoder } from "./report-status-decoder.ts";
import { concat, wire } from "./testing/bytes.ts";
import { cutBy, outcome, type Subject } from "./testing/cuts.ts";
import { UpdateRequestDecoder } from "./update-request-decoder.ts";
import { UploadRequestDecoder } from "./upload-request-decoder.ts";
import { V2CommandDecoder } from "./v2-command.ts";

// Damaged recordings: every outcome is a value or a ProtocolError (anything else is thrown by `outcome`), and it does
// not depend on where the stream was cut. `GITSYNC_MUTATION_SEED` repeats a run, `GITSYNC_MUTATION_MS` prolongs it.

const seed = Number(process.env["GITSYNC_MUTATION_SEED"] ?? Date.now() % 1_000_000);
const budgetMs = Number(process.env["GITSYNC_MUTATION_MS"] ?? 1500);
const haves: ReadonlySet<ObjectId> = new Set(
  String.fromCharCode(...vector("oids.txt"))
    .trim()
    .split(" ")
    .map((id) => parseObjectId(id)),
);

/** A small generator of numbers below `limit` (mulberry32), so that a seed repeats a run. */
function generator(start: number): (limit: number) => number {
  let state = start;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

const SPLICES: readonly Uint8Array[] = [
  "0000",
  "0001",
  "0002",
  "0003",
  "0004",
  "0005\u0001",
  "000eERR gone\r\n",
  "fff0",
  "fff4",
  "-001",
  "<html>",
  "\0",
  "\u0003",
  "PACK",
  "0008NAK\n",
].map(wire);

function mutate(original: Uint8Array, random: (limit: number) => number): Uint8Array {
  let bytes: Uint8Array = original.slice();
  for (let turn = random(3); turn >= 0; turn -= 1) {
    const at = random(bytes.length + 1);
    const kind = random(5);
    if (kind === 0) bytes[at] = random(256);
    else if (kind === 1) bytes = bytes.slice(0, at);
    else if (kind === 2)
      bytes = concat(bytes.subarray(0, at), SPLICES[random(SPLICES.length)] ?? bytes, bytes.subarray(at));
    else if (kind === 3) bytes = concat(bytes.subarray(0, at), bytes.subarray(at + random(40)));
    else bytes = concat(bytes.subarray(0, at), bytes.subarray(random(bytes.length + 1)));
  }
  return bytes;
}

const noop = (): void => {};
const decoders: Readonly<Record<string, readonly (() => Subject)[]>> = {
  adv: [
    () => {
      const decoder = new AdvertisementDecoder({ service: "git-upload-pack", smartHttp: true });
      return { feed: (chunk) => decoder.feed(chunk), finish: () => decoder.finish() };
    },
  ],
  "v2-lsrefs": [
    () => {
      const decoder = new LsRefsDecoder({ objectFormat: "sha1" });
      return { feed: (chunk) => decoder.feed(chunk), finish: () => decoder.result() };
    },
  ],
  "v2-fetch": [
    () => fetchSubject(new FetchResponseDecoder({ version: 2, sentHaves: haves }, { onPack: noop })),
  ],
  "v0-": (["side-band-64k", "none"] as const).map(
    (sideband) => () =>
      fetchSubject(
        new FetchResponseDecoder(
          {
            version: 0,
            ackMode: "multi_ack_detailed",
            sideband,
            sentDone: true,
            expectShallow: true,
            sentHaves: haves,
          },
          { onPack: noop },
        ),
      ),
  ),
  rp: [
    () => {
      const decoder = new ReportStatusDecoder({ sideband: true, v2: true });
      return { feed: (chunk) => decoder.feed(chunk), finish: () => decoder.finish() };
    },
  ],
  // Requests are text lines as well, so any recording will do to try the server side.
  "": [
    () => {
      const decoder = new V2CommandDecoder();
      return { feed: (chunk) => decoder.feed(chunk), finish: () => decoder.result() };
    },
    () => {
      const decoder = new UploadRequestDecoder();
      return { feed: (chunk) => decoder.feed(chunk), finish: () => decoder.result() };
    },
    () => {
      const decoder = new UpdateRequestDecoder();
      return { feed: (chunk) => decoder.feed(chunk), finish: () => decoder.result() };
    },
  ],
};

function fetchSubject(decoder: FetchResponseDecoder): Subject {
  return {
    feed: (chunk) => decoder.feed(chunk),
    finish: () => {
      decoder.finish();
      return [decoder.acknowledgments, decoder.shallowInfo];
    },
  };
}

describe(`mutations (seed ${seed})`, () => {
  test("of recordings give a value or a typed error, the same however they are cut", ({ expect }) => {
    const random = generator(seed);
    const pairs = Object.entries(decoders).flatMap(([prefix, makers]) =>
      vectorNames(prefix, ".bin").flatMap((name) =>
        makers.map((make) => ({ name, make, bytes: vector(name) })),
      ),
    );
    const until = performance.now() + budgetMs;
    while (performance.now() < until) {
      for (const { name, make, bytes } of pairs) {
        const mutant = mutate(bytes, random);
        const lengths = [1 + random(5), 1 + random(300), 1 + random(50)];
        expect(outcome(make, cutBy(mutant, lengths)), `${name}: ${decodeText(mutant)}`).toBe(
          outcome(make, [mutant]),
        );
      }
    }
  });

  test("of packs are refused, or are whole", ({ expect }) => {
    const random = generator(seed);
    const until = performance.now() + budgetMs / 5;
    const packs = vectorNames("pack-", ".pack").map(vector);
    while (performance.now() < until) {
      for (const pack of packs) {
        const mutant = mutate(pack, random);
        const make = (): Subject => ({
          feed: noop,
          finish: () => [...readPackObjects(mutant, { format: "sha1" })].length,
        });
        expect(outcome(make, [])).toMatch(/^(?:\d+|error (?:PACK_\w+|DELTA_INVALID|LIMIT_EXCEEDED))$/);
      }
    }
  });
});
