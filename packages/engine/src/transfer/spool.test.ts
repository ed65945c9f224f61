import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../testing/git.ts";
import { SpoolFolder } from "./spool.ts";

const noise = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, at) => (at * 31) % 251));

async function read(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

const openFolder = (directory: string, maxBytes = 1 << 24): SpoolFolder =>
  new SpoolFolder({ directory, maxBytes, isAlwaysUsed: false });

describe("SpoolFolder", () => {
  test("gives back what was written, as often as it is asked", async () => {
    using folder = temporaryFolder();
    const file = await openFolder(folder.path).open();
    const bytes = noise(600_000);
    await file.write(bytes.subarray(0, 10));
    file.appendSync(bytes.subarray(10, 300_000));
    await file.write(bytes.subarray(300_000));
    expect(file.byteLength).toBe(bytes.length);
    expect(await read(file.chunks())).toEqual(bytes);
    expect(await read(file.chunks())).toEqual(bytes);
    expect(file.readSync(299_990, 20)).toEqual(bytes.subarray(299_990, 300_010));
    await file.close();
  });

  test("leaves no name in its folder, also while a file is open", async () => {
    using folder = temporaryFolder();
    const file = await openFolder(folder.path).open();
    await file.write(noise(1_000));
    expect(readdirSync(folder.path)).toEqual([]);
    await file.close();
  });

  test("holds all files to one quota, and has the room again when one is closed", async () => {
    using folder = temporaryFolder();
    const spool = openFolder(folder.path, 1_000);
    const [first, second] = [await spool.open(), await spool.open()];
    await first.write(noise(700));
    expect(spool.freeBytes).toBe(300);
    await expect(second.write(noise(301))).rejects.toMatchObject({ code: "SPOOL_FAILED", retryable: true });
    expect(() => second.appendSync(noise(301))).toThrow("is full");
    await second.write(noise(300));
    await first.close();
    await first.close();
    expect(spool.freeBytes).toBe(700);
    await second.close();
    expect(spool.freeBytes).toBe(1_000);
  });

  test("says which folder takes no file", async () => {
    using folder = temporaryFolder();
    const missing = join(folder.path, "missing");
    await expect(openFolder(missing).open()).rejects.toMatchObject({
      code: "SPOOL_FAILED",
      details: { directory: missing, reason: "ENOENT" },
    });
  });
});
