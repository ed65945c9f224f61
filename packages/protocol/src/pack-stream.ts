// The pack of a fetch answer, inside side-band packets or bare.

import { ProtocolError } from "./errors.ts";
import type { ProtocolLimits } from "./limits.ts";
import { SidebandDecoder, type SidebandHandlers } from "./pkt-line/sideband-decoder.ts";

/** Hands pack bytes on, from side-band packets or as they are. */
export class PackStream {
  readonly #sideband: SidebandDecoder | undefined;
  readonly #onPack: (view: Uint8Array) => void;
  #started = false;

  constructor(sideband: boolean, handlers: SidebandHandlers, limits: ProtocolLimits) {
    this.#onPack = handlers.onPack;
    const progress = handlers.onProgress === undefined ? {} : { onProgress: handlers.onProgress };
    this.#sideband = sideband
      ? new SidebandDecoder({ onPack: handlers.onPack, ...progress, limits })
      : undefined;
  }

  get started(): boolean {
    return this.#started;
  }

  /** Begin; `replay` is the payload of a packet that was read before it was known to be side-band data. */
  start(replay: Uint8Array | undefined): void {
    this.#started = true;
    if (replay !== undefined) this.#sideband?.feedPacket(replay);
  }

  /** @returns true at the end, which only side-band has. */
  feed(chunk: Uint8Array): boolean {
    if (this.#sideband !== undefined) return this.#sideband.feed(chunk);
    if (chunk.length > 0) this.#onPack(chunk);
    return false;
  }

  rest(): Uint8Array {
    return this.#sideband?.rest() ?? new Uint8Array(0);
  }

  /** @throws {ProtocolError} `PACK_TRUNCATED` when side-band did not end in a flush-pkt. */
  finish(): void {
    try {
      this.#sideband?.finish();
    } catch (cause) {
      throw new ProtocolError("PACK_TRUNCATED", "Cannot read pack: the stream ended before its flush-pkt", {
        phase: "fetch-response",
        cause,
      });
    }
  }
}
