import { once } from "node:events";
import { connect, createServer, Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { describe, test } from "vitest";
import { Gatherer } from "../gather.ts";
import { freeingHandedOver, handOver } from "./hand-over.ts";
import { SlabReader } from "./slab-reader.ts";
import { SpentBuffers } from "./spent-buffers.ts";

const CHUNK_BYTES = 256 * 1024;

/** A full chunk of a gatherer, each byte of it `value`. */
function gathered(value: number): Uint8Array {
  const gatherer = new Gatherer();
  gatherer.push(new Uint8Array(CHUNK_BYTES).fill(value));
  const chunk = gatherer.takeFull();
  if (chunk === undefined) throw new Error("the chunk is not full");
  return chunk;
}

interface Connected extends AsyncDisposable {
  readonly socket: Socket;
  /** Everything that the other side reads. */
  readonly received: Promise<Buffer>;
}

async function connected(): Promise<Connected> {
  const server = createServer({ allowHalfOpen: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not a port");
  const received = once(server, "connection").then(([peer]: Socket[]) =>
    peer === undefined ? Buffer.alloc(0) : buffer(peer).finally(() => peer.destroy()),
  );
  const socket = freeingHandedOver(connect(address.port, "127.0.0.1"));
  await once(socket, "connect");
  return {
    socket,
    received,
    [Symbol.asyncDispose]: async () => {
      socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

describe("a chunk that was handed over", () => {
  test("is freed when it is written, not sooner, and others are not", async ({ expect }) => {
    await using connection = await connected();
    const { socket, received } = connection;
    const [ours, kept, part] = [gathered(1), gathered(2), gathered(3).subarray(0, 200_000)];
    handOver(ours);
    handOver(part);
    socket.cork();
    socket.write("text", "latin1");
    socket.write(ours);
    socket.write(kept);
    socket.write(part);
    expect([ours.length, part.length]).toEqual([CHUNK_BYTES, 200_000]);
    socket.uncork();
    await new Promise<void>((resolve) => void socket.end(() => resolve()));
    expect([ours.length, kept.length, part.length]).toEqual([0, CHUNK_BYTES, 0]);
    const expected = [
      Buffer.from("text"),
      Buffer.alloc(CHUNK_BYTES, 1),
      Buffer.alloc(CHUNK_BYTES, 2),
      Buffer.alloc(200_000, 3),
    ];
    expect((await received).equals(Buffer.concat(expected))).toBe(true);
  });

  test("leaves alone whoever waits for its own write", async ({ expect }) => {
    await using connection = await connected();
    const chunk = gathered(1);
    handOver(chunk);
    await new Promise<void>((resolve) => void connection.socket.write(chunk, () => resolve()));
    expect(chunk).toHaveLength(CHUNK_BYTES);
  });

  test("is freed when the connection is given up", async ({ expect }) => {
    await using connection = await connected();
    const chunks = Array.from({ length: 64 }, (_, value) => gathered(value));
    for (const chunk of chunks) {
      handOver(chunk);
      connection.socket.write(chunk);
    }
    connection.socket.destroy();
    await once(connection.socket, "close");
    expect(chunks.map((chunk) => chunk.length)).toEqual(chunks.map(() => 0));
  });
});

describe("the buffers of a body", () => {
  const views = (bytes: number): readonly [Uint8Array, Uint8Array] => {
    const whole = new Uint8Array(bytes);
    return [whole.subarray(0, 10), whole.subarray(10)];
  };

  test("are freed when the first chunk of the next one comes, all but the first and the last", ({
    expect,
  }) => {
    const spent = new SpentBuffers();
    const buffers = [views(65_536), views(65_536), views(20_000), views(65_536)];
    const lengths = (): unknown => buffers.map(([start]) => start.length);
    const seen: unknown[] = [];
    for (const [start, rest] of buffers) {
      spent.pass(start);
      spent.pass(rest);
      seen.push(lengths());
    }
    expect(seen).toEqual([
      [10, 10, 10, 10],
      [10, 10, 10, 10],
      [10, 0, 10, 10],
      [10, 0, 0, 10],
    ]);
  });

  test("are kept while the connection still reads into them, also behind a copy of what had to wait", ({
    expect,
  }) => {
    const spent = new SpentBuffers();
    const reader = new SlabReader();
    reader.attach(new Socket());
    const { onread } = reader;
    const read = (length: number): Uint8Array => {
      const room = typeof onread.buffer === "function" ? onread.buffer() : expect.unreachable();
      onread.callback(length, room);
      return room.subarray(0, length);
    };
    const [first, second, again, third, fourth] = [250_000, 100_000, 100_000, 250_000, 250_000].map(read);
    const copy = new Uint8Array(70_000);
    for (const chunk of [first, second, copy, again]) spent.pass(chunk ?? expect.unreachable());
    expect([second?.length, again?.length]).toEqual([100_000, 100_000]);
    spent.pass(third ?? expect.unreachable());
    expect([first?.length, second?.length, again?.length, third?.length]).toEqual([250_000, 0, 0, 250_000]);
    spent.pass(fourth ?? expect.unreachable());
    expect([third?.length, fourth?.length]).toEqual([0, 250_000]);
  });

  test("are left alone when others may have parts of them", ({ expect }) => {
    const spent = new SpentBuffers();
    const pooled = Buffer.from("in the pool that all small buffers share");
    const shared = new Uint8Array(new SharedArrayBuffer(65_536));
    for (const chunk of [
      new Uint8Array(1),
      pooled,
      new Uint8Array(Buffer.poolSize),
      shared,
      new Uint8Array(2),
    ])
      spent.pass(chunk);
    expect([pooled.toString(), shared.length]).toEqual(["in the pool that all small buffers share", 65_536]);
  });
});
