import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { RuntimeError } from "../errors.ts";
import { readLines } from "./lines.ts";
import { encodeLine, failedFrom, parseFromMember, parseFromSupervisor } from "./protocol.ts";

describe("the supervisor's protocol", () => {
  test("reads back what either side writes", () => {
    const hello = { type: "hello", pid: 7, rejoin: true } as const;
    expect(parseFromMember(encodeLine(hello))).toEqual(hello);
    expect(parseFromMember(encodeLine({ type: "leave" }))).toEqual({ type: "leave" });
    const ready = { type: "ready", releasedJobs: 3 } as const;
    expect(parseFromSupervisor(encodeLine(ready))).toEqual(ready);
    const failed = failedFrom(new RuntimeError("EMBEDDED_DATA_UNUSABLE", "move it away"));
    expect(parseFromSupervisor(encodeLine(failed))).toEqual(failed);
  });

  test.for([
    "",
    "null",
    "[]",
    "{",
    '{"type":"hello"}',
    '{"type":"failed","code":"NO_SUCH"}',
    '{"type":"other"}',
  ])("takes %j for nothing", (line) => {
    expect(parseFromMember(line)).toBeUndefined();
    expect(parseFromSupervisor(line)).toBeUndefined();
  });
});

describe("readLines()", () => {
  test("gives every line once, however the bytes are cut", async () => {
    const text = "erste Zeile\nzwölf\n\nrest";
    const bytes = Buffer.from(text);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const stream = new PassThrough();
      const lines: string[] = [];
      readLines(stream, (line) => lines.push(line));
      stream.write(bytes.subarray(0, cut));
      stream.end(bytes.subarray(cut));
      await new Promise((resolve) => stream.once("end", resolve));
      expect(lines).toEqual(["erste Zeile", "zwölf", ""]);
    }
  });

  test("leaves an error of the stream to the stream's own listener", () => {
    const stream = new PassThrough();
    const errors: unknown[] = [];
    stream.on("error", (error) => errors.push(error));
    readLines(stream, () => undefined);
    expect(() => stream.emit("error", new Error("read ECONNRESET"))).not.toThrow();
    expect(errors).toHaveLength(1);
  });
});
