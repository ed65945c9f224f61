import { createHmac } from "node:crypto";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { json } from "node:stream/consumers";
import { once } from "node:events";
import { createGateway } from "@gitsync/gateway";
import { createProducer, type Producer } from "@gitsync/producer";
import { createSilentLogger, parseConfig, Secret, type FleetConfig } from "@gitsync/runtime";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { BACKENDS, type Backend, type BackendKind } from "../fleet/support/backends.ts";
import { describeWith } from "../support/requirements.ts";
import { codeOf, gatewayOptions, startGateway, type Served } from "./support/serve.ts";

const CONFIG = parseConfig(
  `
version: 1
webhooks:
  github: { secrets: [{ env: OLD }, { env: GITHUB }] }
  generic: { secrets: [{ env: GENERIC }] }
mirrors:
  - id: docs
    source: { url: https://source.test/docs.git, repositoryId: "1296269" }
    targets: [{ id: one, url: https://target.test/docs.git }, { id: two, url: https://target.test/docs-2.git }]
  - id: site
    source: { url: https://source.test/site.git, repositoryId: "1296269" }
    targets: [{ id: one, url: https://target.test/site.git }]
  - id: own
    source: { url: https://source.test/own.git, repositoryId: "7" }
    targets: [{ id: one, url: https://target.test/own.git }]
    webhook: { provider: github, secrets: [{ env: OWN }] }
  - id: elsewhere
    source: { url: https://source.test/elsewhere.git, repositoryId: "1296269" }
    targets: [{ id: one, url: https://target.test/elsewhere.git }]
    webhook: { provider: gitlab, secrets: [{ env: OWN }] }
  - id: plain
    source: { url: https://source.test/plain.git }
    targets: [{ id: one, url: https://target.test/plain.git }]
`,
  "mirrors.yaml",
);

const PUSH = '{"ref":"refs/heads/main","repository":{"id":1296269,"clone_url":"https://evil.example/x.git"}}';
const OF_SEVEN = '{"repository":{"id":7}}';

interface Answer {
  readonly accepted: boolean;
  readonly reason?: string;
  readonly redelivered?: boolean;
  readonly jobs: readonly { readonly id: string; readonly route: string; readonly coalesced: boolean }[];
}

function signed(body: string, name = "GITHUB"): Readonly<Record<string, string>> {
  const digest = createHmac("sha256", `secret ${name}`).update(body).digest("hex");
  return { "x-github-event": "push", "x-hub-signature-256": `sha256=${digest}` };
}

function deliver(
  url: string,
  body: string,
  headers: Readonly<Record<string, string>> = signed(body),
): Promise<Response> {
  return fetch(url, { method: "POST", body, headers: { "content-type": "application/json", ...headers } });
}

async function answerOf(response: Promise<Response>): Promise<readonly [status: number, answer: Answer]> {
  const { status, ...rest } = await response.then(async (got) => ({
    status: got.status,
    answer: await got.json(),
  }));
  return [status, rest.answer as Answer];
}

for (const kind of BACKENDS) describeWith([kind.needs], `deliveries on ${kind.name}`, () => deliveries(kind));

