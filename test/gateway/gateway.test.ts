import { request as httpRequest, type IncomingMessage } from "node:http";
import { chmod } from "node:fs/promises";
import { connect } from "node:net";
import { once } from "node:events";
import { createGateway, PROBLEMS } from "@gitsync/gateway";
import { createProducer, type Producer } from "@gitsync/producer";
import { createSilentLogger, openQueueStore, parseQueueUrl, Secret, type QueueStore } from "@gitsync/runtime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startRedis } from "../support/redis.ts";
import { describeWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { gatewayOptions, startGateway, type Served } from "./support/serve.ts";

const logger = createSilentLogger();
const TOKEN = "canary-api-token";
const BODY = { source: { url: "https://example.com/a.git" }, target: { url: "https://example.com/b.git" } };

function post(
  url: string,
  body: unknown = BODY,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return fetch(url, {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
    headers: { "content-type": "application/json", ...headers },
  });
}

/** The problem of an answer, checked for the form that every problem has. */
async function problemOf(response: Response): Promise<string> {
  expect(response.headers.get("content-type")).toMatch(/^application\/problem\+json/u);
  const problem = (await response.json()) as Readonly<Record<string, unknown>>;
  const known = Object.entries(PROBLEMS).find(([code]) => code === problem["code"]);
  expect(problem).toMatchObject({
    type: `urn:git-sync:problem:${String(problem["code"])}`,
    status: response.status,
    title: known?.[1].title,
    detail: expect.stringMatching(/./u),
  });
  expect(JSON.stringify(problem)).not.toMatch(/node_modules|\bat .*\.ts/u);
  return String(problem["code"]);
}

describeWith(["postgres"], "the API on a queue", () => {
  const folder = temporaryFolder("gateway");
  let store: QueueStore;
  let producer: Producer;
  let served: Served;
  let url: string;

  beforeAll(async () => {
    await chmod(folder.path, 0o711); // As root the embedded server runs under another account.
    store = await openQueueStore(parseQueueUrl(`embedded:${folder.join("queue")}`, {}), {
      logger,
      role: "producer",
    });
    producer = await createProducer({ store, logger });
    served = await startGateway({ producer, ready: () => store.ping() });
    url = served.url;
  });
  afterAll(async () => {
    await served?.[Symbol.asyncDispose]();
    await producer?.close();
    await store?.close();
    await folder[Symbol.asyncDispose]();
  });

  test("a job is accepted, shown, listed, cancelled and asked for again", async () => {
    const accepted = await post(`${url}/v1/jobs`);
    expect(accepted.status).toBe(202);
    const job = (await accepted.json()) as Readonly<Record<string, unknown>>;
    expect(job).toEqual({
      id: expect.any(String),
      route: expect.stringMatching(/^adhoc-/u),
      state: "waiting",
      coalesced: false,
      requestedAt: expect.any(Number),
    });
    expect(accepted.headers.get("location")).toBe(`/v1/jobs/${String(job["id"])}`);

    const again = (await (await post(`${url}/v1/jobs`)).json()) as Readonly<Record<string, unknown>>;
    expect(again).toMatchObject({ id: job["id"], coalesced: true });

    const shown = await fetch(`${url}/v1/jobs/${String(job["id"])}`);
    expect(await shown.json()).toMatchObject({
      id: job["id"],
      state: "waiting",
      target: "example.com/b",
      trigger: "person",
    });
    const list = (await (await fetch(`${url}/v1/jobs?state=waiting&limit=5`)).json()) as {
      jobs: { id: string }[];
    };
    expect(list.jobs.map(({ id }) => id)).toContain(job["id"]);

    const cancelled = await fetch(`${url}/v1/jobs/${String(job["id"])}/cancel`, { method: "POST" });
    expect(cancelled.status).toBe(200);
    expect(await cancelled.json()).toMatchObject({ id: job["id"], state: "cancelled" });

    const retried = await fetch(`${url}/v1/jobs/${String(job["id"])}/retry`, { method: "POST" });
    expect(retried.status).toBe(202);
    const next = (await retried.json()) as Readonly<Record<string, unknown>>;
    expect(next).toMatchObject({ route: job["route"], state: "waiting" });
    expect(next["id"]).not.toBe(job["id"]);
  });

  test.for<readonly [title: string, body: unknown, code: string, detail: RegExp]>([
    ["no target", { source: BODY.source }, "request-invalid", /target is required/u],
    ["an unknown field", { ...BODY, force: true }, "request-invalid", /force is not known/u],
    [
      "a wrong type",
      { ...BODY, scope: { branches: "main" } },
      "request-invalid",
      /scope\.branches must be a list/u,
    ],
    [
      "credentials in a URL",
      { ...BODY, source: { url: "https://u:hunter2@example.com/a" } },
      "request-invalid",
      /./u,
    ],
    ["no JSON", "{", "body-invalid", /./u],
    ["no body", "", "body-invalid", /./u],
    ["a list", "[]", "request-invalid", /must be an object/u],
    ["__proto__", '{"__proto__":{"x":1}}', "body-invalid", /./u],
    ["constructor", '{"constructor":{"prototype":{"x":1}}}', "body-invalid", /./u],
  ])("%s is refused", async ([, body, code, detail]) => {
    const response = await post(`${url}/v1/jobs`, body);
    expect(response.status).toBe(400);
    const text = await response.clone().text();
    expect(await problemOf(response)).toBe(code);
    expect(text).toMatch(detail);
    expect(text).not.toContain("hunter2");
  });

  test("a body that is not declared as JSON, or is too large, is refused", async () => {
    expect(await problemOf(await post(`${url}/v1/jobs`, BODY, { "content-type": "text/plain" }))).toBe(
      "media-type-unsupported",
    );
    expect(
      await problemOf(await post(`${url}/v1/jobs`, BODY, { "content-type": "application/json\ta" })),
    ).toBe("media-type-unsupported");
    expect(await problemOf(await post(`${url}/v1/jobs`, "x".repeat(2 ** 20 + 1)))).toBe("body-too-large");
  });

  test.for([
    "state=lost",
    "limit=0",
    "limit=201",
    "limit=ten",
    "nope=1",
    "state=waiting&state=failed",
    "mirror=",
    "route=docs/one",
  ])("the query %s is refused", async (query) => {
    expect(await problemOf(await fetch(`${url}/v1/jobs?${query}`))).toBe("query-invalid");
  });

  test("what is not there is not found", async () => {
    expect(await problemOf(await fetch(`${url}/v1/jobs/nope`))).toBe("job-not-found");
    expect(await problemOf(await fetch(`${url}/v1/jobs?mirror=nope`))).toBe("mirror-not-found");
    expect(await problemOf(await post(`${url}/v1/jobs/nope/cancel`, {}))).toBe("job-not-found");
    expect(await problemOf(await post(`${url}/v1/jobs/nope/retry`, {}))).toBe("job-not-found");
    for (const path of ["/v2/jobs", "/admin", "/%zz", "/v1/jobs/..%2f..%2fetc"]) {
      expect((await fetch(url + path)).status, path).toBe(404);
    }
  });

  test("endpoints that are not configured are refused unless that is allowed", async () => {
    await using strict = await startGateway({ producer, adhoc: () => false });
    const response = await post(`${strict.url}/v1/jobs`);
    expect(response.status).toBe(403);
    expect(await problemOf(response)).toBe("adhoc-disabled");
  });

  test("the probes say whether the process is up and whether its queue answers", async () => {
    expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ status: "ok" });
    expect(await (await fetch(`${url}/readyz`)).json()).toEqual({ status: "ready" });
    await using away = await startGateway({ producer, ready: () => Promise.reject(new Error("away")) });
    expect((await fetch(`${away.url}/healthz`)).status).toBe(200);
    expect((await fetch(`${away.url}/readyz`)).status).toBe(503);
  });

  test("every answer carries the security headers, and the page asks no other host", async () => {
    for (const path of ["/", "/page.js", "/page.css", "/healthz", "/v1/jobs", "/nope"]) {
      const { headers } = await fetch(url + path);
      expect(headers.get("content-security-policy"), path).toContain("default-src 'none'");
      expect(headers.get("x-content-type-options"), path).toBe("nosniff");
      expect(headers.get("referrer-policy"), path).toBe("no-referrer");
      expect(headers.get("access-control-allow-origin"), path).toBeNull();
    }
    const page = await (await fetch(url)).text();
    expect(page).not.toMatch(/<script>|<style|style=|onclick|https?:/u);
  });

  describe("with a token", () => {
    let guarded: Served;
    beforeAll(async () => {
      guarded = await startGateway({ producer, token: new Secret(TOKEN) });
    });
    afterAll(() => guarded[Symbol.asyncDispose]());

    test.for<readonly [authorization: string, code: string]>([
      ["", "token-missing"],
      ["Bearer", "token-missing"],
      [`Basic ${Buffer.from(`x:${TOKEN}`).toString("base64")}`, "token-missing"],
      ["Bearer x", "token-invalid"],
      [`Bearer ${TOKEN}x`, "token-invalid"],
      [`Bearer ${TOKEN.slice(1)}`, "token-invalid"],
      [`Bearer ${TOKEN.toUpperCase()}`, "token-invalid"],
    ])("authorization %j is refused", async ([authorization, code]) => {
      for (const [method, path] of [
        ["GET", "/v1/jobs"],
        ["POST", "/v1/jobs"],
        ["GET", "/v1/jobs/x"],
        ["POST", "/v1/jobs/x/cancel"],
        ["GET", "/nope"],
      ] as const) {
        const response = await fetch(guarded.url + path, {
          method,
          headers: authorization === "" ? {} : { authorization },
        });
        expect(response.status, path).toBe(401);
        expect(response.headers.get("www-authenticate")).toContain("Bearer");
        expect(await problemOf(response)).toBe(code);
      }
    });

    test("it opens the API; the probes and the page's files need none", async () => {
      const headers = { authorization: `bearer ${TOKEN}` };
      expect((await fetch(`${guarded.url}/v1/jobs`, { headers })).status).toBe(200);
      for (const path of ["/healthz", "/readyz", "/", "/page.js"])
        expect((await fetch(guarded.url + path)).status).toBe(200);
    });

    test("the machine may be called by any name", async () => {
      expect(
        await statusFor(`${guarded.url}/v1/jobs`, {
          host: "gateway.example",
          authorization: `Bearer ${TOKEN}`,
        }),
      ).toBe(200);
    });
  });

  describe("without a token", () => {
    test.for(["gateway.example", "127.0.0.1.example", "localhost.example:80", "[::2]", "10.0.0.1"])(
      "the name %j is not served (DNS rebinding)",
      async (host) => {
        for (const path of ["/v1/jobs", "/"]) expect(await statusFor(url + path, { host })).toBe(403);
      },
    );

    test.for(["localhost", "localhost:8080", "LOCALHOST", "127.0.0.1:1", "127.1.2.3", "[::1]:8080"])(
      "the name %s is served",
      async (host) => {
        expect(await statusFor(`${url}/v1/jobs`, { host })).toBe(200);
      },
    );

    test.for<Readonly<Record<string, string>>>([
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
      { origin: "https://evil.example" },
      { origin: "null" },
      { origin: "http://127.0.0.1:1" },
    ])("a page of another site is refused: %j", async (headers) => {
      expect(await problemOf(await post(`${url}/v1/jobs`, BODY, headers))).toBe("cross-site");
      expect((await fetch(`${url}/v1/jobs`, { headers })).status).toBe(403);
    });

    test("our own page may ask", async () => {
      expect(
        (await fetch(`${url}/v1/jobs`, { headers: { "sec-fetch-site": "same-origin", origin: url } })).status,
      ).toBe(200);
      expect((await fetch(`${url}/v1/jobs`, { headers: { origin: url } })).status).toBe(200);
    });
  });

  test("a request that drips or is none is ended with a problem", async () => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.write("this is no request\r\n\r\n");
    const [answer] = (await once(socket.setEncoding("utf8"), "data")) as [string];
    expect(answer).toContain("HTTP/1.1 400 ");
    expect(answer).toContain("application/problem+json");
    socket.destroy();
  });
});

