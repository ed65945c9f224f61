import { createProducer, type Producer } from "@gitsync/producer";
import { createSilentLogger, parseConfig, Secret } from "@gitsync/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BACKENDS, type Backend } from "../fleet/support/backends.ts";
import { describeWith } from "../support/requirements.ts";
import { codeOf, startGateway, type Served } from "./support/serve.ts";

const CONFIG = parseConfig(
  `
version: 1
mirrors:
  - { id: open, public: true, source: { url: https://source.test/a.git }, targets: [{ id: one, url: https://target.test/a.git }] }
  - { id: closed, source: { url: https://source.test/b.git }, targets: [{ id: one, url: https://target.test/b.git }] }
`,
  "mirrors.yaml",
);

describeWith(["redis"], "the badge of a mirror", () => {
  let backend: Backend;
  let producer: Producer;
  let served: Served;
  beforeAll(async () => {
    backend = (await BACKENDS[0]?.open()) ?? expect.fail();
    producer = await createProducer({ store: backend.store, logger: createSilentLogger() });
    served = await startGateway({ producer, config: () => CONFIG, token: new Secret("canary-api-token") });
  });
  afterAll(async () => {
    await served?.[Symbol.asyncDispose]();
    await producer?.close();
    await backend?.[Symbol.asyncDispose]();
  });
  const get = (path: string): Promise<Response> => fetch(`${served.url}/badge/${path}`);

  test("that is public is shown to anybody, on any page", async () => {
    const answer = await get("open.svg");
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "content-type": expect.stringContaining("image/svg+xml"),
      "cross-origin-resource-policy": "cross-origin",
      "cache-control": "public, max-age=60",
    });
    expect(await answer.text()).toMatch(
      /^<svg [\s\S]*<title>mirror: never-synced<\/title>[\s\S]*<\/svg>\n$/u,
    );
  });

  test("that is not public is not there, like one that nobody configured", async () => {
    for (const path of ["closed.svg", "nowhere.svg", "open", "open.png"])
      expect(await codeOf(await get(path)), path).toBe("404 mirror-not-found");
  });
});
