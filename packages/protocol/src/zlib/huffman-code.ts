// Decoding tables for the Huffman codes of deflate (RFC 1951, section 3.2.2). Rebuilt in place for every block: the blocks
// of small objects are short, and making their codes takes half of the time.

/** Bits of the longest word. */
const MAX_BITS = 15;
/** Bits that a table looks up at most. */
const MAX_ROOT_BITS = 10;

/** The low 10 bits of each number below 1024, in reverse: words are written high bit first into a stream read low bit first. */
const REVERSED: Uint16Array = /* @__PURE__ */ Uint16Array.from({ length: 1 << MAX_ROOT_BITS }, (_, word) => {
  let reversed = 0;
  for (let bit = 0; bit < MAX_ROOT_BITS; bit += 1) reversed = (reversed << 1) | ((word >> bit) & 1);
  return reversed;
});

/** A code whose words of up to `rootBits` bits are looked up, and whose rare longer words are counted out. */
export class HuffmanCode {
  /** For the next `rootBits` bits of the stream: `symbol << 4 | length`; 0 for a longer word, or for none. */
  readonly table: Uint16Array;
  rootBits = 0;
  /** False when some bits begin no word. */
  complete = false;
  readonly #maxRootBits: number;
  /** For each length: how many words there are, the first of them, the next to give away. */
  readonly #counts: Uint16Array = new Uint16Array(MAX_BITS + 1);
  readonly #firstWords: Uint16Array = new Uint16Array(MAX_BITS + 1);
  readonly #nextWords: Uint16Array = new Uint16Array(MAX_BITS + 1);
  /** Symbols in the order of their words, and where those of each length end. Only made when some words are long. */
  readonly #sorted: Uint16Array;
  readonly #ends: Uint16Array = new Uint16Array(MAX_BITS + 1);

  constructor(maxSymbols: number, maxRootBits: number) {
    this.#sorted = new Uint16Array(maxSymbols);
    this.#maxRootBits = Math.min(maxRootBits, MAX_ROOT_BITS);
    this.table = new Uint16Array(1 << this.#maxRootBits);
  }

  /**
   * Take the code in which `places[start..end]` have words, of `lengths[place]` bits each, 1 to 15. The symbol of a place
   * is its distance from `firstPlace`; places ascend.
   *
   * @returns false when these lengths make no code: more words than there can be, or fewer. One word of one bit is a
   * code (RFC 1951, section 3.2.7), and so is none at all: that fails when it is used, as in zlib.
   */
  build(lengths: Uint8Array, places: Uint16Array, start: number, end: number, firstPlace: number): boolean {
    const counts = this.#counts;
    const nextWords = this.#nextWords;
    counts.fill(0);
    for (let index = start; index < end; index += 1) {
      const length = lengths[places[index] ?? 0] ?? 0;
      counts[length] = (counts[length] ?? 0) + 1;
    }
    let longest = MAX_BITS;
    while (longest > 0 && counts[longest] === 0) longest -= 1;
    let left = 1;
    let word = 0;
    for (let length = 1; length <= longest; length += 1) {
      const count = counts[length] ?? 0;
      left = left * 2 - count;
      if (left < 0) return false;
      word <<= 1;
      this.#firstWords[length] = word;
      nextWords[length] = word;
      word += count;
    }
    if (left > 0 && longest > 1) return false;

    const { table } = this;
    const rootBits = Math.max(1, Math.min(longest, this.#maxRootBits));
    const size = 1 << rootBits;
    this.rootBits = rootBits;
    this.complete = left === 0;
    // Otherwise every entry is written below.
    if (longest > rootBits || left > 0) table.fill(0, 0, size);
    if (longest > rootBits) this.#sort(lengths, places, start, end, firstPlace);
    for (let index = start; index < end; index += 1) {
      const place = places[index] ?? 0;
      const length = lengths[place] ?? 0;
      if (length > rootBits) continue;
      const next = nextWords[length] ?? 0;
      nextWords[length] = next + 1;
      const entry = ((place - firstPlace) << 4) | length;
      const step = 1 << length;
      for (let at = REVERSED[next << (MAX_ROOT_BITS - length)] ?? 0; at < size; at += step) table[at] = entry;
    }
    return true;
  }

  #sort(lengths: Uint8Array, places: Uint16Array, start: number, end: number, firstPlace: number): void {
    const ends = this.#ends;
    let before = 0;
    for (let length = 1; length <= MAX_BITS; length += 1) {
      ends[length] = before;
      before += this.#counts[length] ?? 0;
    }
    for (let index = start; index < end; index += 1) {
      const place = places[index] ?? 0;
      const length = lengths[place] ?? 0;
      const slot = ends[length] ?? 0;
      this.#sorted[slot] = place - firstPlace;
      ends[length] = slot + 1;
    }
  }

  /** The entry of a word longer than `rootBits`, in the form of {@link table}, from the next 15 bits; 0 when there is none. */
  longEntry(bits: number): number {
    let word = REVERSED[bits & ((1 << this.rootBits) - 1)] ?? 0;
    word >>= MAX_ROOT_BITS - this.rootBits;
    for (let length = this.rootBits + 1; length <= MAX_BITS; length += 1) {
      word = (word << 1) | ((bits >> (length - 1)) & 1);
      const count = this.#counts[length] ?? 0;
      const nth = word - (this.#firstWords[length] ?? 0);
      // Lengths without words keep what an earlier code had: count says so.
      if (nth >= 0 && nth < count) {
        return ((this.#sorted[(this.#ends[length] ?? 0) - count + nth] ?? 0) << 4) | length;
      }
    }
    return 0;
  }
}

/** The two codes of blocks that bring none. */
export interface FixedCodes {
  readonly literals: HuffmanCode;
  readonly distances: HuffmanCode;
}

let fixed: FixedCodes | undefined;

/** RFC 1951, section 3.2.6. Made once, never changed. */
export function fixedCodes(): FixedCodes {
  fixed ??= makeFixedCodes();
  return fixed;
}

function makeFixedCodes(): FixedCodes {
  const lengths = new Uint8Array(288).fill(8, 0, 144).fill(9, 144, 256).fill(7, 256, 280).fill(8, 280);
  const places = Uint16Array.from(lengths, (_, place) => place);
  const literals = new HuffmanCode(288, 9);
  literals.build(lengths, places, 0, 288, 0);
  const distances = new HuffmanCode(32, 5);
  distances.build(lengths.fill(5), places, 0, 32, 0);
  return { literals, distances };
}
