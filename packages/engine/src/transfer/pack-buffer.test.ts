import { encodePack, type PackableObject } from "@gitsync/protocol";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../testing/git.ts";
import { bufferPack, type BufferedPack, type PackBufferOptions } from "./pack-buffer.ts";
import { PackGuard } from "./pack-guard.ts";
import { SpoolFolder } from "./spool.ts";

const OBJECTS: readonly PackableObject[] = [
  { type: "blob", data: new TextEncoder().encode("hello\n") },
  { type: "blob", data: new TextEncoder().encode("another blob of some length\n") },
];
const PACK = Buffer.from(encodePack(OBJECTS, "sha1"));

const options = (changes: Partial<PackBufferOptions> = {}): PackBufferOptions => ({
  objectFormat: "sha1",
  memoryBytes: 1 << 20,
  spool: undefined,
  maxPackBytes: 1 << 30,
  guard: undefined,
  label: "source",
  onReceived: () => {},
  ...changes,
});

/** A source in pieces; remembers whether it was closed. */
class Pieces implements AsyncIterable<Uint8Array> {
  readonly #pieces: readonly Uint8Array[];
  isClosed = false;
  taken = 0;

  constructor(bytes: Uint8Array, size: number) {
    this.#pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) =>
      bytes.subarray(n * size, (n + 1) * size),
    );
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (const piece of this.#pieces) {
        this.taken += 1;
        yield piece.slice();
      }
    } finally {
      this.isClosed = true;
    }
  }
}

async function collect(pack: BufferedPack): Promise<Buffer> {
  const out: Uint8Array[] = [];
  for await (const chunk of pack.body.chunks) out.push(chunk);
  return Buffer.concat(out);
}

/** What leaves before the failure, and its code. */
async function failing(
  bytes: Uint8Array,
  changes: Partial<PackBufferOptions>,
): Promise<{ code: string; left: number }> {
  const source = new Pieces(bytes, 7);
  let left = 0;
  try {
    const pack = await bufferPack(source, options(changes));
    for await (const chunk of pack.body.chunks) left += chunk.length;
    return { code: "none", left };
  } catch (error) {
    expect(source.isClosed).toBe(true);
    return { code: error instanceof Error && "code" in error ? String(error.code) : "untyped", left };
  }
}

