import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import type { AuthProvider, EndpointAuth } from "../../auth.ts";
import { createClient } from "../../client.ts";
import { isSyncError, type SyncError } from "../../errors.ts";
import type { ProbeRequest, ProbeResult } from "../../schema/index.ts";
import { id } from "../../testing/values.ts";

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

interface Server extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly IncomingMessage[];
}

async function serve(answer: Answer): Promise<Server> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

const pkt = (text: string): string => `${(text.length + 4).toString(16).padStart(4, "0")}${text}`;

/** A listing of one branch in protocol v0. */
const list: Answer = (_, response) => {
  response.setHeader("content-type", "application/x-git-upload-pack-advertisement");
  response.end(
    `${pkt("# service=git-upload-pack\n")}0000${pkt(`${id(1)} refs/heads/main\0ofs-delta agent=test\n`)}0000`,
  );
};

async function probe(
  request: Omit<ProbeRequest, "source"> & { readonly url: string; readonly followInfoRefsRedirect?: boolean },
  auth?: AuthProvider,
): Promise<ProbeResult> {
  const { url, followInfoRefsRedirect = false, ...rest } = request;
  const client = createClient({ egress: { addresses: "any" }, ...(auth === undefined ? {} : { auth }) });
  try {
    return await client.probe({ ...rest, source: { url, followInfoRefsRedirect } });
  } finally {
    await client.close();
  }
}

async function failureOf(run: Promise<unknown>): Promise<SyncError> {
  const outcome: unknown = await run.catch((error: unknown) => error);
  return isSyncError(outcome) ? outcome : expect.unreachable(`no SyncError but ${String(outcome)}`);
}

/** Gives one answer after the other, the last one for ever. */
function provide(...answers: readonly EndpointAuth[]): AuthProvider & { asked: number } {
  return {
    asked: 0,
    authFor() {
      this.asked += 1;
      return Promise.resolve(answers[Math.min(this.asked, answers.length) - 1] ?? {});
    },
  };
}

const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;