function deliveries(kind: BackendKind): void {
  let backend: Backend;
  let producer: Producer;
  let served: Served;
  let config: FleetConfig = CONFIG;
  let unreadable = new Set<string>();

  beforeAll(async () => {
    backend = await kind.open();
    producer = await createProducer({ store: backend.store, logger: createSilentLogger() });
    served = await startGateway({
      producer,
      config: () => config,
      readSecret: (reference) => {
        const name = reference.type === "env" ? reference.name : "";
        return unreadable.has(name)
          ? Promise.reject(new Error("gone"))
          : Promise.resolve(new Secret(`secret ${name}`));
      },
    });
  });
  beforeEach(async () => {
    await backend.reset();
    config = CONFIG;
    unreadable = new Set();
  });
  afterAll(async () => {
    await served?.[Symbol.asyncDispose]();
    await producer?.close();
    await backend?.[Symbol.asyncDispose]();
  });

  test("a push hints every route of its repository's mirrors before it is answered", async () => {
    const [status, answer] = await answerOf(deliver(`${served.url}/hooks/github`, PUSH));
    expect(status).toBe(202);
    expect(answer.accepted).toBe(true);
    // The mirror that says it belongs to another forge is none of them.
    expect(answer.jobs.map(({ route }) => route).toSorted()).toEqual(["docs/one", "docs/two", "site/one"]);
    for (const { id, route } of answer.jobs) {
      const stored = await producer.route(route);
      expect(stored?.requested).not.toBe(stored?.synced);
      expect(await producer.job(id)).toMatchObject({ route, state: "waiting", trigger: "webhook" });
    }
    // Where it is read from is what the configuration says, whatever the payload says.
    expect((await producer.route("docs/one"))?.definition.source.url).toBe("https://source.test/docs.git");
    expect(await backend.store.createQueue(laneName(kind)).getJobCountByTypes("prioritized", "waiting")).toBe(
      3,
    );

    const [, again] = await answerOf(deliver(`${served.url}/hooks/github`, PUSH));
    expect(again.jobs.map(({ id }) => id).toSorted()).toEqual(answer.jobs.map(({ id }) => id).toSorted());
    expect(again.jobs.every(({ coalesced }) => coalesced)).toBe(true);
  });

  test("a delivery that is sent again is told apart, and hints again", async () => {
    const url = `${served.url}/hooks/github/own`;
    const send = (id: string) =>
      answerOf(deliver(url, OF_SEVEN, { ...signed(OF_SEVEN, "OWN"), "x-github-delivery": id }));
    const redelivered: boolean[] = [];
    const tokens = new Set<string | undefined>();
    for (const id of ["a-1", "a-1", "a-2", " ", " ", "x".repeat(201), "x".repeat(201)]) {
      const [status, answer] = await send(id);
      expect(status).toBe(202);
      redelivered.push(answer.redelivered ?? false);
      tokens.add((await producer.route("own/one"))?.requested);
    }
    expect(redelivered).toEqual([false, true, false, false, false, false, false]);
    expect(tokens.size).toBe(7);
  });

  test("a mirror's own path takes its own secret, and hints that mirror alone", async () => {
    const [status, answer] = await answerOf(
      deliver(`${served.url}/hooks/github/own`, OF_SEVEN, signed(OF_SEVEN, "OWN")),
    );
    expect([status, answer.jobs.map(({ route }) => route)]).toEqual([202, ["own/one"]]);
    expect(await codeOf(await deliver(`${served.url}/hooks/github/own`, OF_SEVEN))).toBe(
      "401 signature-invalid",
    );
    // Without a secret of its own, the forge's is good; without a repository id, the path is enough.
    const [, plain] = await answerOf(deliver(`${served.url}/hooks/github/plain`, PUSH));
    expect(plain.jobs.map(({ route }) => route)).toEqual(["plain/one"]);
  });

  test.for<readonly [what: string, path: string, body: string, event: string, reason: string]>([
    ["a ping", "github", '{"zen":"Design for failure.","repository":{"id":1296269}}', "ping", "ping"],
    ["an event that moves nothing", "github", PUSH, "issues", "event-filtered"],
    ["a repository that nobody mirrors", "github", '{"repository":{"id":1}}', "push", "repository-unknown"],
    ["no repository", "github", "{}", "push", "repository-unknown"],
    ["another repository than the mirror's", "github/docs", OF_SEVEN, "push", "repository-other"],
    ["a mirror that is not there", "github/nowhere", PUSH, "push", "mirror-unknown"],
    ["a mirror of another forge", "github/elsewhere", PUSH, "push", "mirror-unknown"],
  ])("%s is answered 200 and changes nothing", async ([, path, body, event, reason]) => {
    const headers = { ...signed(body), "x-github-event": event };
    const [status, answer] = await answerOf(deliver(`${served.url}/hooks/${path}`, body, headers));
    expect([status, answer]).toEqual([200, { accepted: false, reason, jobs: [] }]);
    expect((await producer.jobs()).jobs).toEqual([]);
  });

  test("a paused route keeps the hint and gets no job; its siblings get theirs", async () => {
    await deliver(`${served.url}/hooks/github/own`, OF_SEVEN, signed(OF_SEVEN, "OWN"));
    await producer.pause("own/one");
    const before = await producer.route("own/one");
    const [status, answer] = await answerOf(
      deliver(`${served.url}/hooks/github/own`, OF_SEVEN, signed(OF_SEVEN, "OWN")),
    );
    expect([status, answer]).toEqual([202, { accepted: true, redelivered: false, jobs: [] }]);
    expect((await producer.route("own/one"))?.requested).not.toBe(before?.requested);
  });

  test("who cannot sign is refused, and learns nothing about mirrors", async () => {
    const url = `${served.url}/hooks/github`;
    expect(await codeOf(await deliver(url, PUSH, {}))).toBe("401 signature-missing");
    expect(await codeOf(await deliver(url, PUSH, { "x-hub-signature-256": "" }))).toBe(
      "401 signature-missing",
    );
    expect(await codeOf(await deliver(url, PUSH, { "x-hub-signature-256": "sha256=" }))).toBe(
      "401 signature-missing",
    );
    expect(await codeOf(await deliver(url, `${PUSH} `, signed(PUSH)))).toBe("401 signature-invalid");
    for (const mirror of ["docs", "nowhere", "%00", "..%2fdocs"]) {
      expect(await codeOf(await deliver(`${url}/${mirror}`, PUSH, signed(PUSH, "WRONG"))), mirror).toBe(
        "401 signature-invalid",
      );
    }
    const refused = await deliver(url, PUSH, {});
    expect(refused.headers.get("www-authenticate")).toBeNull();
    expect((await producer.jobs()).jobs).toEqual([]);
  });

  test("a secret that was rotated in or cannot be read does not stop the other one", async () => {
    const url = `${served.url}/hooks/github`;
    expect((await deliver(url, PUSH, signed(PUSH, "OLD"))).status).toBe(202);
    unreadable = new Set(["OLD"]);
    expect((await deliver(url, PUSH, signed(PUSH))).status).toBe(202);
    unreadable = new Set(["OLD", "GITHUB"]);
    const away = await deliver(url, PUSH);
    expect(away.headers.get("retry-after")).toMatch(/^\d+$/u);
    expect(await codeOf(away)).toBe("503 hook-secret-unavailable");
  });

  test("a forge that nobody expects, or that is none, is not found", async () => {
    for (const path of ["bitbucket", "bitbucket/docs", "constructor", "GitHub", "x%2f..%2fgithub"]) {
      expect(await codeOf(await deliver(`${served.url}/hooks/${path}`, PUSH)), path).toBe(
        "404 hook-not-configured",
      );
    }
    expect((await fetch(`${served.url}/hooks/github`)).status).toBe(404);
  });

  test("a signed body that is no JSON is said to be none", async () => {
    expect(await codeOf(await deliver(`${served.url}/hooks/github`, "{"))).toBe("400 body-invalid");
  });

  test("any content type, any name of this machine, a page of another site: the signature decides", async () => {
    for (const headers of [
      { "content-type": "text/plain" },
      { "content-type": "application/json; charset=utf-8" },
      { "content-type": "x/y" },
      { "content-type": "" },
      { "content-type": "nonsense" },
      { "content-type": "application/json, application/json" },
      { origin: "https://evil.example" },
      { "sec-fetch-site": "cross-site" },
    ]) {
      const response = await deliver(`${served.url}/hooks/github`, PUSH, { ...signed(PUSH), ...headers });
      expect(response.status, JSON.stringify(headers)).toBe(202);
    }
    const body = `payload=${encodeURIComponent(PUSH)}`;
    const form = { ...signed(body), "content-type": "application/x-www-form-urlencoded" };
    expect((await deliver(`${served.url}/hooks/github`, body, form)).status).toBe(202);
  });

  test("a body beyond 26 MiB is refused from its declared length, before it is sent", async () => {
    const request = declare(`${served.url}/hooks/github`, 26 * 1024 * 1024 + 1);
    const [response] = (await once(request, "response")) as [IncomingMessage];
    expect(response.statusCode).toBe(413);
    expect(await json(response)).toMatchObject({ code: "body-too-large" });
    request.destroy();
  });

  test("bodies under way take a bounded amount of memory together; the room comes back", async () => {
    const url = `${served.url}/hooks/github`;
    // One more than fits, in case that something of the test before was still on its way.
    const open: Sending[] = [];
    for (let count = 0; count < 7; count++) open.push(await begin(url, 26 * 1024 * 1024));
    expect(await codeOf(await deliver(url, PUSH))).toBe("503 gateway-busy");
    for (const request of open) request.destroy();
    await expect.poll(async () => (await deliver(url, PUSH)).status, { timeout: 10_000 }).toBe(202);
  });

  test("a delivery at the largest size is taken", async () => {
    const body = `{"repository":{"id":7},"x":"${"x".repeat(25 * 1024 * 1024)}"}`;
    expect((await deliver(`${served.url}/hooks/github/own`, body, signed(body, "OWN"))).status).toBe(202);
  });

  test("the configuration of the moment counts", async () => {
    config = parseConfig("version: 1\n", "mirrors.yaml");
    expect(await codeOf(await deliver(`${served.url}/hooks/github`, PUSH))).toBe("404 hook-not-configured");
  });

  test("while the store is away the forge is told to come back, within moments", async () => {
    await deliver(`${served.url}/hooks/github`, PUSH);
    await backend.whileAway(async () => {
      const begun = performance.now();
      const response = await deliver(`${served.url}/hooks/github`, PUSH);
      expect(performance.now() - begun).toBeLessThan(1_500);
      expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
      expect(await codeOf(response)).toBe("503 queue-unavailable");
    });
    await expect
      .poll(async () => (await deliver(`${served.url}/hooks/github`, PUSH)).status, { timeout: 10_000 })
      .toBe(202);
  });

  test("when only the queue's add fails the hint is durable, and the answer names no job", async () => {
    await deliver(`${served.url}/hooks/github/own`, OF_SEVEN, signed(OF_SEVEN, "OWN"));
    const before = await producer.route("own/one");
    await backend.whileQueueIsBroken(async () => {
      const [status, answer] = await answerOf(
        deliver(`${served.url}/hooks/github/own`, OF_SEVEN, signed(OF_SEVEN, "OWN")),
      );
      expect([status, answer]).toEqual([202, { accepted: true, redelivered: false, jobs: [] }]);
    });
    expect((await producer.route("own/one"))?.requested).not.toBe(before?.requested);
  });
}

