/** Packs in and out of the answers of a source that speaks protocol v2: gitprotocol-v2(5), "fetch". */

const HEAD = "000dpackfile\n";

/** The pack of an answer, whole; `undefined` for one without. */
export function packOf(answer: Buffer): Buffer | undefined {
  const at = answer.indexOf(HEAD);
  if (at < 0) return undefined;
  const bytes = answer.subarray(at + HEAD.length);
  const parts: Buffer[] = [];
  for (let from = 0; from < bytes.length;) {
    const length = Number.parseInt(bytes.toString("latin1", from, from + 4), 16);
    if (length > 4 && bytes[from + 4] === 1) parts.push(bytes.subarray(from + 5, from + length));
    from += Math.max(4, length);
  }
  return Buffer.concat(parts);
}

/** An answer with this pack and nothing else. */
export function answerWith(pack: Uint8Array): Buffer {
  const parts: Uint8Array[] = [Buffer.from(HEAD)];
  for (let at = 0; at < pack.length; at += 60_000) {
    const piece = pack.subarray(at, at + 60_000);
    parts.push(Buffer.from((piece.length + 5).toString(16).padStart(4, "0")), Buffer.of(1), piece);
  }
  return Buffer.concat([...parts, Buffer.from("0000")]);
}
