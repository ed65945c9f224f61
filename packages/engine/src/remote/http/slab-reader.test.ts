import { once } from "node:events";
import { createServer, Socket } from "node:net";
import { describe, test } from "vitest";
import { BUFFER_BYTES } from "../release-bytes.ts";
import { SlabReader } from "./slab-reader.ts";

const SENT = Buffer.alloc(3_000_000, "0123456789");

/** A connection whose other side sends all of `SENT`, in pieces of `pieceBytes`. */
async function receiving(pieceBytes: number): Promise<Socket> {
  const server = createServer((peer) => {
    for (let at = 0; at < SENT.length; at += pieceBytes) peer.write(SENT.subarray(at, at + pieceBytes));
    peer.end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not a port");
  const reader = new SlabReader();
  const socket = new Socket({ onread: reader.onread });
  socket.connect(address.port, "127.0.0.1");
  reader.attach(socket);
  socket.once("close", () => server.close());
  return socket;
}

describe("a connection that is read into large buffers", () => {
  test.for([1_000, 70_000, SENT.length])(
    "brings what was sent, in pieces of %i",
    async (bytes, { expect }) => {
      const chunks: Buffer[] = [];
      for await (const chunk of await receiving(bytes)) chunks.push(chunk);
      expect(Buffer.concat(chunks).equals(SENT)).toBe(true);
    },
  );

  test("uses a buffer until little room is left in it, and no part of one twice", ({ expect }) => {
    const { buffer, callback } = reading(new Socket());
    const rooms: [number, number][] = [];
    for (const read of [1_000, 150_000, 50_000, 100]) {
      const room = buffer();
      rooms.push([room.byteOffset, room.length]);
      callback(read, room);
    }
    expect(rooms).toEqual([
      [0, BUFFER_BYTES],
      [1_000, BUFFER_BYTES - 1_000],
      [151_000, BUFFER_BYTES - 151_000],
      [0, BUFFER_BYTES],
    ]);
  });

  test("stops reading while much of what has come waits", ({ expect }) => {
    const socket = new Socket();
    const { buffer, callback } = reading(socket);
    expect(callback(1_000, buffer())).toBe(true);
    expect(callback(BUFFER_BYTES - 1_000, buffer())).toBe(false);
    expect(socket.readableLength).toBe(BUFFER_BYTES);
  });
});

/** What Node calls for a connection. */
function reading(socket: Socket): {
  readonly buffer: () => Uint8Array;
  readonly callback: (length: number, bytes: Uint8Array) => boolean;
} {
  const reader = new SlabReader();
  reader.attach(socket);
  const { onread } = reader;
  const { buffer } = onread;
  if (typeof buffer !== "function") throw new Error("one buffer for all reads");
  return { buffer, callback: (length, bytes) => onread.callback(length, bytes) };
}
