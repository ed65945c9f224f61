import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ProtocolError } from "@gitsync/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ResponseEndRemover } from "./response-end.ts";

async function through(chunks: readonly Uint8Array[]): Promise<string> {
  const remover = new ResponseEndRemover();
  const out: Buffer[] = [];
  await pipeline(Readable.from(chunks.map((chunk) => Buffer.from(chunk))), remover, async (rest) => {
    for await (const chunk of rest) out.push(Buffer.from(chunk as Uint8Array));
  });
  return Buffer.concat(out).toString("latin1");
}

const pkt = (text: string): string => `${(text.length + 4).toString(16).padStart(4, "0")}${text}`;

describe("ResponseEndRemover", () => {
  test("takes response-end packets out, wherever the stream is cut", async () => {
    const packet = fc.oneof(
      fc.constant("0000"),
      fc.constant("0001"),
      fc.constant("0002"),
      fc.constant("0004"),
      fc.string({ maxLength: 12 }).map((text) => pkt(text.replaceAll(/[^ -~]/gu, "2"))),
      fc.constant(pkt("0002")),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(packet, { maxLength: 12 }), fc.array(fc.nat(20)), async (packets, cuts) => {
        const whole = Buffer.from(packets.join(""), "latin1");
        const chunks: Uint8Array[] = [];
        let at = 0;
        for (const cut of cuts) {
          chunks.push(whole.subarray(at, at + cut));
          at += cut;
        }
        chunks.push(whole.subarray(at));
        expect(await through(chunks)).toBe(packets.filter((each) => each !== "0002").join(""));
      }),
      { numRuns: 500 },
    );
  });

  test("passes on what was cut short", async () => {
    expect(await through([Buffer.from("000")])).toBe("000");
    expect(await through([Buffer.from("0009ab")])).toBe("0009ab");
  });

  test("refuses what is not git's framing", async () => {
    const failure: unknown = await through([Buffer.from("Welcome to example.com")]).catch((error) => error);
    expect(failure).toBeInstanceOf(ProtocolError);
    expect(failure).toMatchObject({ code: "PKT_LENGTH_INVALID" });
  });
});
