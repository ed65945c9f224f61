// What a server says while and after it works, in the form that the client agreed to.

import { encodeText } from "../byte-text.ts";
import { encodePktLine, MAX_PKT_PAYLOAD_LENGTH } from "../pkt-line/pkt-line-encoder.ts";
import { SidebandEncoder, type SidebandMode } from "../pkt-line/sideband-encoder.ts";

const EMPTY: Uint8Array = new Uint8Array(0);

/** Writes main bytes, progress and a fatal error: in side-band packets, or bare when there is no side-band. */
export class SidebandOutput {
  readonly #encoder: SidebandEncoder | undefined;
  readonly #withProgress: boolean;

  constructor(mode: SidebandMode | "none", withProgress: boolean) {
    this.#encoder = mode === "none" ? undefined : new SidebandEncoder(mode);
    this.#withProgress = withProgress;
  }

  get hasSideband(): boolean {
    return this.#encoder !== undefined;
  }

  /** Band 1, or the bytes themselves: then the result is `data`, not a copy. */
  data(data: Uint8Array): Uint8Array {
    return this.#encoder?.pack(data) ?? data;
  }

  /** Band 2; nothing where the client does not listen. */
  progress(text: string | Uint8Array): Uint8Array {
    return this.#withProgress ? (this.#encoder?.progress(text) ?? EMPTY) : EMPTY;
  }

  /** An empty packet of band 1; nothing without side-band. */
  keepalive(): Uint8Array {
    return this.#encoder?.keepalive() ?? EMPTY;
  }

  /** Band 3; nothing without side-band, where only a cut connection can tell. */
  error(text: string): Uint8Array {
    return this.#encoder?.error(text) ?? EMPTY;
  }

  /** The flush-pkt behind the last packet; nothing without side-band. */
  end(): Uint8Array {
    return this.#encoder?.flush() ?? EMPTY;
  }
}

/** `ERR`, in place of any packet outside side-band: gitprotocol-pack(5), "pkt-line Format". Long text is cut. */
export function encodeErrPacket(text: string): Uint8Array {
  return encodePktLine(encodeText(`ERR ${text}`).subarray(0, MAX_PKT_PAYLOAD_LENGTH));
}
