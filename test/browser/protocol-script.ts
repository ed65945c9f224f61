/**
 * What the protocol package makes of recordings, packs and hashes: run in a page, in a worker and in Node alike, so
 * that the answers can be compared. Uses the package as its users do, and nothing of Node or of a browser.
 */

import {
  AdvertisementDecoder,
  applyDelta,
  createHasher,
  encodePack,
  FetchResponseDecoder,
  hashObject,
  HttpUploadRequestDecoder,
  LsRefsDecoder,
  type MessageDecoder,
  ObjectInfoDecoder,
  type ObjectFormat,
  objectIdFromBytes,
  PackVerifier,
  ProtocolError,
  readPackObjects,
  ReportStatusDecoder,
  UpdateRequestDecoder,
  V2CommandDecoder,
} from "@gitsync/protocol";

/** Recordings by file name, as numbers, which survive every way into a page. */
export type Recordings = Readonly<Record<string, readonly number[]>>;

/** What came out. */
export interface ProtocolAnswers {
  /** Which code ran: `node` when the package could use Node's zlib and crypto. */
  readonly host: "node" | "none";
  /** For each recording its value as JSON, or the code of the error. */
  readonly recordings: Readonly<Record<string, string>>;
  readonly hashes: readonly string[];
  /** What each single damaged byte of a small pack leads to, its trailer put right. */
  readonly damages: readonly string[];
  /** The bytes of a pack that was written here. */
  readonly pack: readonly number[];
  readonly delta: string;
}

/** Answer everything. */
export function protocolAnswers(recordings: Recordings): ProtocolAnswers {
  return {
    host: (globalThis as { process?: unknown }).process === undefined ? "none" : "node",
    recordings: Object.fromEntries(
      Object.entries(recordings).map(([name, numbers]) => [
        name,
        verdict(() => decodeRecording(name, Uint8Array.from(numbers))),
      ]),
    ),
    hashes: [0, 1, 55, 56, 63, 64, 65, 119, 120, 1_000_000].flatMap((length) =>
      (["sha1", "sha256"] as const).map((format) => hashObject("blob", noise(length), format)),
    ),
    damages: damages(),
    pack: [...writtenPack()],
    delta: text(
      applyDelta(bytesOf("0123456789"), Uint8Array.of(10, 6, 0x91, 2, 3, 3, 0x61, 0x62, 0x63), 100),
    ),
  };
}

/** For messages of one kind each. */
function smallDecoder(name: string): MessageDecoder<unknown> | undefined {
  if (name.startsWith("v2-objectinfo")) return new ObjectInfoDecoder({ objectFormat: "sha1" });
  if (name.startsWith("req-push")) return new UpdateRequestDecoder();
  if (/^req-(?:v0|http)/u.test(name)) return new HttpUploadRequestDecoder();
  return name.startsWith("req-v2") ? new V2CommandDecoder() : undefined;
}

function decodeRecording(name: string, bytes: Uint8Array): unknown {
  if (name.endsWith(".pack")) return decodePack(bytes, name.includes("sha256") ? "sha256" : "sha1");
  if (name.startsWith("adv-")) {
    const service = name.includes("-up-") ? "git-upload-pack" : "git-receive-pack";
    const decoder = new AdvertisementDecoder({ service, smartHttp: true });
    feedInPieces(decoder, bytes);
    return decoder.finish();
  }
  if (name.startsWith("v2-lsrefs")) {
    const decoder = new LsRefsDecoder({ objectFormat: "sha1" });
    feedInPieces(decoder, bytes);
    return decoder.finish();
  }
  const small = smallDecoder(name);
  if (small !== undefined) {
    feedInPieces(small, bytes);
    return small.finish();
  }
  if (name.startsWith("rp-")) {
    const decoder = new ReportStatusDecoder({ sideband: !name.includes("nosideband"), v2: true });
    feedInPieces(decoder, bytes);
    return decoder.finish();
  }
  return decodeFetch(bytes, name.startsWith("v2-") ? 2 : 0);
}