describeWith(["redis"], "a gateway that is closed", () => {
  test("cuts off who is still sending when its time is up", async () => {
    await using backend = await (BACKENDS[0] ?? expect.fail()).open();
    const producer = await createProducer({ store: backend.store, logger: createSilentLogger() });
    const gateway = createGateway({ ...gatewayOptions(), producer, config: () => CONFIG });
    const sending = await begin(`${await gateway.start()}/hooks/github`, 1_000);
    const cut = new Promise<void>((resolve) => sending.once("close", resolve));
    const begun = performance.now();
    await gateway.close(200);
    expect(performance.now() - begun).toBeLessThan(3_000);
    await cut;
    await producer.close();
  });
});

function laneName({ name }: BackendKind): string {
  return name === "redis" ? "sync.target.test" : "sync";
}

type Sending = ReturnType<typeof httpRequest>;

/** Begin a delivery of which no byte of the body is sent. Resolves when the gateway has its headers. */
async function begin(url: string, length: number): Promise<Sending> {
  const request = declare(url, length);
  request.on("error", () => undefined);
  await once(request, "continue");
  return request;
}

function declare(url: string, length: number): Sending {
  const headers = { "content-length": String(length), expect: "100-continue" };
  const request = httpRequest(url, { method: "POST", headers });
  request.flushHeaders();
  return request;
}
