// Equality of lists and of bytes, item by item. Order matters.

/** Same length, and equal items in the same order. */
export function equalLists<Item>(
  left: readonly Item[],
  right: readonly Item[],
  equal: (a: Item, b: Item) => boolean = (a, b) => a === b,
): boolean {
  return (
    left.length === right.length &&
    left.every((item, index) => {
      const other = right[index];
      return other !== undefined && equal(item, other);
    })
  );
}

/** Both are left out, or both are there and equal. */
export function equalOptional<Value>(
  left: Value | undefined,
  right: Value | undefined,
  equal: (a: Value, b: Value) => boolean,
): boolean {
  return left === undefined || right === undefined ? left === right : equal(left, right);
}

/** Same bytes. */
export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