function decodeFetch(bytes: Uint8Array, version: 0 | 2): unknown {
  const pieces: Uint8Array[] = [];
  const decoder = new FetchResponseDecoder(
    version === 2
      ? { version }
      : {
          version,
          ackMode: "multi_ack_detailed",
          sideband: "side-band-64k",
          sentDone: true,
          expectShallow: false,
          sentHaves: new Set(),
        },
    { onPack: (view) => pieces.push(view.slice()) },
  );
  feedInPieces(decoder, bytes);
  decoder.finish();
  const pack = join(pieces);
  return [decoder.acknowledgments, decoder.shallowInfo, pack.length === 0 ? "" : decodePack(pack, "sha1")];
}

function decodePack(bytes: Uint8Array, format: ObjectFormat): unknown {
  const verifier = new PackVerifier({ format });
  feedInPieces(verifier, bytes);
  const trailer = verifier.finish();
  const objects = verdict(() =>
    Array.from(readPackObjects(bytes, { format }), ({ oid, type, data }) => [oid, type, data.length]),
  );
  return [objectIdFromBytes(trailer), objects];
}

/** One pack with every kind of object, and a long one. */
function writtenPack(): Uint8Array {
  const tree = new Uint8Array(0);
  const empty = hashObject("tree", tree, "sha1");
  const commit = bytesOf(`tree ${empty}\nauthor A <a@b> 0 +0000\ncommitter A <a@b> 0 +0000\n\nx\n`);
  const tag = bytesOf(
    `object ${hashObject("commit", commit, "sha1")}\ntype commit\ntag v1\ntagger A <a@b> 0 +0000\n\ny\n`,
  );
  return encodePack(
    [
      { type: "blob", data: noise(100_000) },
      { type: "blob", data: new Uint8Array(2_000_000) },
      { type: "tree", data: tree },
      { type: "commit", data: commit },
      { type: "tag", data: tag },
    ],
    "sha1",
  );
}

function damages(): string[] {
  // Written here, the zlib stream would be this host's: what is compared is how the same bytes are read.
  const pack = Uint8Array.from(atob(SMALL_PACK), (character) => character.charCodeAt(0));
  const body = pack.subarray(0, -20);
  return Array.from(body, (_, index) => index).flatMap((index) =>
    [0x01, 0x10, 0x80, 0xff].map((flip) => {
      const changed = body.slice();
      changed[index] = (changed[index] ?? 0) ^ flip;
      const signed = join([changed, createHasher("sha1").update(changed).digest()]);
      return verdict(() => Array.from(readPackObjects(signed, { format: "sha1" }), ({ oid }) => oid));
    }),
  );
}

/** Two blobs, the second a delta of the first: 138 bytes that git wrote. */
const SMALL_PACK =
  "UEFDSwAAAAIAAAACtw94nMvJzEtVMFDIT1Mozs9NVShJrSjhygGJGWIRM8IiZoxFzASLmCkWMTMsYuZYxCywiFliczNWj6D5JDe/KJULABTrUo52UaomDhL/OTLJPhMeG4U4hvv4fdB4nPvO+IlxwicAC7IDbkYhPNojvgwczYyc9cKwrIGkY1Du";

function verdict(decode: () => unknown): string {
  try {
    return JSON.stringify(decode());
  } catch (error) {
    if (error instanceof ProtocolError) return error.code;
    throw error;
  }
}

function feedInPieces(decoder: { feed(chunk: Uint8Array): unknown }, bytes: Uint8Array): void {
  for (let start = 0; start < bytes.length; start += 13) decoder.feed(bytes.subarray(start, start + 13));
}

/** Bytes that do not compress and are the same everywhere. */
function noise(length: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state >>> 24;
  });
}

function bytesOf(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    joined.set(piece, offset);
    offset += piece.length;
  }
  return joined;
}
