// Streams without an end, as a hostile or broken peer would send them, and the parsers that must survive them.

import { AdvertisementDecoder } from "../src/advertisement-decoder.ts";
import { BundleUriDecoder } from "../src/bundle-uri.ts";
import { FetchResponseDecoder, type FetchResponseOptions } from "../src/fetch-response-decoder.ts";
import { LsRefsDecoder } from "../src/ls-refs.ts";
import { ObjectInfoDecoder } from "../src/object-info.ts";
import { PackVerifier } from "../src/pack/trailer.ts";
import { encodePackEntryHeader } from "../src/pack/entry.ts";
import { encodePackHeader } from "../src/pack/header.ts";
import { PackIndexer } from "../src/pack/pack-indexer.ts";
import { PackReader } from "../src/pack/pack-reader.ts";
import { parseObjectId } from "../src/object-id.ts";
import { PktLineDecoder } from "../src/pkt-line/pkt-line-decoder.ts";
import { ProgressLines } from "../src/pkt-line/progress-lines.ts";
import { SidebandDecoder } from "../src/pkt-line/sideband-decoder.ts";
import { ReportStatusDecoder } from "../src/report-status-decoder.ts";
import { concat, packets, wire } from "../src/testing/bytes.ts";
import type { Subject } from "../src/testing/cuts.ts";
import { UpdateRequestDecoder } from "../src/update-request-decoder.ts";
import { HttpUploadRequestDecoder } from "../src/upload-request-decoder.ts";
import { V2CommandDecoder } from "../src/v2-command.ts";
import { receivePack, uploadPack } from "./server-targets.ts";
import { feeding } from "./target.ts";

/** One stream: some bytes, then others over and over. */
export interface HostileStream {
  readonly name: string;
  readonly head: Uint8Array;
  readonly again: Uint8Array;
  readonly make: () => Subject;
  /** After this many bytes it must have ended in `LIMIT_EXCEEDED`; infinite for what nobody keeps. */
  readonly endsWithin: number;
}

const ID = "1".repeat(40);
const LONG = "x".repeat(65_000);
const noop = (): void => {};

const lines: () => Subject = () => {
  const decoder = new PktLineDecoder();
  return { feed: (chunk) => decoder.feed(chunk, noop), finish: () => decoder.finish() };
};

const sideband: () => Subject = () => {
  const progress = new ProgressLines({ onLine: noop });
  return feeding(
    () => new SidebandDecoder({ onPack: noop, onProgress: (view) => progress.feed(view) }),
    (decoder) => decoder.finish(),
  )();
};

/** A listing is kept whole, so what it may cost is the caller's to say. */
const LISTING_LIMITS = { maxAdvertisementBytes: 10 * 1024 * 1024, maxRefs: 100_000 };

const advertisement: () => Subject = feeding(
  () => new AdvertisementDecoder({ service: "git-receive-pack", smartHttp: true, limits: LISTING_LIMITS }),
  (decoder) => decoder.finish(),
);

const lsRefs: () => Subject = feeding(
  () => new LsRefsDecoder({ objectFormat: "sha1", limits: LISTING_LIMITS }),
  (decoder) => decoder.finish(),
);

function fetchAnswer(options: FetchResponseOptions): () => Subject {
  return feeding(
    () => new FetchResponseDecoder(options, { onPack: noop }),
    (decoder) => decoder.finish(),
  );
}

const fetchV2 = fetchAnswer({ version: 2 });
const fetchV0 = fetchAnswer({
  version: 0,
  ackMode: "multi_ack_detailed",
  sideband: "side-band-64k",
  sentDone: true,
  expectShallow: true,
  sentHaves: new Set(),
});

const sidebandAll: () => Subject = fetchAnswer({ version: 2, sidebandAll: true });

const report: () => Subject = feeding(
  () => new ReportStatusDecoder({ sideband: true, v2: true }),
  (decoder) => decoder.finish(),
);
const plainReport: () => Subject = feeding(
  () => new ReportStatusDecoder({ sideband: false, v2: true }),
  (decoder) => decoder.finish(),
);

const upload: () => Subject = feeding(
  () => new HttpUploadRequestDecoder(),
  (decoder) => decoder.finish(),
);
const update: () => Subject = feeding(
  () => new UpdateRequestDecoder(),
  (decoder) => decoder.finish(),
);
const command: () => Subject = feeding(
  () => new V2CommandDecoder(),
  (decoder) => decoder.finish(),
);
const pack: () => Subject = feeding(
  () => new PackVerifier({ format: "sha1" }),
  (decoder) => decoder.finish(),
);

const entries: () => Subject = feeding(
  () => new PackReader({ format: "sha1", content: () => "pieces", onPiece: noop }),
  (reader) => reader.finish(),
);
/** What is kept of each object is little; how many there may be is the caller's to say. */
const index: () => Subject = feeding(
  () => new PackIndexer({ format: "sha1", limits: { maxIndexedObjects: 400_000 } }),
  (indexer) => indexer.rest(),
);

