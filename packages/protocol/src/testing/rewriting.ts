// What was read of a recording, written again; and packs as text.

import { ProtocolError } from "../errors.ts";
import type { ObjectFormat } from "../object-id.ts";
import { encodePackEntryHeader } from "../pack/entry.ts";
import { createHasher } from "../pack/hasher.ts";
import { encodePackHeader } from "../pack/header.ts";
import { PackReader } from "../pack/pack-reader.ts";
import { readPackObjects } from "../pack/reader.ts";
import { PktLineDecoder } from "../pkt-line/pkt-line-decoder.ts";
import { FLUSH_PKT } from "../pkt-line/pkt-line-encoder.ts";
import { decodeSidebandPacket, encodeSidebandPacket } from "../pkt-line/sideband-packet.ts";
import { encodeErrPacket } from "../server/sideband-output.ts";
import { concat } from "./bytes.ts";

/** The payload of the one packet that `bytes` are. */
export function onlyPacket(bytes: Uint8Array): Uint8Array {
  const decoder = new PktLineDecoder();
  let packet: Uint8Array = new Uint8Array(0);
  decoder.feed(bytes, (_, payload) => {
    packet = payload.slice();
    return false;
  });
  decoder.finish();
  return packet;
}

/** Each packet of side-band read and written again; what band 1 holds is taken from `main`, where that is given. */
export function rewriteSideband(bytes: Uint8Array, main?: Uint8Array): Uint8Array {
  const pieces: Uint8Array[] = [];
  let taken = 0;
  const decoder = new PktLineDecoder();
  decoder.feed(bytes, (kind, payload) => {
    if (kind === "flush") return void pieces.push(FLUSH_PKT.slice());
    const { band, data } = decodeSidebandPacket(payload);
    const own = band === "pack" && main !== undefined ? main.slice(taken, (taken += data.length)) : data;
    pieces.push(encodeSidebandPacket({ band, data: own }));
    return undefined;
  });
  decoder.finish();
  return concat(...pieces);
}

/** What a server refuses with, written again; nothing where it only closed the connection. */
export function rewriteRefusal(error: unknown): Uint8Array {
  if (!(error instanceof ProtocolError)) throw error;
  return error.code === "REMOTE_ERROR" ? encodeErrPacket(error.details.message ?? "") : new Uint8Array(0);
}

/** Header, entry headers and trailer are written anew; what zlib made is kept. */
export function rewritePack(bytes: Uint8Array, format: ObjectFormat): Uint8Array {
  const pieces: Uint8Array[] = [];
  const reader = new PackReader({
    format,
    onEntry: (entry) => {
      const start = entry.offset + entry.headerLength;
      pieces.push(
        encodePackEntryHeader(
          entry.type === "ofs-delta"
            ? { type: "ofs-delta", size: entry.size, baseDistance: entry.offset - entry.baseOffset }
            : entry,
        ),
        bytes.subarray(start, start + entry.packedLength),
      );
    },
  });
  reader.feed(bytes);
  const body = concat(encodePackHeader(reader.header?.objectCount ?? 0), ...pieces);
  return concat(body, createHasher(format).update(body).digest());
}

const packDescriptions = new Map<string, string>();

/** The same pack comes out of every cut, so it is read once. */
export function describePack(bytes: Uint8Array, format: ObjectFormat = "sha1"): string {
  if (bytes.length === 0) return "";
  const hash = hashOf(bytes);
  const known = packDescriptions.get(hash);
  if (known !== undefined) return known;
  let description: string;
  try {
    const ids = Array.from(readPackObjects(bytes, { format }), ({ oid, type }) => `${oid} ${type}`);
    description = [`pack ${hash}`, ...ids.sort()].join("\n");
  } catch (error) {
    description = `pack ${hash} ${error instanceof ProtocolError ? error.code : "?"}`;
  }
  packDescriptions.set(hash, description);
  return description;
}

/** SHA-1, in hex. */
export function hashOf(bytes: Uint8Array): string {
  return createHasher("sha1").update(bytes).digestHex();
}
