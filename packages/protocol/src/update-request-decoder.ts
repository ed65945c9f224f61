// Reads update-requests. Server side.

import { CapabilityList, objectFormatOf, parseCapabilities } from "./capabilities.ts";
import type { ProtocolError } from "./errors.ts";
import { resolveLimits } from "./limits.ts";
import { LineReader, type RequestDecoderOptions } from "./line-reader.ts";
import type { MessageDecoder } from "./message-decoder.ts";
import { type ObjectFormat, type ObjectId, parseObjectId } from "./object-id.ts";
import type { PktLineKind } from "./pkt-line/packet-scanner.ts";
import { PktLineWriter } from "./pkt-line/pkt-line-encoder.ts";
import { decodePushCertificate, type ReceivedPushCertificate } from "./push-certificate.ts";
import { parseCommandLine, type RefUpdateCommand } from "./ref-update-command.ts";

/** An update-request as received. */
export interface DecodedUpdateRequest {
  /** What is asked, signed or not. */
  readonly commands: readonly RefUpdateCommand[];
  readonly capabilities: CapabilityList;
  readonly objectFormat: ObjectFormat;
  readonly shallow: readonly ObjectId[];
  /** Empty unless `push-options` was agreed. */
  readonly pushOptions: readonly string[];
  /** Of a signed push. Nobody has verified its signature or its nonce yet. */
  readonly certificate?: ReceivedPushCertificate;
}

/** Decodes an update-request: gitprotocol-pack(5), "Reference Update Request and Packfile Transfer". */
export class UpdateRequestDecoder implements MessageDecoder<DecodedUpdateRequest> {
  readonly #reader: LineReader;
  #state: "commands" | "certificate" | "options" = "commands";
  #sawCapabilities = false;
  #capabilities: CapabilityList = new CapabilityList();
  #objectFormat: ObjectFormat = "sha1";
  #commands: readonly RefUpdateCommand[] = [];
  readonly #unsigned: RefUpdateCommand[] = [];
  readonly #shallow: ObjectId[] = [];
  readonly #pushOptions: string[] = [];
  readonly #certificateBytes = new PktLineWriter();
  #certificate: ReceivedPushCertificate | undefined;

  constructor(options?: RequestDecoderOptions) {
    const limits = resolveLimits(options?.limits);
    this.#reader = new LineReader(
      { name: "update-request", phase: "update-request", limits, side: "request" },
      this.#onPacket,
    );
  }

  /**
   * Decode a chunk of any size.
   *
   * @returns true at the end of the request; the pack, if one is due, begins with {@link rest}.
   * @throws {ProtocolError} `REQUEST_INVALID`, `CERTIFICATE_INVALID`, `REF_NAME_INVALID`, `OBJECT_ID_INVALID`,
   * `OBJECT_FORMAT_UNSUPPORTED`, `REMOTE_ERROR` (ERR packet), `LIMIT_EXCEEDED`, `NOT_GIT`, the `PKT_*` codes.
   */
  feed(chunk: Uint8Array): boolean {
    return this.#reader.feed(chunk);
  }

  /** After the end: bytes of the last chunk behind the request. A view. */
  rest(): Uint8Array {
    return this.#reader.rest();
  }

  /**
   * The request.
   *
   * @throws {ProtocolError} `PKT_TRUNCATED` or `STREAM_TRUNCATED` unless {@link feed} returned true.
   */
  finish(): DecodedUpdateRequest {
    this.#reader.finish();
    return {
      commands: this.#commands,
      capabilities: this.#capabilities,
      objectFormat: this.#objectFormat,
      shallow: this.#shallow,
      pushOptions: this.#pushOptions,
      ...(this.#certificate === undefined ? {} : { certificate: this.#certificate }),
    };
  }

  readonly #onPacket = (kind: PktLineKind, line: string, payload: Uint8Array): boolean => {
    if (kind !== "data" && kind !== "flush") throw this.#invalid(`a ${kind}-pkt`, payload);
    if (this.#state === "certificate") this.#onCertificateLine(kind, line, payload);
    else if (kind === "flush") return this.#onFlush();
    else if (this.#state === "options") this.#pushOptions.push(line);
    else this.#onLine(line, payload);
    return false;
  };

  #onFlush(): boolean {
    if (this.#state === "commands") {
      this.#commands = this.#certificate?.commands ?? this.#unsigned;
      if (this.#capabilities.has("push-options")) {
        this.#state = "options";
        return false;
      }
    }
    const signed = this.#certificate?.pushOptions;
    if (signed !== undefined && signed.join("\n") !== this.#pushOptions.join("\n")) {
      throw this.#reader.error("CERTIFICATE_INVALID", "other push options than those that are signed");
    }
    return true;
  }

  #onLine(line: string, payload: Uint8Array): void {
    const hasBegun = this.#unsigned.length > 0 || this.#certificate !== undefined;
    if (!hasBegun && line.startsWith("shallow ")) {
      this.#shallow.push(parseObjectId(line.slice(8)));
      return;
    }
    const nul = line.indexOf("\0");
    if (nul >= 0 && !this.#sawCapabilities) {
      this.#sawCapabilities = true;
      this.#capabilities = parseCapabilities(line.slice(nul + 1));
      this.#objectFormat = objectFormatOf(this.#capabilities);
    }
    const command = nul >= 0 ? line.slice(0, nul) : line;
    if (command === "push-cert" && !hasBegun) this.#state = "certificate";
    else if (this.#certificate !== undefined) throw this.#invalid("a command beside a certificate", payload);
    else this.#unsigned.push(parseCommandLine(command, this.#objectFormat));
  }

  #onCertificateLine(kind: "data" | "flush", line: string, payload: Uint8Array): void {
    if (kind === "flush") {
      throw this.#reader.error("CERTIFICATE_INVALID", "a flush-pkt before push-cert-end", payload);
    }
    if (line !== "push-cert-end") {
      this.#certificateBytes.raw(payload);
      return;
    }
    this.#certificate = decodePushCertificate(this.#certificateBytes.take(), this.#objectFormat);
    this.#state = "commands";
  }

  #invalid(found: string, payload: Uint8Array): ProtocolError {
    return this.#reader.error("REQUEST_INVALID", found, payload);
  }
}
