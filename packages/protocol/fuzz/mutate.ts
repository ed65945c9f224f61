// Damages recordings, by packet and by byte, the way a broken or hostile peer would.

import { concat, wire } from "../src/testing/bytes.ts";
import { pick, type Random } from "./random.ts";

/** Changes some bytes into others; `others` are further recordings to take pieces from. The argument is not changed. */
type Mutation = (bytes: Uint8Array, random: Random, others: readonly Uint8Array[]) => Uint8Array;

/** No mutant is longer, so that one input cannot use up the time of all. */
export const MAX_MUTANT_LENGTH: number = 128 * 1024;

/** What may stand where four hex digits are due. */
const LENGTHS: readonly Uint8Array[] = [
  "0000 0001 0002 0003 0004 0005 0006 fff0 fff1 fff3 fff4 ffff FFF0 -001 +005 0x10 12zz 000g".split(" "),
  [" 12", "  12", "\0\0\0\0", "\r\n00"],
]
  .flat()
  .map(wire);

/** Payloads that mean something to one grammar or another, and that others must survive. */
const PAYLOADS: readonly Uint8Array[] = [
  "ERR gone\r\n",
  "ERR ",
  "",
  "\n",
  "\0",
  "\u0001",
  "\u0002",
  "\u0003",
  "\u0003fatal: \u001b[2J\n",
  "\u0001PACK\0\0\0\u0002\0\0\0\0",
  "\u00010008NAK\n",
  "NAK\n",
  "ready\n",
  "done\n",
  "version 1\n",
  "version 2\n",
  "version 3\n",
  "# service=git-upload-pack\n",
  "acknowledgments\n",
  "shallow-info\n",
  "wanted-refs\n",
  "packfile-uris\n",
  "packfile\n",
  "unpack ok\n",
  "unpack \n",
  "ok refs/heads/main\n",
  "ng refs/heads/main \n",
  "option refname refs/heads/x\n",
  "option old-oid 0\n",
  "command=fetch\n",
  "command=ls-refs",
  "object-format=sha256\n",
  "ref-prefix refs/",
  "deepen 1",
  "deepen -1",
  "deepen 99999999999999999999",
  "filter blob:none",
  `ACK ${"1".repeat(40)} ready\n`,
  `ACK ${"4".repeat(40)}\n`,
  `shallow ${"1".repeat(40)}`,
  `unshallow ${"1".repeat(64)}`,
  `want ${"1".repeat(40)} side-band-64k object-format=sha1\n`,
  `have ${"1".repeat(40)}\n`,
  `${"0".repeat(40)} capabilities^{}\0agent=x\n`,
  `${"1".repeat(40)} .have\n`,
  `${"1".repeat(40)} refs/tags/v1^{}\n`,
  `${"1".repeat(40)} ${"0".repeat(40)} refs/heads/../x\0 report-status`,
  "push-cert\0push-options\n",
  "certificate version 0.1\n",
  "push-cert-end\n",
].map(wire);

/** Bytes that are no packets at all. */
const TEXTS: readonly Uint8Array[] = [
  "<!DOCTYPE html><html>",
  '{"message":"Not Found"}',
  "fatal: repository not found\n",
  "PACK\0\0\0\u0002\u0000\u0000\u0000\u0001",
  "\u001f\u008b\u0008\0",
  "\u0080\u0080\u0080\u0080\u0080\u0080\u0080\u0080\u0080\u0080\u0080",
  "\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u007f",
].map(wire);

/** What may stand in place of a decimal number. */
const NUMBERS: readonly string[] = [
  ..."0 -0 -1 +1 00 1.5 1e3 0x10 Infinity NaN".split(" "),
  "2147483648",
  "4294967296",
  "9007199254740993",
  "9".repeat(400),
  "",
];

const HEX_RUN = /[0-9a-f]{40,}/gi;
const DECIMAL_RUN = /(?<![0-9a-fA-F])[0-9]+(?![0-9a-fA-F])/g;

