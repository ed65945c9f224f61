import fc from "fast-check";
import { describe, test } from "vitest";
import { type ObjectId, parseObjectId } from "../object-id.ts";
import { PktLineDecoder } from "../pkt-line/pkt-line-decoder.ts";
import { encodePktLine, textOf } from "../pkt-line/pkt-line-encoder.ts";
import { concat, packets } from "../testing/bytes.ts";
import { FetchSession } from "./fetch-session.ts";

// Two processes with a pipe each way, as small as any system makes them. A writer waits while its pipe is full.

const SMALLEST_PIPE = 4096;

class Pipe {
  readonly #capacity: number;
  #bytes: Uint8Array = new Uint8Array(0);

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** @returns what did not fit. */
  write(bytes: Uint8Array): Uint8Array {
    const room = this.#capacity - this.#bytes.length;
    this.#bytes = concat(this.#bytes, bytes.subarray(0, room));
    return bytes.subarray(room);
  }

  /** At most `most` bytes. */
  read(most: number): Uint8Array {
    const taken = this.#bytes.subarray(0, most);
    this.#bytes = this.#bytes.subarray(taken.length);
    return taken;
  }
}

/** Reads line by line and answers each at once, as git's own does, and reads no more while its answer waits. */
class LineServer {
  readonly #input: Pipe;
  readonly #output: Pipe;
  readonly #known: (oid: string) => boolean;
  readonly #lines: string[] = [];
  readonly #decoder = new PktLineDecoder();
  #waiting: Uint8Array;
  #wants = true;
  #last = "";
  done = false;

  constructor(input: Pipe, output: Pipe, known: (oid: string) => boolean, greeting: Uint8Array) {
    this.#input = input;
    this.#output = output;
    this.#known = known;
    this.#waiting = greeting;
  }

  /** @returns false when nothing could be done. */
  step(most: number): boolean {
    if (this.#waiting.length > 0) {
      const before = this.#waiting.length;
      this.#waiting = this.#output.write(this.#waiting);
      return this.#waiting.length < before;
    }
    const line = this.#lines.shift();
    if (line !== undefined) {
      this.#waiting = this.#answer(line);
      return true;
    }
    const read = this.#input.read(most);
    this.#decoder.feed(read, (kind, payload) => {
      this.#lines.push(kind === "flush" ? "flush" : textOf(payload));
    });
    return read.length > 0;
  }

  #answer(line: string): Uint8Array {
    if (line === "flush" && this.#wants) {
      this.#wants = false;
      return new Uint8Array(0);
    }
    if (line === "flush") return packets("NAK\n");
    if (line === "done") {
      this.done = true;
      const last = this.#last === "" ? "NAK\n" : `ACK ${this.#last}\n`;
      return concat(packets(last), packets("\x01PACK"), packets("0000"));
    }
    const oid = line.slice(5);
    if (!line.startsWith("have ") || !this.#known(oid)) return new Uint8Array(0);
    this.#last = oid;
    return encodePktLine(`ACK ${oid} common\n`);
  }
}

interface Client {
  /** Reads only when all is written. */
  readonly duplex: boolean;
  readonly negotiation: "rounds" | "at-once";
}

/** @returns true when the fetch came to its end, false when both sides wait for each other. */
function fetches(
  client: Client,
  capacity: number,
  haves: readonly ObjectId[],
  sizes: readonly number[],
): boolean {
  const toServer = new Pipe(capacity);
  const toClient = new Pipe(capacity);
  const [tip] = haves;
  if (tip === undefined) throw new Error("no haves");
  const greeting = packets(`${tip} HEAD\0multi_ack_detailed side-band-64k object-format=sha256\n`, "0000");
  const server = new LineServer(
    toServer,
    toClient,
    (oid) => Number.parseInt(oid.slice(-1), 16) % 3 !== 0,
    greeting,
  );
  const session = new FetchSession({ transport: "stateful" });
  let waiting: Uint8Array = new Uint8Array(0);
  const stepClient = (most: number): boolean => {
    waiting = concat(waiting, session.takeBytes() ?? new Uint8Array(0));
    const before = waiting.length;
    waiting = toServer.write(waiting);
    if (waiting.length > 0 && !client.duplex) return waiting.length < before;
    const read = session.receiving ? toClient.read(most) : new Uint8Array(0);
    if (read.length > 0) session.feed(read);
    if (session.state === "request") {
      session.fetch({ wants: [tip], haves, negotiation: client.negotiation }, { onPack: () => {} });
      return true;
    }
    return read.length > 0 || waiting.length < before;
  };
  for (let turn = 0; session.state !== "done"; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    const moved = [stepClient(size), server.step(size)];
    if (!moved.includes(true)) return false;
  }
  return true;
}

describe("over the smallest pipes", () => {
  const ids = (count: number): ObjectId[] =>
    Array.from({ length: count }, (_, index) => parseObjectId((index + 1).toString(16).padStart(64, "0")));
  const haves = fc.integer({ min: 1, max: 600 }).map(ids);
  const sizes = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 20 });

  test("rounds never end in both sides waiting, not even for a client that reads only when all is written", ({
    expect,
  }) => {
    fc.assert(
      fc.property(haves, sizes, fc.boolean(), (told, steps, duplex) => {
        expect(fetches({ duplex, negotiation: "rounds" }, SMALLEST_PIPE, told, steps)).toBe(true);
      }),
    );
  });

  test("haves told at once need a client that reads while it writes, and any pipe will do", ({ expect }) => {
    fc.assert(
      fc.property(haves, sizes, (told, steps) => {
        expect(fetches({ duplex: true, negotiation: "at-once" }, 64, told, steps)).toBe(true);
      }),
    );
    expect(fetches({ duplex: false, negotiation: "at-once" }, SMALLEST_PIPE, ids(500), [4096])).toBe(false);
  });
});
