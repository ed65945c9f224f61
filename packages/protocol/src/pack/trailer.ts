// Checks a pack's trailer while the pack passes through.

import { ProtocolError } from "../errors.ts";
import { type ProtocolLimits, resolveLimits } from "../limits.ts";
import { hashByteLength, type ObjectFormat } from "../object-id.ts";
import { createHasher, type Hasher } from "./hasher.ts";
import { decodePackHeader, PACK_HEADER_LENGTH } from "./header.ts";

/** Options of {@link PackVerifier}. */
export interface PackVerifierOptions {
  readonly format: ObjectFormat;
  readonly limits?: Partial<ProtocolLimits>;
}

/**
 * Hashes a pack in passing and holds its trailer back until the hash agrees: gitformat-pack(5), "trailer".
 *
 * A receiver that got all but the trailer cannot take the pack for whole, so a corrupted pack is never completed.
 */
export class PackVerifier {
  readonly #trailerLength: 20 | 32;
  readonly #hasher: Hasher;
  readonly #limits: ProtocolLimits;
  /** The last bytes seen, at most a trailer: ours, not a view. */
  #tail: Uint8Array = new Uint8Array(0);
  /** Header bytes until there are 12. */
  #header: Uint8Array | undefined = new Uint8Array(PACK_HEADER_LENGTH);
  #bytes = 0;
  #objectCount: number | undefined;
  #trailer: Uint8Array | undefined;

  constructor(options: PackVerifierOptions) {
    this.#trailerLength = hashByteLength(options.format);
    this.#hasher = createHasher(options.format);
    this.#limits = resolveLimits(options.limits);
  }

  /** Bytes fed so far, trailer included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What the header announces; undefined before its 12 bytes came. */
  get objectCount(): number | undefined {
    return this.#objectCount;
  }

  /**
   * Take a chunk of any size.
   *
   * @returns what may be forwarded now, in order: at most an array of ours with bytes held back before, and a view of
   * `chunk`. The last 20 or 32 bytes are always held back.
   * @throws {ProtocolError} `PACK_INVALID` or `LIMIT_EXCEEDED` for the header, before any of it is forwarded;
   * `STATE_INVALID` after {@link finish}.
   */
  feed(chunk: Uint8Array): Uint8Array[] {
    if (this.#trailer !== undefined) {
      throw new ProtocolError("STATE_INVALID", "Cannot feed a finished pack", { phase: "pack" });
    }
    if (this.#header !== undefined) this.#readHeader(this.#header, chunk);
    this.#bytes += chunk.length;
    const held = this.#tail.length;
    const release = held + chunk.length - this.#trailerLength;
    if (release <= 0) {
      this.#tail = concat(this.#tail, chunk);
      return [];
    }
    const ready: Uint8Array[] = [];
    if (held > 0) ready.push(this.#tail.subarray(0, release));
    if (release > held) ready.push(chunk.subarray(0, release - held));
    this.#tail = concat(this.#tail.subarray(release), chunk.subarray(Math.max(0, release - held)));
    for (const piece of ready) this.#hasher.update(piece);
    return ready;
  }

  /**
   * Declare the end of the pack.
   *
   * @returns the trailer, to be forwarded last; owned by the caller. Later calls return the same.
   * @throws {ProtocolError} `PACK_TRUNCATED` when even an empty pack would be longer, `PACK_CHECKSUM` when the trailer
   * is not the hash of what came before it.
   */
  finish(): Uint8Array {
    if (this.#trailer !== undefined) return this.#trailer;
    if (this.#bytes < PACK_HEADER_LENGTH + this.#trailerLength) {
      throw new ProtocolError("PACK_TRUNCATED", `Cannot verify pack: it ended after ${this.#bytes} bytes`, {
        phase: "pack",
        offset: this.#bytes,
      });
    }
    const digest = this.#hasher.digest();
    const trailer = this.#tail;
    if (digest.some((byte, index) => byte !== trailer[index])) {
      throw new ProtocolError(
        "PACK_CHECKSUM",
        "Cannot verify pack: its trailer is not the hash of its content",
        {
          phase: "pack",
          offset: this.#bytes,
          excerpt: trailer,
        },
      );
    }
    this.#trailer = trailer;
    return trailer;
  }

  #readHeader(header: Uint8Array, chunk: Uint8Array): void {
    header.set(
      chunk.subarray(0, PACK_HEADER_LENGTH - Math.min(PACK_HEADER_LENGTH, this.#bytes)),
      this.#bytes,
    );
    if (this.#bytes + chunk.length < PACK_HEADER_LENGTH) return;
    this.#objectCount = decodePackHeader(header, this.#limits).objectCount;
    this.#header = undefined;
  }
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}