describe("bufferPack()", () => {
  test.for([1, 3, 7, 20, 21, 1_000])(
    "gives a small pack whole, however it was cut (%i bytes)",
    async (size) => {
      const pack = await bufferPack(new Pieces(PACK, size), options());
      expect(pack.body).toMatchObject({ kind: "complete", byteLength: PACK.length });
      expect(await collect(pack)).toEqual(PACK);
      expect(await collect(pack), "again, as a complete pack may be sent twice").toEqual(PACK);
      expect(pack.facts()).toMatchObject({ objects: 2, bytes: PACK.length });
      await pack.close();
    },
  );

  test.for([1, 3, 20, 21])("streams a larger one (%i bytes at a time)", async (size) => {
    const source = new Pieces(PACK, size);
    const pack = await bufferPack(source, options({ memoryBytes: 10 }));
    expect(pack.body.kind).toBe("stream");
    expect(source.taken).toBeLessThan(Math.ceil(PACK.length / size) + 1);
    expect(await collect(pack)).toEqual(PACK);
    expect(source.isClosed).toBe(true);
  });

  test("lets chunks leave as they came, not cut where the trailer is withheld", async () => {
    const pieces = Array.from({ length: 4 }, (_, n) =>
      PACK.subarray(n * 21, n === 3 ? undefined : (n + 1) * 21),
    );
    const source = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
      yield* pieces;
    };
    const pack = await bufferPack(source(), options({ memoryBytes: 10 }));
    const left: Uint8Array[] = [];
    for await (const chunk of pack.body.chunks) left.push(chunk);
    expect(left).toEqual(pieces);
  });

  test("lets go of what has left the buffer", async () => {
    const pack = await bufferPack(new Pieces(PACK, 7), options({ memoryBytes: 30 }));
    const chunks = pack.body.chunks;
    await collect(pack);
    for await (const chunk of chunks) expect.unreachable(`${chunk.length} bytes`);
  });

  test("tells of every byte and how many objects there will be", async () => {
    const told: [number, number | undefined][] = [];
    await bufferPack(new Pieces(PACK, 7), options({ onReceived: (...facts) => told.push(facts) }));
    expect(told.reduce((sum, [bytes]) => sum + bytes, 0)).toBe(PACK.length);
    expect([told[0]?.[1], told.at(-1)?.[1]]).toEqual([undefined, 2]);
  });

  test.for([
    ["whole", 1 << 20],
    ["streamed", 1],
  ] as const)(
    "never lets the trailer of a pack leave that was changed in any byte, %s",
    async ([, memoryBytes]) => {
      for (let at = 0; at < PACK.length; at += 1) {
        const broken = Buffer.from(PACK);
        broken[at] = ~(PACK[at] ?? 0) & 0xff;
        const { code, left } = await failing(broken, { memoryBytes });
        // The header is checked at once: its first words say that it is no pack, or one of too many objects.
        expect(code, `byte ${at}`).toMatch(
          at < 12 ? /^PACK_CORRUPT$|^PROTOCOL_INVALID$/u : /^PACK_CORRUPT$/u,
        );
        expect(left).toBeLessThanOrEqual(PACK.length - 20);
      }
    },
  );

  test.for([
    ["whole", 1 << 20],
    ["streamed", 1],
  ] as const)("nor of one that was cut anywhere, %s", async ([, memoryBytes]) => {
    for (let length = 0; length < PACK.length; length += 1) {
      const { code, left } = await failing(PACK.subarray(0, length), { memoryBytes });
      expect(code, `${length} bytes`).toBe("PACK_CORRUPT");
      expect(left).toBeLessThanOrEqual(Math.max(0, length - 20));
    }
  });

  test("nor of one that goes on after its end", async () => {
    expect((await failing(Buffer.concat([PACK, Buffer.of(0)]), { memoryBytes: 1 })).code).toBe(
      "PACK_CORRUPT",
    );
  });

  test.for([1 << 20, 1])("stops above the limit (memory %i)", async (memoryBytes) => {
    const { code, left } = await failing(PACK, { memoryBytes, maxPackBytes: PACK.length - 1 });
    expect(code).toBe("PACK_LIMIT");
    expect(left).toBeLessThan(PACK.length);
    expect((await failing(PACK, { memoryBytes, maxPackBytes: PACK.length })).code).toBe("none");
  });

  test("closes the source when it is closed, whether or not the stream was begun", async () => {
    for (const reads of [0, 1, 3]) {
      const source = new Pieces(PACK, 7);
      const pack = await bufferPack(source, options({ memoryBytes: 10 }));
      const chunks: AsyncIterator<Uint8Array> =
        pack.body.kind === "stream" ? pack.body.chunks[Symbol.asyncIterator]() : expect.unreachable();
      for (let n = 0; n < reads; n += 1) await chunks.next();
      await pack.close();
      expect(source.isClosed).toBe(true);
    }
  });

  test("closes the source when the reader leaves", async () => {
    const source = new Pieces(PACK, 7);
    const pack = await bufferPack(source, options({ memoryBytes: 10 }));
    for await (const _ of pack.body.chunks) break;
    expect(source.isClosed).toBe(true);
  });

  test("passes on what the source throws, as it is", async () => {
    const cause = new Error("lost");
    const source = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
      yield PACK.subarray(0, 30);
      yield PACK.subarray(30, 60);
      throw cause;
    };
    await expect(bufferPack(source(), options())).rejects.toBe(cause);
    const pack = await bufferPack(source(), options({ memoryBytes: 1 }));
    await expect(collect(pack)).rejects.toBe(cause);
  });

  test("is given up before its last bytes leave when it grows past its guard, whole or streamed", async () => {
    for (const memoryBytes of [1, 1 << 20]) {
      const guard = new PackGuard({ admits: () => true, mostBytes: PACK.length - 1 });
      const { code, left } = await failing(PACK, { memoryBytes, guard });
      expect([code, guard.isDeclined]).toEqual(["PACK_TOO_LARGE", true]);
      expect(left).toBeLessThanOrEqual(PACK.length - 20);
    }
  });

  test("is given up before any of it leaves when its header announces too much", async () => {
    const guard = new PackGuard({ admits: (objects) => objects < 2, mostBytes: 1 << 20 });
    expect(await failing(PACK, { memoryBytes: 1, guard })).toEqual({ code: "PACK_TOO_LARGE", left: 0 });
  });

  test("knows whether the source or the target was waited for while it streamed", async () => {
    const slowly = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
      for await (const piece of new Pieces(PACK, 30)) {
        yield piece;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    const slow = await bufferPack(slowly(), options({ memoryBytes: 1 }));
    await collect(slow);
    expect(slow.facts().sourceWasSlow).toBe(true);
    const quick = await bufferPack(new Pieces(PACK, 30), options({ memoryBytes: 1 }));
    for await (const _ of quick.body.chunks) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(quick.facts().sourceWasSlow).toBe(false);
  });
});

describe("bufferPack() with a spool", () => {
  const openSpool = (directory: string, maxBytes = 1 << 20): SpoolFolder =>
    new SpoolFolder({ directory, maxBytes, isAlwaysUsed: true });

  test("keeps what memory does not hold whole in a file, to be sent with its length and again", async () => {
    using folder = temporaryFolder();
    const spool = openSpool(folder.path);
    const source = new Pieces(PACK, 7);
    const pack = await bufferPack(source, options({ memoryBytes: 10, spool }));
    expect([pack.mode, pack.body]).toMatchObject(["spool", { kind: "complete", byteLength: PACK.length }]);
    expect([await collect(pack), await collect(pack)]).toEqual([PACK, PACK]);
    expect([source.isClosed, spool.freeBytes]).toEqual([true, (1 << 20) - PACK.length]);
    await pack.close();
    expect(spool.freeBytes).toBe(1 << 20);
  });

  test("leaves a small pack in memory", async () => {
    using folder = temporaryFolder();
    const pack = await bufferPack(new Pieces(PACK, 7), options({ spool: openSpool(folder.path) }));
    expect(pack.mode).toBe("memory");
  });

  test("gives nothing of a pack that is damaged or cut, and the room back", async () => {
    using folder = temporaryFolder();
    const spool = openSpool(folder.path);
    const broken = Buffer.from(PACK);
    broken[30] = ~(PACK[30] ?? 0) & 0xff;
    for (const bytes of [broken, PACK.subarray(0, -1)]) {
      expect(await failing(bytes, { memoryBytes: 10, spool })).toEqual({ code: "PACK_CORRUPT", left: 0 });
    }
    expect(spool.freeBytes).toBe(1 << 20);
  });

  test("fails when it is full, and closes the source", async () => {
    using folder = temporaryFolder();
    const spool = openSpool(folder.path, PACK.length - 1);
    expect((await failing(PACK, { memoryBytes: 10, spool })).code).toBe("SPOOL_FAILED");
    expect(spool.freeBytes).toBe(PACK.length - 1);
  });
});