describe("an HTTP connection", () => {
  test("says who it is and asks for the protocol that was asked for, and nothing about us beyond that", async () => {
    for (const [protocol, header] of [
      ["auto", "version=2"],
      ["v2", "version=2"],
      ["v1", "version=1"],
    ] as const) {
      await using server = await serve(list);
      const result = await probe({ url: `${server.url}/a.git`, protocol });
      expect(result).toMatchObject({ protocol: "v0", refs: [{ name: "refs/heads/main", hash: id(1) }] });
      const [request] = server.requests;
      expect(request?.url).toBe("/a.git/info/refs?service=git-upload-pack");
      expect(request?.headers["git-protocol"]).toBe(header);
      expect(request?.headers["user-agent"]).toMatch(/^git\//u);
      expect(Object.keys(request?.headers ?? {}).toSorted()).toEqual([
        "accept",
        "connection",
        "git-protocol",
        "host",
        "pragma",
        "user-agent",
      ]);
    }
  });

  test.for([
    [{ token: "t" }, basic("git:t")],
    [{ username: "u", token: "t" }, basic("u:t")],
    [{ bearerToken: "b", token: "t" }, "Bearer b"],
    [{}, undefined],
    [{ username: "u" }, undefined],
  ] as const)("sends %j with the first request", async ([auth, expected]) => {
    await using server = await serve(list);
    await probe({ url: server.url }, provide(auth));
    expect(server.requests.map((request) => request.headers.authorization)).toEqual([expected]);
  });

  test("asks for credentials again after a 401, once, and only sends others", async () => {
    for (const [answers, requests, code] of [
      [[{ token: "old" }, { token: "new" }], 2, undefined],
      [[{ token: "old" }, { token: "bad" }, { token: "new" }], 2, "AUTH_DENIED"],
      [[{ token: "old" }], 1, "AUTH_DENIED"],
      [[{}], 1, "AUTH_REQUIRED"],
    ] as const) {
      await using server = await serve((request, response) => {
        if (request.headers.authorization === basic("git:new")) list(request, response);
        else response.writeHead(401).end();
      });
      const run = probe({ url: server.url }, provide(...answers));
      if (code === undefined) await run;
      else expect((await failureOf(run)).code).toBe(code);
      expect(server.requests).toHaveLength(requests);
    }
  });

  test.for([false, true])(
    "sends no secret to another origin, redirect followed for good: %s",
    async (followInfoRefsRedirect) => {
      await using other = await serve(list);
      await using server = await serve((request, response) => {
        response.writeHead(302, { location: `${other.url}${request.url ?? ""}` }).end();
      });
      await probe({ url: `${server.url}/a`, followInfoRefsRedirect }, provide({ token: "t" }));
      expect(server.requests.map((request) => request.headers.authorization)).toEqual([basic("git:t")]);
      expect(other.requests.map((request) => request.headers.authorization)).toEqual([undefined]);
    },
  );

  test("does not ask for credentials because another origin wants some", async () => {
    await using other = await serve((_, response) => void response.writeHead(401).end());
    await using server = await serve((request, response) => {
      response.writeHead(302, { location: `${other.url}${request.url ?? ""}` }).end();
    });
    const auth = provide({ token: "old" }, { token: "new" });
    await failureOf(probe({ url: server.url }, auth));
    expect([auth.asked, other.requests.length]).toEqual([1, 1]);
  });

  test("follows three redirects and not a fourth", async () => {
    for (const [hops, code] of [
      [3, undefined],
      [4, "REDIRECT_REFUSED"],
    ] as const) {
      await using server = await serve((request, response) => {
        const done = Number(/^\/h(\d+)/u.exec(request.url ?? "")?.[1] ?? 0);
        if (done === hops) list(request, response);
        else response.writeHead(301, { location: `/h${done + 1}/info/refs?service=git-upload-pack` }).end();
      });
      const run = probe({ url: `${server.url}/h0` });
      if (code === undefined) await run;
      else expect((await failureOf(run)).code).toBe(code);
      expect(server.requests).toHaveLength(4);
    }
  });

  test.for([
    { token: "canary-token" },
    { username: "u", token: "canary-token" },
    { bearerToken: "canary-bearer" },
  ] as const)("keeps secrets out of its errors when a server shows the request: %j", async (auth) => {
    await using server = await serve((request, response) => {
      response.writeHead(500, { "content-type": "text/plain" });
      response.end(`${request.headers.authorization} ${JSON.stringify(auth)} failed`);
    });
    const failure = await failureOf(probe({ url: server.url }, provide(auth)));
    expect(failure.message).toContain("failed");
    const shown = `${failure.message} ${JSON.stringify(failure.details)} ${failure.stack} ${String(failure.cause)}`;
    for (const secret of [
      ...Object.values(auth).filter((value) => value !== "u"),
      server.requests[0]?.headers.authorization?.split(" ")[1] ?? "none",
    ]) {
      expect(shown).not.toContain(secret);
    }
  });

  test.for(["", "with space", "line\n", "caf\u00e9"])(
    "calls the bearer token %j one that cannot be sent",
    async (bearerToken) => {
      await using server = await serve(list);
      expect((await failureOf(probe({ url: server.url }, provide({ bearerToken })))).code).toBe(
        "AUTH_PROVIDER_FAILED",
      );
      expect(server.requests).toEqual([]);
    },
  );

  test("does not show why a provider of credentials failed, but keeps it as the cause", async () => {
    const cause = new Error("canary");
    const failure = await failureOf(
      probe({ url: "http://127.0.0.1:1/a" }, { authFor: () => Promise.reject(cause) }),
    );
    expect(failure).toMatchObject({ code: "AUTH_PROVIDER_FAILED", cause });
    expect(failure.message).not.toContain("canary");
  });

  test("reads no more than a little of an error's body", async () => {
    let sent = 0;
    await using server = await serve((_, response) => {
      response.writeHead(500, { "content-type": "text/plain" });
      const more = (): void => {
        while (!response.destroyed && sent < 200_000_000) {
          sent += 65_536;
          if (!response.write("x".repeat(65_536))) return void response.once("drain", more);
        }
        response.end();
      };
      more();
    });
    const failure = await failureOf(probe({ url: server.url }));
    expect([failure.code, failure.message.length < 1_000]).toEqual(["REMOTE_UNAVAILABLE", true]);
    expect(sent).toBeLessThan(50_000_000);
  });

  test.for([
    ["text/html", "NOT_A_REPOSITORY"],
    ["text/plain", "NOT_A_REPOSITORY"],
    ["application/x-git-receive-pack-advertisement", "NOT_A_REPOSITORY"],
  ] as const)("takes an answer of type %s for %s", async ([type, code]) => {
    await using server = await serve(
      (_, response) => void response.setHeader("content-type", type).end("hello"),
    );
    expect((await failureOf(probe({ url: server.url }))).code).toBe(code);
  });

  test("ends at once when it is cancelled in the middle of a listing", async () => {
    const controller = new AbortController();
    await using server = await serve((_, response) => {
      response.setHeader("content-type", "application/x-git-upload-pack-advertisement");
      response.write(pkt("# service=git-upload-pack\n"), () => controller.abort(new Error("enough")));
    });
    const client = createClient({ egress: { addresses: "any" } });
    const failure = await failureOf(
      client.probe({ source: { url: server.url } }, { signal: controller.signal }),
    );
    expect(failure.code).toBe("ABORTED");
    await client.close();
  });

  test("ends when a server says nothing for too long", async () => {
    await using server = await serve((_, response) => {
      response.setHeader("content-type", "application/x-git-upload-pack-advertisement");
      response.write(pkt("# service=git-upload-pack\n"));
    });
    const client = createClient({ egress: { addresses: "any" }, limits: { idleTimeoutMs: 50 } });
    expect((await failureOf(client.probe({ source: { url: server.url } }))).code).toBe("REMOTE_TIMEOUT");
    await client.close();
  });
});
