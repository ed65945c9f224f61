// Puts pack data, progress and errors into side-band packets. Server side.

import { encodeText } from "../byte-text.ts";
import { FLUSH_PKT, writePktLength } from "./pkt-line-encoder.ts";

/** The two sizes of side-band (gitprotocol-capabilities(5), "side-band, side-band-64k"). */
export type SidebandMode = "side-band" | "side-band-64k";

/** The bands by name. */
export type SidebandChannel = "pack" | "progress" | "error";

const BAND: Readonly<Record<SidebandChannel, number>> = { pack: 1, progress: 2, error: 3 };

// Total packet sizes are 1000 and 65520; four bytes of pkt-len and the band are part of them.
const MAX_DATA: Readonly<Record<SidebandMode, number>> = { "side-band": 995, "side-band-64k": 65515 };

/**
 * Writes side-band packets: gitprotocol-pack(5), "Packfile Data". Each method returns new bytes, cut into as many
 * packets as needed.
 */
export class SidebandEncoder {
  readonly #maxData: number;

  constructor(mode: SidebandMode = "side-band-64k") {
    this.#maxData = MAX_DATA[mode];
  }

  /** Band 1; empty data gives no packet. */
  pack(data: Uint8Array): Uint8Array {
    return this.#encode("pack", data);
  }

  /** Band 2; text is UTF-8. */
  progress(text: Uint8Array | string): Uint8Array {
    return this.#encode("progress", typeof text === "string" ? encodeText(text) : text);
  }

  /** Band 3: the connection is over after it. Longer text than one packet holds is cut. */
  error(text: string): Uint8Array {
    return this.#encode("error", encodeText(text).subarray(0, this.#maxData));
  }

  /** An empty band 1 packet, `0005\1`. */
  keepalive(): Uint8Array {
    return Uint8Array.of(0x30, 0x30, 0x30, 0x35, BAND.pack);
  }

  /** The flush-pkt that ends the stream. */
  flush(): Uint8Array {
    return FLUSH_PKT.slice();
  }

  #encode(channel: SidebandChannel, data: Uint8Array): Uint8Array {
    const packets = Math.ceil(data.length / this.#maxData);
    const encoded = new Uint8Array(data.length + 5 * packets);
    let written = 0;
    for (let start = 0; start < data.length; start += this.#maxData) {
      const piece = data.subarray(start, start + this.#maxData);
      writePktLength(encoded, written, piece.length + 1);
      encoded[written + 4] = BAND[channel];
      encoded.set(piece, written + 5);
      written += piece.length + 5;
    }
    return encoded;
  }
}
