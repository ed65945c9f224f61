import { describe, expect, test } from "vitest";
import { createSilentLogger } from "./logger.ts";
import { throughOutage } from "./through-outage.ts";

/** A store that is away for the first `away` questions, and a step that fails as long as `fails` says so. */
function start(away: number, fails: (attempt: number) => boolean) {
  let pings = 0;
  let attempts = 0;
  const store = {
    ping: async () => {
      pings += 1;
      if (pings <= away) throw new Error("away");
    },
  };
  const step = async () => {
    attempts += 1;
    if (fails(attempts)) throw new Error(`attempt ${attempts}`);
    return attempts;
  };
  return { step, options: { store, logger: createSilentLogger() } };
}

describe("a step of a start", () => {
  test("is taken again until the store is back", async () => {
    const { step, options } = start(2, (attempt) => attempt < 3);
    await expect(throughOutage(step, options)).resolves.toBe(3);
  });

  test("is taken again when the store was back before its failure was heard of", async () => {
    const { step, options } = start(0, (attempt) => attempt < 2);
    await expect(throughOutage(step, options)).resolves.toBe(2);
  });

  test("fails for what is none of the store's", async () => {
    const { step, options } = start(0, () => true);
    await expect(throughOutage(step, options)).rejects.toThrow("attempt 2");
  });

  test("ends with the process", async () => {
    const { step, options } = start(Number.POSITIVE_INFINITY, () => true);
    const signal = AbortSignal.abort();
    await expect(throughOutage(step, { ...options, signal })).rejects.toThrow("attempt 1");
  });
});
