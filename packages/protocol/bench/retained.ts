/** How much memory a value keeps alive. */

import { setImmediate as turn } from "node:timers/promises";

const NOISE_BYTES = 64 * 1024;

/**
 * Bytes that are in use while what `make` returned is alive and were not before, garbage aside: JavaScript's heap and
 * the array buffers outside it.
 *
 * @throws {Error} without `--expose-gc`: garbage would be counted.
 */
export async function retainedBytes(make: () => unknown): Promise<number> {
  const before = await inUse();
  const kept = [make()];
  const after = await inUse();
  kept.length = 0;
  return after - before;
}

async function inUse(): Promise<number> {
  const { gc } = globalThis;
  if (gc === undefined) throw new Error("memory is measured with node --expose-gc only");
  // Array buffers are given back in the background, some after the collection that found them: until it comes to rest.
  for (let last = Number.POSITIVE_INFINITY; ;) {
    gc();
    await turn();
    const { heapUsed, external } = process.memoryUsage();
    if (heapUsed + external > last - NOISE_BYTES) return heapUsed + external;
    last = heapUsed + external;
  }
}
