// The v2 command object-info, both directions: sizes of objects without the objects.

import { hasFeature } from "./capabilities.ts";
import { ProtocolError } from "./errors.ts";
import { type ProtocolLimits, resolveLimits } from "./limits.ts";
import { LineReader } from "./line-reader.ts";
import type { MessageDecoder } from "./message-decoder.ts";
import { isObjectId, type ObjectFormat, type ObjectId, parseObjectId } from "./object-id.ts";
import type { PktLineKind } from "./pkt-line/packet-scanner.ts";
import { PktLineWriter } from "./pkt-line/pkt-line-encoder.ts";
import { invalidArgument, type V2Command, type V2Session, writeCommand } from "./v2-command.ts";

/** What to ask: gitprotocol-v2(5), "object-info". */
export interface ObjectInfoRequest {
  /** Ask for sizes. Without, the answer only tells which objects there are. */
  readonly size: boolean;
  readonly oids: readonly ObjectId[];
}

/** What the server knows about one object. */
export type ObjectInfoEntry =
  | {
      readonly type: "found";
      readonly oid: ObjectId;
      /** Bytes of its content, when asked for. */ readonly size?: number;
    }
  | { readonly type: "missing"; readonly oid: ObjectId };

/** An answer: gitprotocol-v2(5), "object-info". */
export interface ObjectInfo {
  /** The server reports sizes. */
  readonly size: boolean;
  /** In the order asked for. */
  readonly objects: readonly ObjectInfoEntry[];
}

/**
 * An object-info command: gitprotocol-v2(5), "object-info". A new array.
 *
 * @throws {ProtocolError} `CAPABILITY_MISSING` when the server has no object-info, or none with sizes.
 */
export function encodeObjectInfoRequest(request: ObjectInfoRequest, session: V2Session): Uint8Array {
  const features = session.capabilities.get("object-info");
  if (request.size && features !== undefined && !hasFeature(session.capabilities, "object-info", "size")) {
    throw new ProtocolError("CAPABILITY_MISSING", "Cannot ask for sizes: the server does not report them", {
      phase: "object-info",
      details: { capability: "object-info=size" },
    });
  }
  const writer = new PktLineWriter();
  writeCommand(writer, "object-info", session);
  if (request.size) writer.line("size\n");
  for (const oid of request.oids) writer.line(`oid ${oid}\n`);
  return writer.flush().take();
}

/**
 * The arguments of an object-info command: gitprotocol-v2(5), "object-info". Server side.
 *
 * @throws {ProtocolError} `REQUEST_INVALID`, `OBJECT_ID_INVALID`.
 */
export function decodeObjectInfoRequest(command: V2Command, objectFormat: ObjectFormat): ObjectInfoRequest {
  const oids: ObjectId[] = [];
  let size = false;
  for (const argument of command.args) {
    if (argument === "size") size = true;
    else if (argument.startsWith("oid ")) oids.push(parseObjectId(argument.slice(4), objectFormat));
    else throw invalidArgument("object-info", argument);
  }
  return { size, oids };
}

/** An answer, without LF as git writes it: gitprotocol-v2(5), "object-info". Server side. A new array. */
export function encodeObjectInfo(info: ObjectInfo): Uint8Array {
  const writer = new PktLineWriter();
  if (info.size) writer.line("size");
  for (const entry of info.objects) {
    if (entry.type === "missing") writer.line(`${entry.oid} `);
    else writer.line(entry.size === undefined ? entry.oid : `${entry.oid} ${entry.size}`);
  }
  return writer.flush().take();
}

/** Decodes an answer to object-info: gitprotocol-v2(5), "object-info". */
export class ObjectInfoDecoder implements MessageDecoder<ObjectInfo> {
  readonly #reader: LineReader;
  readonly #format: ObjectFormat;
  #size = false;
  readonly #objects: ObjectInfoEntry[] = [];

  constructor(options: { readonly objectFormat: ObjectFormat; readonly limits?: Partial<ProtocolLimits> }) {
    this.#format = options.objectFormat;
    const limits = resolveLimits(options.limits);
    this.#reader = new LineReader(
      { name: "object-info answer", phase: "object-info", limits, side: "response" },
      this.#onPacket,
    );
  }

  /**
   * Decode a chunk of any size.
   *
   * @returns true at the flush-pkt; later bytes are in {@link rest}.
   * @throws {ProtocolError} `OBJECT_INFO_INVALID`, `DELIM_UNEXPECTED`, `RESPONSE_END_UNEXPECTED`, `REMOTE_ERROR`,
   * `LIMIT_EXCEEDED`, `NOT_GIT`, the `PKT_*` codes.
   */
  feed(chunk: Uint8Array): boolean {
    return this.#reader.feed(chunk);
  }

  /** After the end: bytes of the last chunk behind the flush-pkt. A view. */
  rest(): Uint8Array {
    return this.#reader.rest();
  }

  /** @throws {ProtocolError} `PKT_TRUNCATED` or `STREAM_TRUNCATED` unless {@link feed} returned true. */
  finish(): ObjectInfo {
    this.#reader.finish();
    return { size: this.#size, objects: this.#objects };
  }

  readonly #onPacket = (kind: PktLineKind, line: string, payload: Uint8Array): boolean => {
    if (kind === "flush") return true;
    if (line === "size" && !this.#size && this.#objects.length === 0) {
      this.#size = true;
      return false;
    }
    const entry = this.#entry(line);
    if (entry === undefined) {
      throw this.#reader.error("OBJECT_INFO_INVALID", "a line that is no object", payload);
    }
    this.#objects.push(entry);
    return false;
  };

  #entry(line: string): ObjectInfoEntry | undefined {
    const [, id = "", separator, digits = ""] = /^([0-9A-Fa-f]+)( ?)([0-9]{0,16})$/.exec(line) ?? [];
    const oid = id.toLowerCase();
    if (!isObjectId(oid, this.#format)) return undefined;
    if (digits === "") {
      if (separator === " ") return { type: "missing", oid };
      return this.#size ? undefined : { type: "found", oid };
    }
    const size = Number(digits);
    return this.#size && separator === " " && Number.isSafeInteger(size)
      ? { type: "found", oid, size }
      : undefined;
  }
}
