// A lossless bridge between bytes and strings. UTF-8 where the bytes are UTF-8; every other byte 0x80..0xff
// becomes the lone surrogate U+DC80..U+DCFF, so each byte sequence has exactly one string and back.
//
// An ASCII byte never belongs to a longer UTF-8 sequence, so cutting decoded text at ASCII delimiters gives
// the same strings as cutting the bytes first.

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Decode bytes to the one string that stands for them. */
export function decodeText(bytes: Uint8Array): string {
  const text = utf8Decoder.decode(bytes);
  // A fatal decoder would throw here; a hostile list of a million bad names would then cost a million exceptions.
  return text.includes("\ufffd") ? decodeMixed(bytes) : text;
}

/**
 * Encode text made by {@link decodeText}, or any well-formed text, to bytes.
 *
 * @throws {TypeError} for a lone surrogate outside U+DC80..U+DCFF, which stands for no byte.
 */
export function encodeText(text: string): Uint8Array {
  return text.isWellFormed() ? utf8Encoder.encode(text) : encodeMixed(text);
}

/** True when `text` is exactly what {@link decodeText} gives for some bytes. */
export function isByteText(text: string): boolean {
  if (text.isWellFormed()) return true;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0xd800 || unit > 0xdfff) continue;
    if (unit < 0xdc00 && isLowSurrogate(text.charCodeAt(index + 1))) index += 1;
    else if (unit < 0xdc80 || unit > 0xdcff) return false;
  }
  // Escaped bytes that together form valid UTF-8 would have been decoded to a character.
  return decodeText(encodeMixed(text)) === text;
}

/** True when `source[start..end]` begins with `word`. */
export function beginsWith(source: Uint8Array, start: number, end: number, word: Uint8Array): boolean {
  if (end - start < word.length) return false;
  for (let index = 0; index < word.length; index += 1)
    if (source[start + index] !== word[index]) return false;
  return true;
}

function decodeMixed(bytes: Uint8Array): string {
  let text = "";
  let clean = 0;
  let index = 0;
  while (index < bytes.length) {
    const length = sequenceLength(bytes, index);
    if (length > 0) {
      index += length;
      continue;
    }
    if (index > clean) text += utf8Decoder.decode(bytes.subarray(clean, index));
    text += String.fromCharCode(0xdc00 + (bytes[index] ?? 0));
    index += 1;
    clean = index;
  }
  return index > clean ? text + utf8Decoder.decode(bytes.subarray(clean, index)) : text;
}

/** Length of the valid UTF-8 sequence at `index`, or 0 (Unicode, table 3-7). */
function sequenceLength(bytes: Uint8Array, index: number): number {
  const lead = bytes[index] ?? 0;
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const second = bytes[index + 1] ?? 0;
  if (lead < 0xe0) return isContinuation(second) ? 2 : 0;
  const least = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const most = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  if (second < least || second > most || !isContinuation(bytes[index + 2] ?? 0)) return 0;
  if (lead < 0xf0) return 3;
  return isContinuation(bytes[index + 3] ?? 0) ? 4 : 0;
}

function encodeMixed(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 3);
  let length = 0;
  let clean = 0;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0xd800 || unit > 0xdfff) continue;
    if (unit < 0xdc00 && isLowSurrogate(text.charCodeAt(index + 1))) {
      index += 1;
      continue;
    }
    if (unit < 0xdc80 || unit > 0xdcff)
      throw new TypeError("Cannot encode a lone surrogate that stands for no byte");
    length += utf8Encoder.encodeInto(text.slice(clean, index), bytes.subarray(length)).written;
    bytes[length] = unit - 0xdc00;
    length += 1;
    clean = index + 1;
  }
  length += utf8Encoder.encodeInto(text.slice(clean), bytes.subarray(length)).written;
  return bytes.subarray(0, length);
}

function isContinuation(byte: number): boolean {
  return byte >= 0x80 && byte <= 0xbf;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}
