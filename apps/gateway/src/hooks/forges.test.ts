import { createHmac } from "node:crypto";
import { Secret, WEBHOOK_PROVIDERS, type WebhookProvider } from "@gitsync/runtime";
import { describe, expect, test } from "vitest";
import { payloadText, type Delivery } from "./delivery.ts";
import type { DeliveryNews } from "./forge.ts";
import { findForge, sampleDelivery } from "./forges.ts";

const SECRET = "It's a Secret to Everybody";
const secrets = [new Secret("an older one"), new Secret(SECRET)];
const NOW = Date.UTC(2026, 0, 1);

type Headers = Readonly<Record<string, string>>;

function delivery(body: string, headers: Headers): Delivery {
  return { headers, body: Buffer.from(body), receivedAt: NOW };
}

const hex = (body: string): string => createHmac("sha256", SECRET).update(body).digest("hex");
const prefixed = (body: string): string => `sha256=${hex(body)}`;
const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;

function standard(body: string, at = NOW, secret: string | Buffer = SECRET): Record<string, string> {
  const id = "msg_1";
  const timestamp = String(Math.floor(at / 1000));
  const digest = createHmac("sha256", secret).update(`${id}.${timestamp}.${body}`).digest("base64");
  return { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": `v1,${digest}` };
}

interface Sample {
  readonly provider: WebhookProvider;
  readonly body: string;
  /** Besides the signature. */
  readonly headers: Headers;
  readonly sign: (body: string) => Headers;
  readonly news: DeliveryNews;
}

/** One push of each forge, with the documented fields that matter. */
const SAMPLES: readonly Sample[] = [
  {
    provider: "github",
    body: '{"ref":"refs/heads/main","repository":{"id":1296269,"full_name":"octo/hello","clone_url":"https://evil.example/x"}}',
    headers: { "x-github-event": "push", "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958" },
    sign: (body) => ({ "x-hub-signature-256": prefixed(body) }),
    news: changed("push", "1296269", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
  },
  {
    provider: "gitlab",
    body: '{"object_kind":"push","event_name":"push","project_id":15,"project":{"id":15}}',
    headers: { "x-gitlab-event": "Push Hook", "x-gitlab-event-uuid": "13792a34" },
    sign: () => ({ "x-gitlab-token": SECRET }),
    news: changed("Push Hook", "15", "13792a34"),
  },
  {
    provider: "gitea",
    body: '{"ref":"feature","ref_type":"branch","repository":{"id":140}}',
    headers: { "x-gitea-event": "delete", "x-gitea-delivery": "f6266f16" },
    sign: (body) => ({ "x-gitea-signature": hex(body) }),
    news: changed("delete", "140", "f6266f16"),
  },
  {
    provider: "forgejo",
    body: '{"ref":"refs/heads/main","repository":{"id":7}}',
    headers: { "x-forgejo-event": "push", "x-forgejo-delivery": "d1", "x-gitea-event": "other" },
    sign: (body) => ({ "x-forgejo-signature": hex(body) }),
    news: changed("push", "7", "d1"),
  },
  {
    provider: "gogs",
    body: '{"ref":"refs/heads/main","repository":{"id":8}}',
    headers: { "x-gogs-event": "push", "x-gogs-delivery": "d2" },
    sign: (body) => ({ "x-gogs-signature": hex(body) }),
    news: changed("push", "8", "d2"),
  },
  {
    provider: "bitbucket",
    body: '{"push":{"changes":[]},"repository":{"uuid":"{673a6070-3421-46c9-9d48-90745f7bfe8e}"}}',
    headers: { "x-event-key": "repo:push", "x-request-uuid": "d3" },
    sign: (body) => ({ "x-hub-signature": prefixed(body) }),
    news: changed("repo:push", "{673a6070-3421-46c9-9d48-90745f7bfe8e}", "d3"),
  },
  {
    provider: "bitbucket-server",
    body: '{"eventKey":"repo:refs_changed","repository":{"id":84,"slug":"r"},"changes":[]}',
    headers: { "x-event-key": "repo:refs_changed", "x-request-id": "d4" },
    sign: (body) => ({ "x-hub-signature": prefixed(body) }),
    news: changed("repo:refs_changed", "84", "d4"),
  },
  {
    provider: "azure",
    body: '{"id":"03c164c2","eventType":"git.push","resource":{"repository":{"id":"278d5cd2"}}}',
    headers: {},
    sign: () => ({ authorization: basic(`anybody:${SECRET}`) }),
    news: changed("git.push", "278d5cd2", "03c164c2"),
  },
  {
    provider: "generic",
    body: '{"repository":"docs"}',
    headers: {},
    sign: (body) => standard(body),
    news: changed("push", "docs", "msg_1"),
  },
];

function changed(event: string, repositoryId: string, deliveryId: string): DeliveryNews {
  return { event, kind: "changed", repositoryId, deliveryId };
}

function forgeOf(provider: WebhookProvider) {
  const found = findForge(provider);
  if (found === undefined) throw new Error(`no forge ${provider}`);
  return found[1];
}

test("every provider of the configuration has a sample here", () => {
  expect(SAMPLES.map(({ provider }) => provider)).toEqual(WEBHOOK_PROVIDERS);
  expect(findForge("constructor")).toBeUndefined();
});

describe.for(SAMPLES)("$provider", ({ provider, body, headers, sign, news }) => {
  const forge = forgeOf(provider);
  const signature = sign(body);

  test("a push is believed with any live secret, and is about its repository", () => {
    const pushed = delivery(body, { ...headers, ...signature });
    expect(forge.verify(pushed, secrets)).toBe("valid");
    expect(forge.verify(pushed, [...secrets].reverse())).toBe("valid");
    expect(forge.read(pushed, JSON.parse(payloadText(pushed)))).toEqual(news);
  });

  test("without a signature, with an empty one, with another secret's, with none set: refused", () => {
    expect(forge.verify(delivery(body, headers), secrets)).toBe("missing");
    const empty = Object.fromEntries(Object.keys(signature).map((name) => [name, ""]));
    expect(forge.verify(delivery(body, { ...headers, ...empty }), secrets)).toBe("missing");
    expect(forge.verify(delivery(body, { ...headers, ...signature }), [new Secret("another")])).toBe("wrong");
    expect(forge.verify(delivery(body, { ...headers, ...signature }), [])).toBe("wrong");
  });

  test("another body or signature: refused, where the forge signs the body", () => {
    const signs = provider !== "gitlab" && provider !== "azure";
    const changedBody = delivery(`${body} `, { ...headers, ...signature });
    expect(forge.verify(changedBody, secrets)).toBe(signs ? "wrong" : "valid");
    const spoilt = Object.entries(signature).map(([name, value]) => [name, `${value.slice(0, -6)}AAAAAA`]);
    expect(
      forge.verify(delivery(body, { ...headers, ...signature, ...Object.fromEntries(spoilt) }), secrets),
    ).toBe("wrong");
  });

  test("what is sent to try an address out is believed, and is about the repository that was named", () => {
    const [, secret = expect.fail()] = secrets;
    const sample = sampleDelivery(provider, news.repositoryId ?? "", secret);
    const sent: Delivery = {
      headers: sample.headers,
      body: Buffer.from(sample.body),
      receivedAt: Date.now(),
    };
    expect(forge.verify(sent, secrets)).toBe("valid");
    const { event: _, ...read } = forge.read(sent, JSON.parse(payloadText(sent)));
    expect(read).toEqual({ ...read, kind: "changed", repositoryId: news.repositoryId });
    expect(read.deliveryId).toMatch(/^test-[0-9a-f-]{36}$/u);
  });

  test.for<readonly [what: string, payload: unknown]>([
    ["null", null],
    ["a number", 7],
    ["a list", []],
    ["nothing", {}],
    ["no object where one belongs", { repository: 1.5, project: "x", resource: [] }],
    ["objects where ids belong", { repository: { id: {}, uuid: [] }, project: { id: null }, id: 2 ** 60 }],
    ["inherited names", JSON.parse('{"__proto__":{"repository":{"id":1,"uuid":"u"},"project":{"id":1}}}')],
  ])("a payload that is %s names no repository", ([, payload]) => {
    const read = forge.read(delivery("", headers), payload);
    expect(read.repositoryId).toBeUndefined();
  });
});

describe("github", () => {
  const forge = forgeOf("github");

  test("the documented example of a signature is valid", () => {
    const digest = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    const headers = { "x-hub-signature-256": `sha256=${digest}` };
    expect(forge.verify(delivery("Hello, World!", headers), secrets)).toBe("valid");
    expect(forge.verify(delivery("Hello, World!", { "x-hub-signature-256": "sha256=" }), secrets)).toBe(
      "missing",
    );
    expect(forge.verify(delivery("Hello, World!", { "x-hub-signature-256": digest }), secrets)).toBe("wrong");
  });

  test("a form is signed as it was sent", () => {
    const body = `payload=${encodeURIComponent('{"repository":{"id":1}}')}`;
    const form = delivery(body, {
      "content-type": "application/x-www-form-urlencoded",
      "x-hub-signature-256": prefixed(body),
    });
    expect(forge.verify(form, secrets)).toBe("valid");
    expect(forge.read(form, JSON.parse(payloadText(form))).repositoryId).toBe("1");
  });

  test.for<readonly [event: string, kind: string]>([
    ["ping", "ping"],
    ["issues", "other"],
    ["constructor", "other"],
    ["create", "changed"],
    ["repository", "changed"],
  ])("the event %s is %s", ([event, kind]) => {
    expect(forge.read(delivery("", { "x-github-event": event }), {}).kind).toBe(kind);
  });
});

describe("gitlab", () => {
  const forge = forgeOf("gitlab");

  test("a signing token is taken, and wins over the older one", () => {
    const body = '{"project":{"id":15}}';
    expect(forge.verify(delivery(body, standard(body)), secrets)).toBe("valid");
    const both = { ...standard(body, NOW, "another"), "x-gitlab-token": SECRET };
    expect(forge.verify(delivery(body, both), secrets)).toBe("wrong");
  });

  test("a system hook says in its body what happened", () => {
    const system = delivery("", { "x-gitlab-event": "System Hook" });
    const read = (event: string) => forge.read(system, { event_name: event, project_id: 15 });
    expect(read("repository_update")).toMatchObject({ kind: "changed", repositoryId: "15" });
    expect(read("user_create")).toMatchObject({ kind: "other" });
  });
});

describe("gitea and its kin", () => {
  test("a form is signed by the bare JSON in it", () => {
    const json = '{"repository":{"id":140}}';
    const body = `payload=${encodeURIComponent(json)}`;
    const type = { "content-type": "application/x-www-form-urlencoded" };
    for (const provider of ["gitea", "forgejo", "gogs"] as const) {
      const signed = (text: string): Headers => ({ ...type, [`x-${provider}-signature`]: hex(text) });
      expect(forgeOf(provider).verify(delivery(body, signed(json)), secrets)).toBe("valid");
      expect(forgeOf(provider).verify(delivery(body, signed(body)), secrets)).toBe("wrong");
    }
  });
});

describe("bitbucket data center", () => {
  test("its trial is a ping", () => {
    const trial = delivery("", { "x-event-key": "diagnostics:ping" });
    expect(forgeOf("bitbucket-server").read(trial, { test: true }).kind).toBe("ping");
  });
});

describe("azure", () => {
  test("only the password counts, whatever it holds", () => {
    const verify = (authorization: string) =>
      forgeOf("azure").verify(delivery("{}", { authorization }), [new Secret("a:b")]);
    expect(verify(basic("user:a:b"))).toBe("valid");
    expect(verify(basic("a:b"))).toBe("wrong");
    expect(verify(basic("nocolon"))).toBe("missing");
    expect(verify(`Bearer ${SECRET}`)).toBe("missing");
  });
});

describe("Standard Webhooks", () => {
  const forge = forgeOf("generic");

  test("a secret with its prefix is base64 of the key", () => {
    const body = '{"test": 2432232314}';
    const example: Delivery = {
      headers: {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
      },
      body: Buffer.from(body),
      receivedAt: 1_614_265_330_000,
    };
    expect(forge.verify(example, [new Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")])).toBe("valid");
    expect(forge.verify(example, [new Secret("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")])).toBe("wrong");
  });

  test("one right signature among several is enough", () => {
    const headers = standard("{}");
    const several = `v1,AAAA v1a,ignored v1, ${headers["webhook-signature"]}`;
    expect(forge.verify(delivery("{}", { ...headers, "webhook-signature": several }), secrets)).toBe("valid");
    expect(forge.verify(delivery("{}", { ...headers, "webhook-signature": "v1a,only" }), secrets)).toBe(
      "missing",
    );
  });

  test("what was signed more than five minutes ago, or ahead, is refused", () => {
    const at = (ms: number) => forge.verify(delivery("{}", standard("{}", NOW + ms)), secrets);
    expect([-300_000, 0, 300_000].map(at)).toEqual(["valid", "valid", "valid"]);
    expect([-301_000, 301_000].map(at)).toEqual(["expired", "expired"]);
    const headers = { ...standard("{}"), "webhook-timestamp": "soon" };
    expect(forge.verify(delivery("{}", headers), secrets)).toBe("wrong");
  });
});