/** Cut into pkt-lines where the lengths make sense; what does not is a piece of its own. Pieces are views. */
export function splitPackets(bytes: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let offset = 0; offset < bytes.length;) {
    const header = String.fromCharCode(...bytes.subarray(offset, offset + 4));
    const value = /^[0-9a-fA-F]{4}$/.test(header) ? Number.parseInt(header, 16) : -1;
    const length = value >= 0 && value < 5 ? 4 : value;
    if (length < 4 || offset + length > bytes.length) {
      pieces.push(bytes.subarray(offset));
      break;
    }
    pieces.push(bytes.subarray(offset, offset + length));
    offset += length;
  }
  return pieces;
}

function frame(payload: Uint8Array): Uint8Array {
  const room = payload.subarray(0, 65516);
  return concat(wire((room.length + 4).toString(16).padStart(4, "0")), room);
}

/** A mutation of the list of packets. */
function byPacket(change: (pieces: Uint8Array[], at: number, random: Random) => void): Mutation {
  return (bytes, random) => {
    const pieces = splitPackets(bytes);
    if (pieces.length === 0) return bytes;
    change(pieces, random(pieces.length), random);
    return concat(...pieces);
  };
}

/** A mutation of one packet's payload, whose length is put right afterwards. */
function byPayload(change: (payload: Uint8Array, random: Random) => Uint8Array): Mutation {
  return byPacket((pieces, at, random) => {
    pieces[at] = frame(change((pieces[at] ?? wire("")).subarray(4), random));
  });
}

/** Replace one match of `pattern` in Latin-1 text. */
function replaceOne(
  payload: Uint8Array,
  pattern: RegExp,
  random: Random,
  by: (found: string) => string,
): Uint8Array {
  const text = Array.from(payload, (byte) => String.fromCharCode(byte)).join("");
  const found = [...text.matchAll(pattern)];
  if (found.length === 0) return payload;
  const match = pick(found, random);
  return wire(text.slice(0, match.index) + by(match[0]) + text.slice(match.index + match[0].length));
}

function damageId(id: string, random: Random): string {
  const at = random(id.length);
  const put = (text: string): string => id.slice(0, at) + text + id.slice(at + 1);
  return pick(
    [
      put("g"),
      put("-"),
      put("+"),
      put("\0"),
      put(random(16).toString(16)),
      id.toUpperCase(),
      id.slice(1),
      `${id}0`,
      "0".repeat(id.length),
      id.length === 40 ? id + id.slice(0, 24) : id.slice(0, 40),
    ],
    random,
  );
}

/** Put `inserted` somewhere, and `taken` bytes less behind it. */
function spliceBytes(bytes: Uint8Array, at: number, taken: number, inserted: Uint8Array): Uint8Array {
  return concat(bytes.subarray(0, at), inserted, bytes.subarray(at + taken));
}

