// Reads advertisements of upload-pack and receive-pack, all versions, with or without smart HTTP's header.

import type { CapabilityAdvertisement, GitService, RefAdvertisement } from "./advertisement.ts";
import { decodeText } from "./byte-text.ts";
import { CapabilityList, objectFormatOf, parseCapabilities } from "./capabilities.ts";
import { ProtocolError, type ProtocolErrorCode } from "./errors.ts";
import { type ProtocolLimits, resolveLimits } from "./limits.ts";
import type { MessageDecoder } from "./message-decoder.ts";
import { isObjectId, type ObjectFormat, type ObjectId, objectIdHexLength } from "./object-id.ts";
import { PacketScanner, type PktLineKind } from "./pkt-line/packet-scanner.ts";
import { throwIfInsidePacket } from "./pkt-line/pkt-line-decoder.ts";
import { textOf } from "./pkt-line/pkt-line-encoder.ts";
import { throwIfErrPacket } from "./pkt-line/remote-error.ts";
import { RefCollector } from "./ref-collector.ts";
import type { RefTable } from "./ref-table.ts";

/**
 * A v0 or v1 advertisement as it was decoded. `refs` is derived from `table` when it is first asked for.
 * gitprotocol-pack(5), "Reference Discovery".
 */
export interface DecodedRefAdvertisement extends RefAdvertisement {
  readonly table: RefTable;
}

/**
 * What {@link AdvertisementDecoder} gives. Tell the two apart by `version`.
 * gitprotocol-pack(5), "Reference Discovery".
 */
export type DecodedAdvertisement = DecodedRefAdvertisement | CapabilityAdvertisement;

/** Options of {@link AdvertisementDecoder}. */
export interface AdvertisementDecoderOptions {
  readonly service: GitService;
  /** True for the body of `GET …/info/refs`, where a `# service=` header may come first. */
  readonly smartHttp: boolean;
  readonly limits?: Partial<ProtocolLimits>;
}

type State =
  | "start"
  | "service-header"
  | "first"
  | "first-ref"
  | "refs"
  | "shallow"
  | "capabilities"
  | "done";

const NUL = 0;
const LF = 0x0a;
const SPACE = 0x20;

/**
 * Decodes one advertisement: gitprotocol-pack(5), "Reference Discovery"; gitprotocol-http(5), "Smart Server Response";
 * gitprotocol-v2(5), "Capability Advertisement".
 *
 * The version is what the server says, not what was asked. Keeps none of the bytes it was fed.
 */
export class AdvertisementDecoder implements MessageDecoder<DecodedAdvertisement> {
  readonly #service: GitService;
  readonly #smartHttp: boolean;
  readonly #limits: ProtocolLimits;
  readonly #scanner: PacketScanner;
  readonly #collector: RefCollector;
  #state: State = "start";
  #version: 0 | 1 | 2 = 0;
  #objectFormat: ObjectFormat = "sha1";
  #idLength: 40 | 64 = 40;
  #capabilities: CapabilityList = new CapabilityList();
  readonly #capabilityLines: string[] = [];
  readonly #shallow: ObjectId[] = [];
  readonly #alternateTips: ObjectId[] = [];
  #rest: Uint8Array = new Uint8Array(0);

  constructor(options: AdvertisementDecoderOptions) {
    this.#service = options.service;
    this.#smartHttp = options.smartHttp;
    this.#limits = resolveLimits(options.limits);
    this.#scanner = new PacketScanner(this.#limits.maxPktPayloadBytes);
    this.#collector = new RefCollector(this.#objectFormat, this.#limits, "advertisement");
  }

