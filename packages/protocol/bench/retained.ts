/** How much memory a value keeps alive. */

/** What is kept and what it takes, in bytes: JavaScript's heap and the array buffers outside it. */
export interface Retained<Value> {
  readonly value: Value;
  readonly bytes: number;
}

/**
 * Bytes that are in use after `make` and were not before, garbage aside.
 *
 * @throws {Error} without `--expose-gc`: garbage would be counted.
 */
export function retained<Value>(make: () => Value): Retained<Value> {
  const before = inUse();
  const value = make();
  return { value, bytes: inUse() - before };
}

function inUse(): number {
  const { gc } = globalThis;
  if (gc === undefined) throw new Error("memory is measured with node --expose-gc only");
  gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
