import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { Readable } from "node:stream";
import { Agent } from "undici";
import { describe, test } from "vitest";
import { dispatchRequest, type Response } from "./dispatch-request.ts";
import { ResponseBody } from "./response-body.ts";

interface Host extends AsyncDisposable {
  /** Ask with these changes to a plain GET. */
  ask(changes?: { readonly body?: Readable; readonly signal?: AbortSignal }): Promise<Response>;
}

async function host(listener: RequestListener): Promise<Host> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not a port");
  const agent = new Agent();
  return {
    ask: ({ body, signal = new AbortController().signal } = {}) =>
      dispatchRequest(
        agent,
        {
          origin: `http://127.0.0.1:${address.port}`,
          path: "/",
          method: body === undefined ? "GET" : "POST",
          ...(body === undefined ? {} : { body }),
        },
        signal,
      ),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await agent.destroy();
    },
  };
}

async function textOf({ body }: Response): Promise<string> {
  let text = "";
  while (await body.more()) text += Buffer.from(body.take() ?? []).toString();
  return text;
}

describe("dispatchRequest()", () => {
  test("brings the final answer, its headers and its body", async ({ expect }) => {
    await using server = await host((_, response) => {
      response.writeEarlyHints({ link: "</a>; rel=preload" });
      response.writeHead(201, { "x-a": "b" }).end("all of it");
    });
    const answer = await server.ask();
    expect([answer.statusCode, answer.headers["x-a"], await textOf(answer)]).toEqual([201, "b", "all of it"]);
    expect(await answer.body.more()).toBe(false);
  });

  test("brings what had come before the connection broke, then the break", async ({ expect }) => {
    await using server = await host((_, response) => {
      response.writeHead(200, { "content-length": "10" });
      response.write("12345", () => response.destroy());
    });
    const { body } = await server.ask();
    expect(await body.more()).toBe(true);
    expect(Buffer.from(body.take() ?? []).toString()).toBe("12345");
    await expect(body.more()).rejects.toMatchObject({ code: "UND_ERR_SOCKET" });
  });

  test("ends with the signal's reason: before, without and within an answer", async ({ expect }) => {
    let gone = 0;
    await using server = await host((request, response) => {
      response.on("close", () => (gone += 1));
      if (request.method === "GET") response.writeHead(200).write("begun");
    });
    const reason = new Error("enough");
    await expect(server.ask({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);

    const silent = new AbortController();
    const body = Readable.from(
      (async function* () {
        yield "a";
        setImmediate(() => silent.abort(reason));
        await new Promise(() => {});
      })(),
    );
    await expect(server.ask({ body, signal: silent.signal })).rejects.toBe(reason);
    expect(body.destroyed).toBe(true);

    const begun = new AbortController();
    const answer = await server.ask({ signal: begun.signal });
    expect(await answer.body.more()).toBe(true);
    answer.body.take();
    begun.abort(reason);
    await expect(answer.body.more()).rejects.toBe(reason);
  });

  test("closes a body that nobody will read", async ({ expect }) => {
    const agent = new Agent();
    const body = Readable.from(["never sent"]);
    const request = { origin: "http://127.0.0.1:1", path: "/", method: "POST", body } as const;
    await expect(dispatchRequest(agent, request, new AbortController().signal)).rejects.toThrow();
    expect(body.destroyed).toBe(true);
    await agent.destroy();
  });
});

describe("a body", () => {
  test("stops its connection when much waits, and lets it go on when all is taken", async ({ expect }) => {
    const calls: string[] = [];
    const note = (call: string) => (): void => void calls.push(call);
    const body = new ResponseBody({
      aborted: false,
      paused: false,
      reason: null,
      pause: note("pause"),
      resume: note("resume"),
      abort: note("abort"),
    });
    body.push(new Uint8Array(300_000));
    expect(calls).toEqual([]);
    body.push(new Uint8Array(300_000));
    expect(calls).toEqual(["pause"]);
    body.take();
    expect(calls).toEqual(["pause"]);
    body.take();
    expect(calls).toEqual(["pause", "resume"]);
    body.destroy();
    expect(calls).toEqual(["pause", "resume", "abort"]);
    await expect(body.more()).rejects.toThrow("given up");
  });
});