const MUTATIONS: readonly Mutation[] = [
  // Lengths: another four digits, or a little more or less.
  byPacket((pieces, at, random) => {
    pieces[at] = spliceBytes(pieces[at] ?? wire(""), 0, 4, pick(LENGTHS, random));
  }),
  byPacket((pieces, at, random) => {
    const piece = pieces[at] ?? wire("");
    const length = Math.max(0, piece.length + random(5) - 2);
    pieces[at] = spliceBytes(piece, 0, 4, wire(length.toString(16).padStart(4, "0")));
  }),
  // Packets swapped, left out, repeated, moved from elsewhere, split in two.
  byPacket((pieces, at, random) => {
    const other = random(pieces.length);
    [pieces[at], pieces[other]] = [pieces[other] ?? wire(""), pieces[at] ?? wire("")];
  }),
  byPacket((pieces, at) => void pieces.splice(at, 1)),
  byPacket((pieces, at, random) => {
    const piece = pieces[at] ?? wire("");
    const most = Math.min(300, Math.floor(MAX_MUTANT_LENGTH / (piece.length + 1)));
    pieces.splice(at, 0, ...Array.from({ length: 1 + random(Math.max(1, most)) }, () => piece));
  }),
  byPacket((pieces, at, random) => {
    const payload = (pieces[at] ?? wire("")).subarray(4);
    const cut = random(payload.length + 1);
    pieces.splice(at, 1, frame(payload.subarray(0, cut)), frame(payload.subarray(cut)));
  }),
  // Something else between the packets.
  byPacket((pieces, at, random) => void pieces.splice(at, 0, frame(pick(PAYLOADS, random)))),
  byPacket((pieces, at, random) => void pieces.splice(at, 1, frame(pick(PAYLOADS, random)))),
  byPacket((pieces, at, random) => void pieces.splice(at, 0, pick(LENGTHS, random))),
  byPacket((pieces, at, random) => void pieces.splice(at, 0, pick(TEXTS, random))),
  // A band around some packets, or another band.
  byPacket((pieces, at, random) => {
    const run = concat(...pieces.splice(at, 1 + random(4)));
    const cut = random(run.length + 1);
    const band = Uint8Array.of(random(5));
    pieces.splice(at, 0, frame(concat(band, run.subarray(0, cut))), frame(concat(band, run.subarray(cut))));
  }),
  byPayload((payload, random) => spliceBytes(payload, 0, 1, Uint8Array.of(random(6)))),
  // Inside a packet, whose length stays true.
  byPayload((payload, random) => spliceBytes(payload, random(payload.length + 1), 0, wire("\0"))),
  byPayload((payload, random) => spliceBytes(payload, random(payload.length + 1), 0, wire("\n"))),
  byPayload((payload) => (payload.at(-1) === 0x0a ? payload.subarray(0, -1) : concat(payload, wire("\n")))),
  byPayload((payload, random) => replaceOne(payload, HEX_RUN, random, (id) => damageId(id, random))),
  byPayload((payload, random) => replaceOne(payload, DECIMAL_RUN, random, () => pick(NUMBERS, random))),
  byPayload((payload, random) =>
    replaceOne(payload, /[ =:\n]/g, random, () => pick([" ", "=", ":", "\n", "\0", "\t", ""], random)),
  ),
  byPayload((payload, random) => spliceBytes(payload, random(payload.length + 1), random(8), wire(""))),
  byPayload((payload, random) =>
    spliceBytes(payload, random(payload.length + 1), random(2), Uint8Array.of(random(256))),
  ),
  byPayload((payload) => concat(payload, payload)),
  // Bytes, wherever they stand.
  (bytes, random) => spliceBytes(bytes, random(bytes.length + 1), 1, Uint8Array.of(random(256))),
  (bytes, random) => {
    const at = random(bytes.length + 1);
    return spliceBytes(bytes, at, 1, Uint8Array.of((bytes[at] ?? 0) ^ (1 << random(8))));
  },
  (bytes, random) => {
    const at = random(bytes.length + 1);
    return spliceBytes(bytes, at, 1, Uint8Array.of((bytes[at] ?? 0) + (random(2) === 0 ? 1 : -1)));
  },
  (bytes, random) => bytes.subarray(0, random(bytes.length + 1)),
  (bytes, random) => spliceBytes(bytes, random(bytes.length + 1), random(40), wire("")),
  (bytes, random) => {
    const from = random(bytes.length + 1);
    return spliceBytes(bytes, random(bytes.length + 1), 0, bytes.subarray(from, from + random(200)));
  },
  (bytes, random) => {
    const inserted = Uint8Array.from({ length: 1 + random(8) }, () => random(256));
    return spliceBytes(bytes, random(bytes.length + 1), random(2) * inserted.length, inserted);
  },
  (bytes, random) => spliceBytes(bytes, random(bytes.length + 1), 0, pick(TEXTS, random)),
  (bytes, random, others) => {
    const other = others.length === 0 ? bytes : pick(others, random);
    return concat(bytes.subarray(0, random(bytes.length + 1)), other.subarray(random(other.length + 1)));
  },
  (bytes, random) => {
    // A 32-bit number of a pack or an index.
    const extreme = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
    const word = new DataView(new ArrayBuffer(4));
    word.setUint32(0, pick(extreme, random));
    return spliceBytes(bytes, random(bytes.length + 1), 4, new Uint8Array(word.buffer));
  },
];

/** A new array, or a view of a recording: some mutations of `original`, one after the other; at most `maxLength` bytes. */
export function mutate(
  original: Uint8Array,
  random: Random,
  others: readonly Uint8Array[] = [],
  maxLength: number = MAX_MUTANT_LENGTH,
): Uint8Array {
  let bytes = original;
  for (let turn = random(4); turn >= 0; turn -= 1) {
    bytes = pick(MUTATIONS, random)(bytes, random, others).subarray(0, maxLength);
  }
  return bytes;
}
