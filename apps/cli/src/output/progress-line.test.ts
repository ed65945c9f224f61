import { PassThrough } from "node:stream";
import type { SyncEvent } from "@gitsync/engine";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createProgressLine, progressOptionsOf, type ProgressLine } from "./progress-line.ts";
import { createTerminal } from "./terminal.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const push = { type: "phase", phase: "push" } as const;
const moved = { type: "progress", side: "target", bytes: 10, bytesPerSecond: 5 } as const;

/** What a command with these flags writes to standard error. */
function watching(
  flags: Parameters<typeof progressOptionsOf>[0],
  isTTY: boolean,
): { readonly line: ProgressLine; readonly written: () => string } {
  const stderr = Object.assign(new PassThrough({ encoding: "utf8" }), { isTTY, columns: 60 });
  const terminal = createTerminal(new PassThrough(), stderr);
  const line = createProgressLine(terminal, progressOptionsOf(flags));
  return { line, written: () => String(stderr.read() ?? "").replaceAll("\r\u001b[2K", "|") };
}

test("a terminal has one line that goes on every second, and is taken away at the end", () => {
  const { line, written } = watching({}, true);
  line.observe(push);
  expect(written()).toBe("pushing  0:00");
  vi.advanceTimersByTime(2_000);
  expect(written()).toBe("|pushing  0:01|pushing  0:02");
  line.observe({
    type: "remote-message",
    side: "target",
    text: `Counting ${"x".repeat(90)}`,
    isTransient: true,
  });
  expect(written()).toBe(`|pushing  0:02  target: Counting ${"x".repeat(27)}`);
  line.end();
  expect(written()).toBe("|");
  vi.advanceTimersByTime(60_000);
  expect([written(), vi.getTimerCount()]).toEqual(["", 0]);
});

test("without a terminal nothing is shown unless asked for, but that something is tried again", () => {
  const { line, written } = watching({}, false);
  for (const event of [push, moved]) line.observe(event);
  line.observe({ type: "retry", phase: "push", reason: "the connection broke", attempt: 1 });
  expect(written()).toBe("trying again (attempt 1): the connection broke\n");
});

test("asked for, a line a phase is shown, and one in five seconds while it lasts", () => {
  const { line, written } = watching({ progress: true }, false);
  line.observe(push);
  for (let at = 0; at < 40; at += 1) {
    vi.advanceTimersByTime(250);
    line.observe(moved);
  }
  expect(written()).toBe(
    ["0:00", "0:05", "0:10"]
      .map((at, index) => `pushing${index === 0 ? "" : "  target 10 bytes 5 bytes/s"}  ${at}\n`)
      .join(""),
  );
});

test("with JSON asked for, each event but those of refs is one document on a line of its own", () => {
  const { line, written } = watching({ progress: true, json: true }, true);
  const events: readonly SyncEvent[] = [push, moved, { type: "batch", done: 1, planned: 3, limitBytes: 9 }];
  for (const event of events) line.observe(event);
  line.say("waiting for the queue");
  line.end();
  expect(
    written()
      .trimEnd()
      .split("\n")
      .map((text) => JSON.parse(text)),
  ).toEqual(events);
});

test("what servers say is shown when asked for; their counters are not kept", () => {
  const { line, written } = watching({ verbose: true }, false);
  line.observe({
    type: "remote-message",
    side: "source",
    text: "Counting objects: 5% (1/20)",
    isTransient: true,
  });
  line.observe({ type: "remote-message", side: "source", text: "welcome", isTransient: false });
  expect(written()).toBe("source: welcome\n");
});
