/** Deltas for packs of tests: what two versions have in common at both ends is copied, the middle is inserted. */

/** A delta that makes `target` of `base`: gitformat-pack(5), "Deltified representation". */
export function editDelta(base: Uint8Array, target: Uint8Array): Uint8Array {
  const shorter = Math.min(base.length, target.length);
  let front = 0;
  while (front < shorter && base[front] === target[front]) front += 1;
  let back = 0;
  while (back < shorter - front && base.at(-1 - back) === target.at(-1 - back)) back += 1;
  const delta: number[] = [...varint(base.length), ...varint(target.length)];
  delta.push(...copy(0, front));
  for (let at = front; at < target.length - back; at += 127) {
    const piece = target.subarray(at, Math.min(at + 127, target.length - back));
    delta.push(piece.length, ...piece);
  }
  delta.push(...copy(base.length - back, back));
  return Uint8Array.from(delta);
}

function* copy(start: number, length: number): Generator<number> {
  for (let done = 0; done < length; done += 0xffff) {
    const offset = start + done;
    const size = Math.min(0xffff, length - done);
    yield 0xbf;
    for (let shift = 0; shift < 32; shift += 8) yield (offset >>> shift) & 0xff;
    yield size & 0xff;
    yield size >>> 8;
  }
}

function varint(value: number): number[] {
  const groups = [];
  let left = value;
  for (; left >= 128; left = Math.floor(left / 128)) groups.push((left % 128) | 0x80);
  return [...groups, left];
}