const sizes: () => Subject = feeding(
  () => new ObjectInfoDecoder({ objectFormat: "sha1" }),
  (decoder) => decoder.finish(),
);
const bundles: () => Subject = feeding(
  () => new BundleUriDecoder(),
  (decoder) => decoder.finish(),
);

const NOTHING = new Uint8Array(0);
const MEBIBYTE = 1024 * 1024;

const HUGE = 2 ** 39;
const EMPTY_BLOB = wire("\x30\x78\x9c\x03\0\0\0\0\x01");
const BLOB_HEADER = encodePackEntryHeader({ type: "blob", size: HUGE });
const REF_DELTA_HEADER = encodePackEntryHeader({ type: "ref-delta", size: HUGE, baseId: parseObjectId(ID) });

/** A pack of one entry that says it is larger than any memory, up to its first block. */
function hugeEntry(header: Uint8Array = BLOB_HEADER): Uint8Array {
  return concat(encodePackHeader(1), header, wire("\x78\x01"));
}

/** A block of deflate that is as it was, and not the last: RFC 1951, section 3.2.4. */
function storedBlock(content: string): Uint8Array {
  const { length } = content;
  const head = Uint8Array.of(0, length & 0xff, length >> 8, ~length & 0xff, (~length >> 8) & 0xff);
  return concat(head, wire(content));
}

/** A stream of which the parser keeps nothing. */
function passing(
  name: string,
  make: () => Subject,
  head: Uint8Array,
  again: Uint8Array,
  endsWithin: number = Infinity,
): HostileStream {
  return { name, make, head, again, endsWithin };
}

/** A stream of which the parser must keep something, until it has too much. */
function kept(name: string, make: () => Subject, head: Uint8Array, again: Uint8Array): HostileStream {
  return { name, make, head, again, endsWithin: 18 * MEBIBYTE };
}

