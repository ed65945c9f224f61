// Wire bytes for tests, written as text.

/** Bytes of Latin-1 text, so that tests can write wire bytes as strings. */
export function wire(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** pkt-lines around texts; `0000`, `0001` and `0002` are themselves. */
export function packets(...texts: readonly string[]): Uint8Array {
  return wire(
    texts
      .map((text) =>
        /^000[012]$/.test(text) ? text : (text.length + 4).toString(16).padStart(4, "0") + text,
      )
      .join(""),
  );
}

/** Join byte arrays. */
export function concat(...pieces: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    joined.set(piece, offset);
    offset += piece.length;
  }
  return joined;
}
