import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { guardStall } from "./stall-guard.ts";

const LIMITS = { idleTimeoutMs: 1_000, minBytesPerSecond: 100 };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

async function* chunks(): AsyncGenerator<Uint8Array, void, undefined> {
  yield Uint8Array.of(1);
  yield Uint8Array.of(2);
}

describe("guardStall()", () => {
  test("aborts when the transport holds a chunk for too long", async () => {
    const guard = guardStall(new AbortController().signal, LIMITS, "https://example.com/a");
    const watched = guard.watch(chunks());
    await watched.next();
    vi.advanceTimersByTime(999);
    expect(guard.signal.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    expect(guard.signal.reason).toMatchObject({ code: "REMOTE_TIMEOUT", details: { side: "target" } });
    await watched.return();
  });

  test("gives a large chunk the time that the slowest allowed network takes for it", async () => {
    const guard = guardStall(new AbortController().signal, LIMITS, "https://example.com/a");
    const large = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
      yield new Uint8Array(500);
    };
    const watched = guard.watch(large());
    await watched.next();
    vi.advanceTimersByTime(4_999);
    expect(guard.signal.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    expect(guard.signal.aborted).toBe(true);
    await watched.return();
  });

  test("does not count the time that the source takes, nor the time after the end", async () => {
    const guard = guardStall(new AbortController().signal, LIMITS, "https://example.com/a");
    const arrival = Promise.withResolvers<Uint8Array>();
    const slow = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
      yield await arrival.promise;
    };
    const watched = guard.watch(slow());
    const first = watched.next();
    vi.advanceTimersByTime(60_000);
    arrival.resolve(Uint8Array.of(1));
    expect((await first).done).toBe(false);
    expect((await watched.next()).done).toBe(true);
    vi.advanceTimersByTime(60_000);
    expect(guard.signal.aborted).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("stops its clock and closes the source when it is left early", async () => {
    let closed = false;
    const source = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
      try {
        yield* chunks();
      } finally {
        closed = true;
      }
    };
    const watched = guardStall(new AbortController().signal, LIMITS, "x").watch(source());
    await watched.next();
    await watched.return();
    expect(closed).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("passes the caller's abort on", () => {
    const caller = new AbortController();
    const guard = guardStall(caller.signal, LIMITS, "x");
    caller.abort(new Error("enough"));
    expect(guard.signal.reason).toBe(caller.signal.reason);
  });
});
