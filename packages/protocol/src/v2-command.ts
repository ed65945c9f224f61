// Reads v2 commands. Server side.

import type { LsRefsRequest } from "./ls-refs.ts";
import { CapabilityList, parseCapability } from "./capabilities.ts";
import { ProtocolError } from "./errors.ts";
import { FetchArguments } from "./fetch-arguments.ts";
import type { FetchRequest } from "./fetch-request.ts";
import { type ProtocolLimits, resolveLimits } from "./limits.ts";
import type { ObjectFormat } from "./object-id.ts";
import { type PktLineKind } from "./pkt-line/packet-scanner.ts";
import { PktLineDecoder } from "./pkt-line/pkt-line-decoder.ts";
import { textOf } from "./pkt-line/pkt-line-encoder.ts";

/** A v2 command as sent: gitprotocol-v2(5), "Command Request". */
export interface V2Command {
  readonly command: string;
  readonly capabilities: CapabilityList;
  /** Argument lines without LF. Bytes that are not UTF-8 are lone surrogates, as in `RefName`. */
  readonly args: readonly string[];
}

/** Decodes one v2 command of any name. */
export class V2CommandDecoder {
  readonly #limits: ProtocolLimits;
  readonly #decoder: PktLineDecoder;
  #command: string | undefined;
  readonly #capabilities: string[] = [];
  readonly #args: string[] = [];
  #state: "capabilities" | "arguments" | "done" = "capabilities";
  #lines = 0;
  #bytes = 0;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(options?: { readonly limits?: Partial<ProtocolLimits> }) {
    this.#limits = resolveLimits(options?.limits);
    this.#decoder = new PktLineDecoder(this.#limits);
  }

  /**
   * Decode a chunk of any size.
   *
   * @returns true at the flush-pkt; later bytes of the chunk are in {@link rest}.
   * @throws {ProtocolError} `REQUEST_INVALID`, `LIMIT_EXCEEDED`, `NOT_GIT`, `PKT_LENGTH_INVALID`.
   */
  feed(chunk: Uint8Array): boolean {
    if (this.#state !== "done" && this.#decoder.feed(chunk, this.#onPacket)) return false;
    this.#rest = this.#decoder.rest();
    return true;
  }

  /** After the end: bytes of the last chunk behind the flush-pkt. A view. */
  rest(): Uint8Array {
    return this.#rest;
  }

  /**
   * The command; undefined when the client sent only a flush-pkt, which is its goodbye.
   *
   * @throws {ProtocolError} `PKT_TRUNCATED` or `STREAM_TRUNCATED` unless {@link feed} returned true.
   */
  result(): V2Command | undefined {
    if (this.#state !== "done") {
      this.#decoder.finish();
      throw new ProtocolError("STREAM_TRUNCATED", "Cannot read command: it ended before its flush-pkt", {
        phase: "fetch-request",
        offset: this.#decoder.offset,
      });
    }
    if (this.#command === undefined) return undefined;
    return { command: this.#command, capabilities: new CapabilityList(this.#capabilities), args: this.#args };
  }

  readonly #onPacket = (kind: PktLineKind, payload: Uint8Array): boolean => {
    if (kind === "flush") {
      if (this.#command === undefined && this.#lines > 0) throw invalid("no command", payload);
      this.#state = "done";
      return false;
    }
    if (kind === "delim" && this.#state === "capabilities") {
      this.#state = "arguments";
      return true;
    }
    if (kind !== "data") throw invalid(`a ${kind}-pkt`, payload);
    this.#count(payload.length + 4);
    const line = textOf(payload);
    if (this.#state === "arguments") this.#args.push(line);
    else if (line.startsWith("command=")) {
      if (this.#command !== undefined) throw invalid("two commands", payload);
      this.#command = parseCapability(line).value ?? "";
    } else this.#capabilities.push(line);
    return true;
  };

  #count(length: number): void {
    this.#lines += 1;
    this.#bytes += length;
    throwIfRequestExceeds(this.#limits, this.#lines, this.#bytes);
  }
}

/** Bounds every request decoder of the server side. */
export function throwIfRequestExceeds(limits: ProtocolLimits, lines: number, bytes: number): void {
  const limit =
    lines > limits.maxRequestLines
      ? "maxRequestLines"
      : bytes > limits.maxRequestBytes
        ? "maxRequestBytes"
        : undefined;
  if (limit === undefined) return;
  throw new ProtocolError("LIMIT_EXCEEDED", `Cannot read request: more than ${limits[limit]} (${limit})`, {
    phase: "fetch-request",
    details: { limit },
  });
}

/**
 * The arguments of an ls-refs command: gitprotocol-v2(5), "ls-refs". Unknown ones are refused, as git does.
 *
 * @throws {ProtocolError} `REQUEST_INVALID`.
 */
export function decodeLsRefsRequest(command: V2Command): LsRefsRequest {
  const prefixes: string[] = [];
  const flags = { peel: false, symrefs: false, unborn: false };
  for (const argument of command.args) {
    if (argument.startsWith("ref-prefix ")) prefixes.push(argument.slice(11));
    else if (argument === "peel" || argument === "symrefs" || argument === "unborn") flags[argument] = true;
    else throw invalid("an unknown ls-refs argument", new TextEncoder().encode(argument));
  }
  return { ...flags, prefixes };
}

/**
 * The arguments of a fetch command: gitprotocol-v2(5), "fetch".
 *
 * @throws {ProtocolError} `REQUEST_INVALID`, `OBJECT_ID_INVALID`, `REF_NAME_INVALID`.
 */
export function decodeFetchRequestV2(command: V2Command, objectFormat: ObjectFormat): FetchRequest {
  const collected = new FetchArguments(objectFormat);
  for (const argument of command.args) {
    if (!collected.take(argument)) {
      throw invalid("an unknown fetch argument", new TextEncoder().encode(argument.slice(0, 80)));
    }
  }
  return collected.request();
}

function invalid(found: string, excerpt: Uint8Array): ProtocolError {
  return new ProtocolError("REQUEST_INVALID", `Cannot read command: found ${found}`, {
    phase: "fetch-request",
    excerpt,
  });
}
