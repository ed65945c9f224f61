// Object ids in columns: compared, sorted and found as bytes, since a million strings would cost more than the pack.

/** The first of two ids in byte order: negative, 0 when they are equal, or positive. */
export function compareIds(
  a: Uint8Array,
  aStart: number,
  b: Uint8Array,
  bStart: number,
  length: number,
): number {
  for (let index = 0; index < length; index += 1) {
    const difference = (a[aStart + index] ?? 0) - (b[bStart + index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Up to this many, counting costs more than comparing. */
const FEW = 4096;

/**
 * The places of `count` ids of `length` bytes, in the order of the ids. Equal ids keep their order.
 *
 * Two passes of counting by the first four bytes, then comparisons among the few that share them. Ids that were made to
 * share them cost no more than sorting by comparison does.
 */
export function orderIds(ids: Uint8Array, length: number, count: number): Uint32Array {
  const order = new Uint32Array(count);
  const compare = (a: number, b: number): number =>
    compareIds(ids, a * length, ids, b * length, length) || a - b;
  if (count <= FEW) {
    for (let place = 0; place < count; place += 1) order[place] = place;
    return order.sort(compare);
  }
  const byLow = new Uint32Array(count);
  countInto(byLow, undefined, ids, length, 2);
  countInto(order, byLow, ids, length, 0);
  for (let start = 0; start < count;) {
    const first = order[start] ?? 0;
    let end = start + 1;
    while (end < count && compareIds(ids, first * length, ids, (order[end] ?? 0) * length, 4) === 0) end += 1;
    if (end - start > 1) order.subarray(start, end).sort(compare);
    start = end;
  }
  return order;
}

/** One stable pass over 16 bits of each id. */
function countInto(
  target: Uint32Array,
  order: Uint32Array | undefined,
  ids: Uint8Array,
  length: number,
  at: number,
): void {
  const starts = new Uint32Array(65_537);
  const count = target.length;
  for (let place = 0; place < count; place += 1) {
    const key = (ids[place * length + at] ?? 0) * 256 + (ids[place * length + at + 1] ?? 0);
    starts[key + 1] = (starts[key + 1] ?? 0) + 1;
  }
  for (let key = 1; key < 65_537; key += 1) starts[key] = (starts[key] ?? 0) + (starts[key - 1] ?? 0);
  for (let index = 0; index < count; index += 1) {
    const place = order === undefined ? index : (order[index] ?? 0);
    const key = (ids[place * length + at] ?? 0) * 256 + (ids[place * length + at + 1] ?? 0);
    const slot = starts[key] ?? 0;
    target[slot] = place;
    starts[key] = slot + 1;
  }
}
