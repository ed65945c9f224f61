import { EventEmitter } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, test } from "vitest";
import { Interrupted, watchSignals } from "./interruption.ts";

class FakeProcess extends EventEmitter {
  readonly exits: number[] = [];

  exit(status: number): void {
    this.exits.push(status);
  }
}

describe("watchSignals()", () => {
  test.for(["SIGINT", "SIGTERM", "SIGHUP"])("the first %s asks for a clean end", (name, { expect }) => {
    const source = new FakeProcess();
    const { signal } = watchSignals(source);
    expect(signal.aborted).toBe(false);
    source.emit(name);
    expect(signal.reason).toBeInstanceOf(Interrupted);
    expect(source.exits).toEqual([]);
  });

  test("SIGHUP is whoever takes it, every time, and the others end as before", ({ expect }) => {
    const source = new FakeProcess();
    const { signal, takeHangup } = watchSignals(source);
    let told = 0;
    takeHangup(() => {
      told += 1;
    });
    source.emit("SIGHUP");
    source.emit("SIGHUP");
    expect({ told, aborted: signal.aborted }).toEqual({ told: 2, aborted: false });
    source.emit("SIGTERM");
    expect(signal.aborted).toBe(true);
  });

  test("the echo of one key is no second signal; the next key is", async ({ expect }) => {
    const source = new FakeProcess();
    watchSignals(source, 20);
    source.emit("SIGINT");
    source.emit("SIGINT");
    expect(source.exits).toEqual([]);
    await sleep(30);
    source.emit("SIGINT");
    expect(source.exits).toEqual([130]);
  });
});
