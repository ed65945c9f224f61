import { Readable } from "node:stream";
import { Worker } from "node:worker_threads";
import { describe, expect, onTestFinished, test } from "vitest";
import { addressPolicy } from "../../egress/address-policy.ts";
import { resolveLimits } from "../../options.ts";
import { dispatchRequest, type Response } from "./dispatch-request.ts";
import { guardedDispatchers } from "./guarded-dispatcher.ts";

/** A server in a thread of its own: at the first bytes it says `words`, hangs up with the rest unread, and tells. */
const SERVER = `
  const { createServer } = require("node:net");
  const { workerData, parentPort } = require("node:worker_threads");
  const done = new Int32Array(workerData.done);
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => {
      socket.pause();
      const hangUp = () => {
        socket.resetAndDestroy();
        Atomics.store(done, 0, 1);
        Atomics.notify(done, 0);
      };
      if (workerData.words === "") hangUp();
      else socket.write(workerData.words, hangUp);
    });
  }).listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port));
`;

/** Push a body of which the second chunk leaves when the server has hung up and nothing was read since. */
async function pushTo(words: string): Promise<Response> {
  const done = new SharedArrayBuffer(4);
  const thread = new Worker(SERVER, { eval: true, workerData: { done, words } });
  onTestFinished(() => void thread.terminate());
  const port = await new Promise<number>((resolve) => thread.once("message", resolve));
  const egress = { addresses: "any", schemes: ["http"] } as const;
  const dispatchers = guardedDispatchers(egress, addressPolicy(egress), resolveLimits());
  onTestFinished(() => dispatchers.close());
  const body = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    yield Buffer.from("the first chunk");
    await new Promise((resolve) => setImmediate(resolve));
    // The whole process stands still, so that the write comes before any read.
    Atomics.wait(new Int32Array(done), 0, 0, 5_000);
    for (let n = 0; n < 8; n += 1) yield Buffer.alloc(64 * 1024);
  };
  return dispatchRequest(
    dispatchers.fresh({}),
    { origin: `http://127.0.0.1:${port}`, path: "/", method: "POST", body: Readable.from(body()) },
    AbortSignal.timeout(10_000),
  );
}

describe("a server that hangs up while a body is sent to it", () => {
  test.for([411, 413])("is heard when it answered %i before", async (status) => {
    const answer = await pushTo(
      `HTTP/1.1 ${status} No\r\ncontent-length: 4\r\nconnection: close\r\n\r\nwhy?`,
    );
    expect(answer.statusCode).toBe(status);
    expect(await answer.body.more()).toBe(true);
    expect(Buffer.from(answer.body.take() ?? []).toString()).toBe("why?");
  });

  test("without an answer is an error at once", async () => {
    const startedMs = performance.now();
    await expect(pushTo("")).rejects.toMatchObject({
      code: expect.stringMatching(/EPIPE|ECONNRESET|UND_ERR_SOCKET/u),
    });
    expect(performance.now() - startedMs).toBeLessThan(900);
  });
});
