// Reads update-requests. Server side.

import { CapabilityList, objectFormatOf, parseCapabilities } from "./capabilities.ts";
import { ProtocolError } from "./errors.ts";
import { type ProtocolLimits, resolveLimits } from "./limits.ts";
import { isZeroObjectId, type ObjectFormat, type ObjectId, parseObjectId } from "./object-id.ts";
import type { PktLineKind } from "./pkt-line/packet-scanner.ts";
import { PktLineDecoder } from "./pkt-line/pkt-line-decoder.ts";
import { textOf } from "./pkt-line/pkt-line-encoder.ts";
import { parseRefName } from "./ref-name.ts";
import type { RefUpdateCommand } from "./update-request.ts";
import { throwIfRequestExceeds } from "./v2-command.ts";

/** An update-request as received. */
export interface DecodedUpdateRequest {
  readonly commands: readonly RefUpdateCommand[];
  readonly capabilities: CapabilityList;
  readonly objectFormat: ObjectFormat;
  readonly shallow: readonly ObjectId[];
  /** Empty unless `push-options` was agreed. */
  readonly pushOptions: readonly string[];
}

/** Decodes an update-request: gitprotocol-pack(5), "Reference Update Request and Packfile Transfer". */
export class UpdateRequestDecoder {
  readonly #limits: ProtocolLimits;
  readonly #decoder: PktLineDecoder;
  #state: "commands" | "options" | "done" = "commands";
  #capabilities: CapabilityList = new CapabilityList();
  #objectFormat: ObjectFormat = "sha1";
  readonly #commands: RefUpdateCommand[] = [];
  readonly #shallow: ObjectId[] = [];
  readonly #pushOptions: string[] = [];
  #lines = 0;
  #bytes = 0;

  constructor(options?: { readonly limits?: Partial<ProtocolLimits> }) {
    this.#limits = resolveLimits(options?.limits);
    this.#decoder = new PktLineDecoder(this.#limits);
  }

  /**
   * Decode a chunk of any size.
   *
   * @returns true at the end of the request; the pack, if one is due, begins with {@link rest}.
   * @throws {ProtocolError} `REQUEST_INVALID`, `REF_NAME_INVALID`, `OBJECT_ID_INVALID`, `OBJECT_FORMAT_UNSUPPORTED`,
   * `LIMIT_EXCEEDED`, `NOT_GIT`, `PKT_LENGTH_INVALID`.
   */
  feed(chunk: Uint8Array): boolean {
    return this.#state === "done" || !this.#decoder.feed(chunk, this.#onPacket);
  }

  /** After the end: bytes of the last chunk behind the request. A view. */
  rest(): Uint8Array {
    return this.#decoder.rest();
  }

  /**
   * The request.
   *
   * @throws {ProtocolError} `PKT_TRUNCATED` or `STREAM_TRUNCATED` unless {@link feed} returned true.
   */
  result(): DecodedUpdateRequest {
    if (this.#state !== "done") {
      this.#decoder.finish();
      throw new ProtocolError(
        "STREAM_TRUNCATED",
        "Cannot read update-request: it ended before its flush-pkt",
        {
          phase: "update-request",
          offset: this.#decoder.offset,
        },
      );
    }
    return {
      commands: this.#commands,
      capabilities: this.#capabilities,
      objectFormat: this.#objectFormat,
      shallow: this.#shallow,
      pushOptions: this.#pushOptions,
    };
  }

  readonly #onPacket = (kind: PktLineKind, payload: Uint8Array): boolean => {
    if (kind === "flush") {
      const optionsFollow = this.#state === "commands" && this.#capabilities.has("push-options");
      this.#state = optionsFollow ? "options" : "done";
      return optionsFollow;
    }
    if (kind !== "data") throw invalid(`a ${kind}-pkt`, payload);
    this.#lines += 1;
    this.#bytes += payload.length + 4;
    throwIfRequestExceeds(this.#limits, this.#lines, this.#bytes);
    if (this.#state === "options") this.#pushOptions.push(textOf(payload));
    else this.#onLine(textOf(payload), payload);
    return true;
  };

  #onLine(line: string, payload: Uint8Array): void {
    if (this.#commands.length === 0 && line.startsWith("shallow ")) {
      this.#shallow.push(parseObjectId(line.slice(8)));
      return;
    }
    const nul = line.indexOf("\0");
    if (nul >= 0 && this.#commands.length === 0) {
      this.#capabilities = parseCapabilities(line.slice(nul + 1));
      this.#objectFormat = objectFormatOf(this.#capabilities);
    }
    const match = /^([0-9A-Fa-f]+) ([0-9A-Fa-f]+) (.+)$/s.exec(nul >= 0 ? line.slice(0, nul) : line);
    if (match === null) throw invalid("a line that is no command", payload);
    const oldId = parseObjectId(match[1] ?? "", this.#objectFormat);
    const newId = parseObjectId(match[2] ?? "", this.#objectFormat);
    const ref = parseRefName(match[3] ?? "");
    if (isZeroObjectId(oldId)) {
      if (isZeroObjectId(newId)) throw invalid("a command that does nothing", payload);
      this.#commands.push({ type: "create", ref, newId });
    } else if (isZeroObjectId(newId)) this.#commands.push({ type: "delete", ref, oldId });
    else this.#commands.push({ type: "update", ref, oldId, newId });
  }
}

function invalid(found: string, excerpt: Uint8Array): ProtocolError {
  return new ProtocolError("REQUEST_INVALID", `Cannot read update-request: found ${found}`, {
    phase: "update-request",
    excerpt,
  });
}
