// Parsers that do what none may do, to show that the fuzzer notices.

import { ProtocolError } from "../src/errors.ts";
import { wire } from "../src/testing/bytes.ts";
import type { Subject } from "../src/testing/cuts.ts";
import type { FuzzTarget } from "./target.ts";

/** A parser named for its fault. */
function broken(name: string, make: () => Subject): FuzzTarget {
  return { name, recordings: [], seeds: [wire("0006a\n0000")], ways: { any: make } };
}

const idle = (): void => {};

/** Each with one fault; the last two never come back. */
export const TARGETS: readonly FuzzTarget[] = [
  broken("is sound", () => ({ feed: idle, finish: idle })),
  broken("throws what is no ProtocolError", () => ({
    feed: idle,
    finish: () => {
      throw new TypeError("no bytes");
    },
  })),
  broken("depends on how the bytes are cut", () => {
    let chunks = 0;
    return { feed: () => (chunks += 1), finish: () => chunks };
  }),
  broken("keeps a view of a chunk", () => {
    const views: Uint8Array[] = [];
    return { feed: (chunk) => views.push(chunk), finish: () => views.flatMap((view) => [...view]) };
  }),
  broken("takes memory that no input asked for", () => ({
    feed: idle,
    finish: () => new Uint8Array(64 * 1024 * 1024).length,
  })),
  broken("takes long", () => ({
    feed: idle,
    finish: () => {
      for (const end = performance.now() + 200; performance.now() < end;);
    },
  })),
  broken("puts control characters into a message", () => ({
    feed: idle,
    finish: () => {
      throw new ProtocolError("REMOTE_ERROR", "\u001b[2J", { phase: "pkt-line" });
    },
  })),
  broken("leaves a rejection behind", () => ({
    feed: idle,
    finish: () => void Promise.reject(new Error("too late")),
  })),
  broken("fills the heap", () => ({
    feed: idle,
    finish: () => {
      for (const kept: unknown[] = []; ;) kept.push({ kept: kept.length });
    },
  })),
  broken("hangs", () => ({
    feed: idle,
    finish: () => {
      for (;;);
    },
  })),
];