  /**
   * Decode a chunk of any size.
   *
   * @returns true at the final flush-pkt; later bytes of the chunk are in {@link rest}.
   * @throws {ProtocolError} `REF_LINE_INVALID`, `SHALLOW_INVALID`, `CAPABILITY_INVALID`, `SERVICE_MISMATCH`,
   * `VERSION_UNSUPPORTED`, `OBJECT_FORMAT_UNSUPPORTED`, `DELIM_UNEXPECTED`, `RESPONSE_END_UNEXPECTED`, `REMOTE_ERROR`,
   * `LIMIT_EXCEEDED`, `NOT_GIT`, the `PKT_*` codes.
   */
  feed(chunk: Uint8Array): boolean {
    if (this.#state === "done") {
      this.#rest = chunk;
      return true;
    }
    if (this.#scanner.feed(chunk, this.#onPacket)) return false;
    this.#rest = this.#scanner.rest;
    return true;
  }

  /** After the end: bytes of the last chunk behind the final flush-pkt. A view. */
  rest(): Uint8Array {
    return this.#rest;
  }

  /**
   * The advertisement, once the stream ended or {@link feed} returned true.
   *
   * @throws {ProtocolError} `PKT_TRUNCATED` inside a packet, `STREAM_TRUNCATED` between packets,
   * `ADVERTISEMENT_EMPTY` when nothing at all came.
   */
  finish(): DecodedAdvertisement {
    if (this.#state !== "done") throw this.#incomplete();
    const capabilities = this.#capabilities;
    const objectFormat = this.#objectFormat;
    if (this.#version === 2) return { version: 2, capabilities, objectFormat };
    const table = this.#collector.finish(capabilities.getAll("symref"));
    const oid = table.head?.oid;
    return {
      version: this.#version,
      objectFormat,
      capabilities,
      table,
      get refs() {
        return table.toArray();
      },
      ...(oid === undefined ? {} : { head: { oid } }),
      shallow: this.#shallow,
      alternateTips: this.#alternateTips,
      invalidNames: this.#collector.invalidNames,
    };
  }

  readonly #onPacket = (kind: PktLineKind, source: Uint8Array, start: number, end: number): boolean => {
    if (kind === "flush") return this.#onFlush();
    if (kind !== "data") {
      const code = kind === "delim" ? "DELIM_UNEXPECTED" : "RESPONSE_END_UNEXPECTED";
      throw this.#invalid(code, `a ${kind}-pkt`, source, start, end);
    }
    throwIfErrPacket(source, start, end, "advertisement", this.#limits);
    this.#collector.count(end - start + 4);
    if (this.#state === "refs") this.#onRef(source, start, end);
    else this.#onHeadLine(source, start, end);
    return true;
  };

  #onFlush(): boolean {
    if (this.#state === "service-header") {
      this.#state = "first";
      return true;
    }
    if (this.#state === "capabilities") {
      this.#capabilities = new CapabilityList(this.#capabilityLines);
      this.#objectFormat = objectFormatOf(this.#capabilities);
    }
    this.#state = "done";
    return false;
  }

  /** Lines that come before or after the ref list: at most a few. */
  #onHeadLine(source: Uint8Array, start: number, end: number): void {
    const state = this.#state;
    if (state === "service-header") return;
    if (state === "capabilities") {
      if (this.#capabilityLines.length >= this.#limits.maxCapabilities) {
        throw new ProtocolError("LIMIT_EXCEEDED", "Cannot read advertisement: too many capabilities", {
          phase: "advertisement",
          details: { limit: "maxCapabilities" },
        });
      }
      const line = textOf(source.subarray(start, end));
      if (line.startsWith("=") || line.includes("\0")) {
        throw this.#invalid("CAPABILITY_INVALID", "a capability without a name", source, start, end);
      }
      if (line !== "") this.#capabilityLines.push(line);
      return;
    }
    if (state === "shallow") {
      if (!this.#takeShallow(source, start, end))
        throw this.#invalid("SHALLOW_INVALID", "a ref after shallow lines", source, start, end);
      return;
    }
    if (state === "start" || state === "first") {
      if (this.#takePrelude(source, start, end)) return;
    }
    this.#onFirstRef(source, start, end);
  }

  /** `# service=` and `version N` lines. Only these whole lines count: a branch may well be named "version 2". */
  #takePrelude(source: Uint8Array, start: number, end: number): boolean {
    const line = end - start > 64 ? "" : textOf(source.subarray(start, end));
    if (this.#state === "start" && this.#smartHttp && line.startsWith("# service=")) {
      if (line.slice(10).trim() !== this.#service) {
        throw this.#invalid("SERVICE_MISMATCH", "another service", source, start, end);
      }
      this.#state = "service-header";
      return true;
    }
    if (!line.startsWith("version ")) return false;
    if (line === "version 1") {
      this.#version = 1;
      this.#state = "first-ref";
    } else if (line === "version 2") {
      this.#version = 2;
      this.#state = "capabilities";
    } else {
      throw this.#invalid("VERSION_UNSUPPORTED", "a protocol version other than 1 or 2", source, start, end);
    }
    return true;
  }

  /** The first ref line carries the capabilities, and through them the width of all ids. */
  #onFirstRef(source: Uint8Array, start: number, end: number): void {
    const nul = source.subarray(start, end).indexOf(NUL);
    if (nul >= 0) {
      const stop = source[end - 1] === LF ? end - 1 : end;
      this.#capabilities = parseCapabilities(decodeText(source.subarray(start + nul + 1, stop)));
      this.#objectFormat = objectFormatOf(this.#capabilities);
      this.#idLength = objectIdHexLength(this.#objectFormat);
      this.#collector.useFormat(this.#objectFormat);
    }
    this.#state = "refs";
    this.#onRef(source, start, end);
  }

  #onRef(source: Uint8Array, start: number, end: number): void {
    const nameStart = start + this.#idLength + 1;
    const { rows } = this.#collector;
    if (end <= nameStart || source[nameStart - 1] !== SPACE) {
      if (this.#takeShallow(source, start, end)) return;
      throw this.#invalid("REF_LINE_INVALID", "a line that is no ref", source, start, end);
    }
    if (!rows.readId(source, start)) {
      if (this.#takeShallow(source, start, end)) return;
      throw this.#invalid("REF_LINE_INVALID", "a line without object id", source, start, end);
    }
    // Capabilities belong to the first line; a NUL section further down is ignored, as git does.
    if (rows.add(source, nameStart, source[end - 1] === LF ? end - 1 : end, NUL)) return;
    const { nameEnd } = rows;
    if (endsWithPeelSuffix(source, nameStart, nameEnd)) {
      // Of a tag that was set aside, or of `capabilities^{}`, the line of a repository without refs.
      if (rows.isLastName(source, nameStart, nameEnd - 3)) rows.peelLast();
    } else if (isDotHave(source, nameStart, nameEnd)) {
      this.#alternateTips.push(rows.id);
    } else {
      this.#collector.setAside(source, nameStart, nameEnd);
    }
  }

  #takeShallow(source: Uint8Array, start: number, end: number): boolean {
    if (end - start > this.#idLength + 9) return false;
    const line = textOf(source.subarray(start, end));
    const oid = line.slice(8).toLowerCase();
    if (!line.startsWith("shallow ") || !isObjectId(oid, this.#objectFormat)) return false;
    this.#state = "shallow";
    this.#shallow.push(oid);
    return true;
  }

  #incomplete(): ProtocolError {
    throwIfInsidePacket(this.#scanner);
    if (this.#scanner.offset > 0) {
      return new ProtocolError(
        "STREAM_TRUNCATED",
        "Cannot read advertisement: it ended before its flush-pkt",
        {
          phase: "advertisement",
          offset: this.#scanner.offset,
        },
      );
    }
    const hint = this.#smartHttp
      ? "the answer is empty"
      : "the remote closed the connection without a word, so the repository may be missing or closed to us";
    return new ProtocolError("ADVERTISEMENT_EMPTY", `Cannot read advertisement: ${hint}`, {
      phase: "advertisement",
    });
  }

  #invalid(
    code: ProtocolErrorCode,
    found: string,
    source: Uint8Array,
    start: number,
    end: number,
  ): ProtocolError {
    return new ProtocolError(code, `Cannot read advertisement: found ${found}`, {
      phase: "advertisement",
      offset: this.#scanner.offset,
      excerpt: source.subarray(start, end),
    });
  }
}

function isDotHave(source: Uint8Array, start: number, end: number): boolean {
  return (
    end - start === 5 &&
    source[start] === 0x2e &&
    source[start + 1] === 0x68 &&
    source[start + 2] === 0x61 &&
    source[start + 3] === 0x76 &&
    source[start + 4] === 0x65
  );
}

/** True when `source[start..end]` ends in `^{}`. */
function endsWithPeelSuffix(source: Uint8Array, start: number, end: number): boolean {
  return end - start > 3 && source[end - 1] === 0x7d && source[end - 2] === 0x7b && source[end - 3] === 0x5e;
}