describeWith(["redis"], "a queue that goes away", () => {
  test(
    "is 503 with Retry-After within moments, and the gateway recovers with it",
    { timeout: 60_000 },
    async () => {
      await using redis = await startRedis();
      const producer = await createProducer({ queueUrl: redis.url, logger });
      await using served = await startGateway({ producer });
      expect((await post(`${served.url}/v1/jobs`)).status).toBe(202);

      redis.pause();
      await refusesInTime(served.url);
      redis.resume();
      await redis.kill();
      await refusesInTime(served.url);
      await redis.restart();
      await expect
        .poll(async () => (await post(`${served.url}/v1/jobs`)).status, { timeout: 20_000 })
        .toBe(202);
      await producer.close();
    },
  );
});

async function refusesInTime(url: string): Promise<void> {
  const begun = performance.now();
  const response = await post(`${url}/v1/jobs`);
  expect(response.status).toBe(503);
  expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(await problemOf(response)).toBe("queue-unavailable");
  expect(performance.now() - begun).toBeLessThan(4_000);
}

describe("listening", () => {
  test.for(["", "0.0.0.0", "::", "192.0.2.1", "gateway.example"])("%s needs a token", (host) => {
    const options = { ...gatewayOptions(), listen: { host, port: 0 }, producer: NO_PRODUCER };
    expect(() => createGateway(options)).toThrow(expect.objectContaining({ code: "LISTEN_NEEDS_TOKEN" }));
    expect(() => createGateway({ ...options, token: new Secret(TOKEN) })).not.toThrow();
  });
});

/** Stands where a gateway is refused before it could use one. */
const NO_PRODUCER: Producer = Object.create(null);

/** `fetch` sets its own Host header; this sends the one that is given. */
async function statusFor(
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<number | undefined> {
  const request = httpRequest(url, { headers }).end();
  const [response] = (await once(request, "response")) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}