/** What a peer may go on sending for ever. */
export const HOSTILE_STREAMS: readonly HostileStream[] = [
  passing("empty packets", lines, NOTHING, wire("0004")),
  passing("flush-pkts", lines, NOTHING, wire("0000")),
  passing("packets of one byte", lines, NOTHING, packets("x")),
  passing("packets as long as they may be", lines, NOTHING, packets("x".repeat(65_519))),

  passing("keepalives", sideband, NOTHING, packets("\u0001")),
  passing("pack bytes, one to a packet", sideband, NOTHING, packets("\u0001x")),
  passing("pack bytes, packets as long as they may be", sideband, NOTHING, packets(`\u0001${LONG}`)),
  passing("progress without line ends", sideband, NOTHING, packets(`\u0002${LONG}`), 70 * MEBIBYTE),
  passing("progress lines, a character each", sideband, NOTHING, packets("\u0002x\n"), 300 * MEBIBYTE),
  passing("empty progress packets", sideband, NOTHING, packets("\u0002")),

  kept("advertised refs", advertisement, packets(`${ID} refs/heads/a\0x\n`), packets(`${ID} refs/heads/a\n`)),
  kept(
    "advertised refs with long names",
    advertisement,
    packets(`${ID} refs/heads/a\0x\n`),
    packets(`${ID} refs/heads/${LONG}\n`),
  ),
  kept(
    "advertised refs with bad names",
    advertisement,
    packets(`${ID} refs/heads/a\0x\n`),
    packets(`${ID} refs/heads/..\n`),
  ),
  passing(
    "peeled lines",
    advertisement,
    packets(`${ID} refs/tags/a\0x\n`),
    packets(`${ID} refs/tags/a^{}\n`),
  ),
  kept(".have lines", advertisement, packets(`${ID} .have\0x\n`), packets(`${ID} .have\n`)),
  kept(
    "advertised shallow lines",
    advertisement,
    packets(`${ID} refs/heads/a\0x\n`),
    packets(`shallow ${ID}\n`),
  ),
  passing(
    "lines of the service header",
    advertisement,
    packets("# service=git-receive-pack\n"),
    packets("x\n"),
  ),
  kept("capabilities", advertisement, packets("version 2\n"), packets("x\n")),
  kept("long capabilities", advertisement, packets("version 2\n"), packets(`${LONG}\n`)),
  passing("empty capabilities", advertisement, packets("version 2\n"), wire("0004")),

  kept("listed refs", lsRefs, NOTHING, packets(`${ID} refs/heads/a\n`)),
  kept(
    "listed refs with attributes",
    lsRefs,
    NOTHING,
    packets(`${ID} refs/heads/a symref-target:refs/heads/b peeled:${ID}\n`),
  ),
  passing("unborn lines", lsRefs, NOTHING, packets("unborn HEAD symref-target:refs/heads/a\n")),
  kept("unknown attributes", lsRefs, NOTHING, packets(`${ID} refs/heads/a ${"x ".repeat(30_000)}\n`)),

  kept("NAKs", fetchV0, wire("0000"), packets("NAK\n")),
  kept("shallow lines", fetchV0, NOTHING, packets(`shallow ${ID}`)),
  kept("unshallow lines of v2", fetchV2, packets("shallow-info\n"), packets(`unshallow ${ID}`)),
  kept("acknowledgments", fetchV2, packets("acknowledgments\n"), packets(`ACK ${ID}\n`)),
  kept("NAKs of v2", fetchV2, packets("acknowledgments\n"), packets("NAK\n")),
  kept("wanted refs", fetchV2, packets("wanted-refs\n"), packets(`${ID} refs/heads/a\n`)),
  kept("wanted refs with long names", fetchV2, packets("wanted-refs\n"), packets(`${ID} refs/${LONG}\n`)),
  kept("pack URIs", fetchV2, packets("packfile-uris\n"), packets(`${ID} https://x/${LONG}\n`)),
  passing("keepalives where all is in side-band", sidebandAll, NOTHING, packets("\u0001")),
  passing(
    "progress where all is in side-band",
    sidebandAll,
    NOTHING,
    packets(`\u0002${LONG}`),
    70 * MEBIBYTE,
  ),
  kept(
    "acknowledgments in side-band",
    sidebandAll,
    packets("\u0001acknowledgments\n"),
    packets(`\u0001ACK ${ID}\n`),
  ),
  passing("keepalives in a pack", fetchV2, packets("packfile\n"), packets("\u0001")),

  kept("sizes of objects", sizes, packets("size\n"), packets(`${ID} 1`)),
  kept("bundles", bundles, NOTHING, packets("bundle.a.uri=b")),
  kept("lines that are no bundles", bundles, NOTHING, packets("x")),

  kept("reported refs in side-band", report, inBand("unpack ok\n"), inBand("ok r\n")),
  kept("reported refs, plainly", plainReport, packets("unpack ok\n"), packets("ok r\n")),
  kept("reported reasons", plainReport, packets("unpack ok\n"), packets("ng r x\n")),
  kept("long reported reasons", plainReport, packets("unpack ok\n"), packets(`ng refs/heads/a ${LONG}\n`)),
  kept("reported options", plainReport, packets("unpack ok\n", "ok r\n"), packets(`option old-oid ${ID}\n`)),
  passing("keepalives before a report", report, NOTHING, packets("\u0001")),

  kept("wants", upload, packets(`want ${ID} x\n`), packets(`want ${ID}\n`)),
  kept("haves", upload, packets(`want ${ID} x\n`, "0000"), packets(`have ${ID}\n`)),
  kept("refs not to deepen beyond", upload, packets(`want ${ID} x\n`), packets("deepen-not x\n")),
  kept(
    "commands to update refs",
    update,
    packets(`${ID} ${ID} refs/heads/a\0x`),
    packets(`${ID} ${ID} refs/heads/a`),
  ),
  kept("lines of a certificate", update, packets("push-cert\0x\n"), packets(`${LONG}\n`)),
  kept("push options", update, packets(`${ID} ${ID} refs/heads/a\0push-options`, "0000"), packets("x")),
  kept(
    "haves, to a server",
    uploadPack(0, "stateful"),
    packets(`want ${"a".repeat(40)} multi_ack_detailed\n`, "0000"),
    packets(`have ${"b".repeat(40)}\n`),
  ),
  kept(
    "rounds without haves, to a server",
    uploadPack(0, "stateful"),
    packets(`want ${"a".repeat(40)} multi_ack_detailed\n`, "0000"),
    wire("0000"),
  ),
  passing(
    "a pushed pack that never ends",
    receivePack("stateless"),
    packets(`${ID} ${"a".repeat(40)} refs/heads/a\0report-status`, "0000"),
    wire(LONG),
  ),
  kept("ref prefixes", command, packets("command=ls-refs", "0001"), packets("ref-prefix x\n")),
  kept("capabilities of a command", command, packets("command=ls-refs"), packets("x")),

  passing("pack bytes that never end", pack, encodePackHeader(0xffff_ffff), wire(LONG)),
  passing("empty objects, entry by entry", entries, encodePackHeader(0xffff_ffff), EMPTY_BLOB),
  passing("an object without end, entry by entry", entries, hugeEntry(), storedBlock(LONG)),
  passing("an object of blocks without bytes", entries, hugeEntry(), storedBlock("")),
  passing("an object without end, indexed", index, hugeEntry(), storedBlock(LONG)),
  kept("a delta without end, indexed", index, hugeEntry(REF_DELTA_HEADER), storedBlock(LONG)),
  kept("objects more than may be indexed", index, encodePackHeader(0xffff_ffff), EMPTY_BLOB),
  passing("as many objects as may be indexed", index, encodePackHeader(400_000), EMPTY_BLOB),
];

function inBand(line: string): Uint8Array {
  return packets(`\u0001${(line.length + 4).toString(16).padStart(4, "0")}${line}`);
}
