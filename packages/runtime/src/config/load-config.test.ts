import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { RuntimeError } from "../errors.ts";
import { DEFAULT_FLEET_CONFIG, DEFAULT_ROUTE_RULES } from "./fleet-config.ts";
import { loadConfig, parseConfig } from "./load-config.ts";

function faultsOf(text: string): readonly string[] {
  try {
    parseConfig(text, "f");
  } catch (error) {
    if (error instanceof RuntimeError) return error.details["faults"] as readonly string[];
    throw error;
  }
  return [];
}

const WHOLE = `
version: 1
credentials:
  bot: { type: basic, origins: ["https://Example.com:443/"], username: git-sync, token: { env: BOT_TOKEN } }
  app: { type: github-app, origins: ["https://github.com"], appId: 1, installationId: 2, privateKey: { file: /run/app.pem } }
  ghe: { type: github-app, origins: ["https://ghe.example.com"], appId: 1, installationId: 2, privateKey: { command: [pass, show, ghe] } }
  key: { type: ssh, origins: ["ssh://git@backup.example.com"], privateKey: { file: /run/id }, knownHosts: { file: /run/known } }
egress: { allow: [{ cidr: 10.0.0.0/8, ports: [443, 22] }, { cidr: "fd00::/8" }], schemes: [https, ssh], paths: [/srv/git], proxy: "http://proxy.example.com:3128", caFile: null }
hosts: { GitHub.com: { maxConcurrent: 8, pushesPerMinute: 6 } }
defaults: { every: 30m, maxDeletes: { count: 3 } }
notify: { webhook: { url: "https://ops.example.com/hook", secret: { env: NOTIFY_SECRET } }, digest: daily, heartbeat: null }
webhooks: { github: { secrets: [{ env: GITHUB_HOOK_SECRET }] } }
adhoc: true
traceUrlTemplate: "http://localhost:16686/trace/{traceId}"
mirrors:
  - id: docs
    tenant: docs-team
    source: { url: https://example.com/org/docs.git, credential: bot, repositoryId: "1234" }
    targets:
      - { id: backup, url: git@backup.example.com:docs.git, credential: key, every: auto }
      - { id: disk, url: /srv/git/docs.git, refs: ["refs/heads/*:refs/heads/up/*"], prune: false }
    refs: ["refs/heads/*", "^refs/heads/tmp/*"]
    prune: true
    webhook: { provider: github, secrets: [{ env: DOCS_HOOK_SECRET }] }
  - id: code
    source: { url: https://github.com/org/code, credential: app, followInfoRefsRedirect: true }
    targets: [{ id: ghe, url: https://ghe.example.com/org/code, credential: ghe, mode: sync }]
`;

describe("parseConfig()", () => {
  test("takes the smallest file as the defaults", () => {
    expect(parseConfig("version: 1\n", "f")).toEqual({
      ...DEFAULT_FLEET_CONFIG,
      hash: expect.stringMatching(/^[0-9a-f]{16}$/u),
    });
  });

  test("reads all of it", () => {
    const config = parseConfig(WHOLE, "f");
    expect(config.egress).toEqual({
      allow: [
        { cidr: "10.0.0.0/8", ports: [443, 22] },
        { cidr: "fd00::/8", ports: undefined },
      ],
      schemes: ["https", "ssh"],
      paths: ["/srv/git"],
      proxy: "http://proxy.example.com:3128",
      caFile: null,
    });
    expect([...config.credentials.values()]).toEqual([
      {
        id: "bot",
        type: "basic",
        origins: ["https://example.com"],
        username: "git-sync",
        token: { type: "env", name: "BOT_TOKEN" },
      },
      {
        id: "app",
        type: "github-app",
        origins: ["https://github.com"],
        appId: 1,
        installationId: 2,
        privateKey: { type: "file", path: "/run/app.pem" },
        apiUrl: "https://api.github.com",
      },
      {
        id: "ghe",
        type: "github-app",
        origins: ["https://ghe.example.com"],
        appId: 1,
        installationId: 2,
        privateKey: { type: "command", argv: ["pass", "show", "ghe"] },
        apiUrl: "https://ghe.example.com/api/v3",
      },
      {
        id: "key",
        type: "ssh",
        origins: ["ssh://git@backup.example.com"],
        privateKey: { type: "file", path: "/run/id" },
        knownHosts: { type: "file", path: "/run/known" },
      },
    ]);
    expect([...config.hosts]).toEqual([["github.com", { maxConcurrent: 8, pushesPerMinute: 6 }]]);
    expect(config.notify).toEqual({
      webhook: { url: "https://ops.example.com/hook", secret: { type: "env", name: "NOTIFY_SECRET" } },
      digest: "daily",
      heartbeat: null,
    });
    expect([...config.webhooks]).toEqual([
      ["github", { secrets: [{ type: "env", name: "GITHUB_HOOK_SECRET" }] }],
    ]);
    expect(config.traceUrlTemplate).toBe("http://localhost:16686/trace/{traceId}");
    expect(config.mirrors.map(({ id, tenant }) => [id, tenant])).toEqual([
      ["code", "code"],
      ["docs", "docs-team"],
    ]);
    const [code, docs] = config.mirrors;
    expect(code?.source).toMatchObject({ credential: "app", followInfoRefsRedirect: true });
    expect(docs?.webhook).toEqual({
      provider: "github",
      secrets: [{ type: "env", name: "DOCS_HOOK_SECRET" }],
    });
  });

  test("lays a target's rules over its mirror's, those over the defaults, those over the built-in ones", () => {
    const [, docs] = parseConfig(WHOLE, "f").mirrors;
    const common = {
      ...DEFAULT_ROUTE_RULES,
      refs: ["refs/heads/*", "^refs/heads/tmp/*"],
      maxDeletes: { count: 3, percent: 5 },
      prune: true,
    };
    expect(docs?.targets.map(({ rules }) => rules)).toEqual([
      { ...common, every: "auto" },
      { ...common, every: 1_800_000, refs: ["refs/heads/*:refs/heads/up/*"], prune: false },
    ]);
  });

  test("gives the same digest to two spellings, and another one to another meaning", () => {
    const [one, same, other] = [
      "version: 1\nadhoc: true\nhosts: { a.example: { maxConcurrent: 1 }, b.example: {} }\n",
      "{version: 1, hosts: {b.example: {}, A.example: {maxConcurrent: 1}}, adhoc: true}",
      "version: 1\nadhoc: true\nhosts: { a.example: { maxConcurrent: 2 }, b.example: {} }\n",
    ].map((text) => parseConfig(text, "f").hash);
    expect(same).toBe(one);
    expect(other).not.toBe(one);
  });

  test("follows anchors", () => {
    const text = "version: 1\negress:\n  allow:\n    - &lan { cidr: 10.0.0.0/8 }\n    - *lan\n";
    expect(parseConfig(text, "f").egress.allow).toHaveLength(2);
  });

  test("lists every fault of the shape with its line and path", () => {
    const text = `version: 1
egress:
  allow:
    - { ports: [1] }
    - cidr: 10.0.0.0/8
      ports: [0, 70000, "22"]
    - { cidr: 10.0.0.0/8, ports: [] }
  schemes: [https, gopher]
  dns: off
adhoc: maybe
mirror: []
credentials:
  a.b: { type: basic, origins: ["https://x.example"], token: hunter2 }
  c: { type: magic, origins: [] }
  d: { type: ssh, origins: ["ssh://x.example"], privateKey: { file: /k } }
mirrors:
  - id: one
    source: { url: https://x.example/a }
    every: soon
    targets: []
`;
    expect(faultsOf(text)).toEqual([
      "line 4, egress.allow[0].cidr: is required",
      "line 6, egress.allow[1].ports[0]: must be at least 1",
      "line 6, egress.allow[1].ports[1]: must be at most 65535",
      "line 6, egress.allow[1].ports[2]: must be a whole number",
      "line 7, egress.allow[2].ports: needs at least 1 entries",
      'line 8, egress.schemes[1]: must be one of "https", "http", "ssh", "git", "file"',
      "line 9, egress.dns: is not known; known here: allow, schemes, paths, proxy, caFile",
      "line 10, adhoc: must be true or false",
      "line 11, mirror: is not known; known here: version, include, credentials, egress, hosts, defaults, notify, webhooks, adhoc, traceUrlTemplate, mirrors",
      "line 13, credentials.a.b.token: must be an object (Where a secret is kept: exactly one of env, file and command)",
      'line 14, credentials.c.type: must be one of "basic", "github-app", "ssh"',
      "line 15, credentials.d.knownHosts: is required",
      expect.stringContaining('line 19, mirrors[0].every: must be one of "auto" or text'),
      "line 20, mirrors[0].targets: needs at least 1 entries",
    ]);
  });

  test("lists what a schema cannot say", () => {
    const text = `version: 1
egress: { allow: [{ cidr: 10.0.0.0/33 }], paths: [relative, /srv/git], schemes: [https, ssh], proxy: "socks://x" }
credentials:
  two: { type: basic, origins: ["https://x.example/path", "ssh://git@x.example"], token: { env: A, file: /a } }
  key: { type: ssh, origins: ["https://x.example"], privateKey: {}, knownHosts: { file: /k } }
  bot: { type: basic, origins: ["https://x.example"], token: { env: A } }
notify: { webhook: { url: "/ops", secret: {} }, heartbeat: "git://x.example" }
webhooks: { codeberg: { secrets: [{ env: A }] } }
defaults: { refs: ["^refs/heads/a"] }
mirrors:
  - id: one
    source: { url: "https://user:pass@x.example/a" }
    refs: ["refs/heads/*:refs/up", heads/a, "refs/a..b", "^refs/a:refs/b"]
    targets:
      - { id: t, url: https://y.example/a, credential: bot }
      - { id: t, url: https://x.example/b, credential: bott }
      - { id: u, url: git@z.example:b }
      - { id: v, url: http://x.example/c }
      - { id: w, url: /srv/gitter/c }
      - { id: x, url: /srv/git/c, credential: bot }
      - { id: y, url: relative/c }
      - { id: z, url: "ext::sh" }
  - { id: one, source: { url: https://x.example/z }, targets: [{ id: t, url: https://y.example/q }] }
`;
    expect(faultsOf(text)).toEqual([
      "line 2, egress.allow[0].cidr: is not a network like 10.0.0.0/8 or fd00::/8",
      "line 2, egress.paths[0]: is not an absolute path",
      "line 2, egress.proxy: is not an http:// or https:// address",
      "line 4, credentials.two.origins[0]: names more than scheme, host and port; write it like https://example.com",
      "line 4, credentials.two.origins[1]: is not an https:// origin",
      "line 4, credentials.two.token: must name exactly one of env, file and command; the secret itself never belongs into this file",
      "line 5, credentials.key.origins[0]: is not an ssh:// origin",
      "line 5, credentials.key.privateKey: must name exactly one of env, file and command; the secret itself never belongs into this file",
      "line 7, notify.webhook.url: is not an http:// or https:// address",
      "line 7, notify.webhook.secret: must name exactly one of env, file and command; the secret itself never belongs into this file",
      "line 7, notify.heartbeat: is not an http:// or https:// address",
      "line 8, webhooks.codeberg: is no provider; known: github, gitlab, gitea, forgejo, gogs, bitbucket, bitbucket-server, azure, generic",
      "line 9, defaults.refs[0]: only takes refs out: name some to mirror",
      "line 12, mirrors[0].source.url: holds a user name or password; name a credential instead",
      "line 13, mirrors[0].refs[0]: needs one * on both sides, or none",
      "line 13, mirrors[0].refs[1]: must begin with refs/",
      "line 13, mirrors[0].refs[2]: is not the name of a ref",
      "line 13, mirrors[0].refs[3]: takes refs out, so it names no target",
      "line 15, mirrors[0].targets[0].credential: may be shown to https://x.example only, not to https://y.example",
      "line 16, mirrors[0].targets[1].id: names a second target of this mirror",
      "line 16, mirrors[0].targets[1].credential: names no credential; there are two, key, bot",
      "line 17, mirrors[0].targets[2].credential: is missing: ssh needs a credential of type ssh with its key and known hosts",
      "line 18, mirrors[0].targets[3].url: needs the scheme http in egress.schemes, which has https, ssh",
      "line 19, mirrors[0].targets[4].url: is a local path outside of egress.paths: name a folder above it there",
      "line 20, mirrors[0].targets[5].credential: is not needed for a local path",
      "line 21, mirrors[0].targets[6].url: is neither a URL nor an absolute path",
      "line 22, mirrors[0].targets[7].url: names a remote helper, and a fleet runs none",
      "line 23, mirrors[1].id: names a second mirror",
    ]);
  });

  test("refuses routes that write the same refs of one repository, however it is spelled", () => {
    const text = `version: 1
mirrors:
  - id: one
    source: { url: https://a.example/x }
    targets: [{ id: t, url: https://GitHub.com/Org/repo.git, refs: ["refs/heads/*", "^refs/heads/b/*"] }]
  - id: two
    source: { url: https://b.example/x }
    targets:
      - { id: t, url: "https://github.com/org/repo/", refs: ["refs/heads/b/*"] }
      - { id: u, url: "https://github.com/org/Repo", refs: ["refs/*/main"] }
`;
    expect(faultsOf(text)).toEqual([
      "line 10, mirrors[1].targets[1]: route two/u writes refs/heads/*/main of the same repository as one/t: give each its own refs",
    ]);
  });

  test("refuses circles", () => {
    const hop = (id: string, from: string, to: string): string =>
      `  - { id: ${id}, source: { url: https://x.example/${from} }, targets: [{ id: t, url: https://x.example/${to} }] }\n`;
    const text = `version: 1\nmirrors:\n${hop("p", "a", "b")}${hop("q", "b", "c")}${hop("r", "c", "a")}${hop("s", "c", "d")}`;
    const faults = faultsOf(text);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(
      /route [pqr]\/t closes a circle: x\.example\/. → x\.example\/. → x\.example\/. → x\.example\/.$/u,
    );
  });

  test.for([
    ["", ["line 1, version: must be 1: begin the file with version: 1"]],
    ["- 1\n", ["line 1: must be an object (What git-sync mirrors, and under which limits)"]],
    ["version: 2\n", ["line 1, version: must be 1: begin the file with version: 1"]],
    ['version: "1"\n', ["line 1, version: must be 1: begin the file with version: 1"]],
    ["version: 1\nadhoc: true\nadhoc: false\n", ["line 3: Map keys must be unique"]],
    ["version: 1\ninclude: [a.yaml]\n", ["line 2, include: needs a file to look beside"]],
  ] as const)("says what is wrong with %j", ([text, faults]) => {
    expect(faultsOf(text)).toEqual(faults);
  });

  test("does not expand a bomb of aliases", () => {
    const levels = Array.from({ length: 30 }, (_, n) => `  l${n + 1}: &l${n + 1} [*l${n}, *l${n}, *l${n}]`);
    const startedAt = performance.now();
    expect(faultsOf(`version: 1\negress:\n  l0: &l0 [1]\n${levels.join("\n")}\n`).length).toBeGreaterThan(0);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  test("takes no tag that would run code", () => {
    expect(faultsOf('version: 1\nadhoc: !!js/function "() => 1"\n')[0]).toMatch(/^line 2: Unresolved tag/);
  });

  test("never prints the value of a secret that was written into the file", () => {
    const text = `version: 1\ncredentials:\n  a: { type: basic, origins: ["https://x.example"], token: hunter2secret }\n`;
    expect(() => parseConfig(text, "f")).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining("hunter2secret") }),
    );
  });
});

test.for([
  ["https://a.example", false],
  ["a.example/org", false],
  ["*.a.example", false],
  ["git@a.example", false],
  ["", false],
  ["GitHub.com", true],
  ["git.a.example:8443", true],
  ["[fd00::1]:22", true],
] as const)("takes %j for the name of a host: %s", ([host, isHost]) => {
  const fault = `line 3, hosts.${host}: is not a host: write it like github.com or git.example.com:8443`;
  const text = `version: 1\nhosts:\n  "${host}": { maxConcurrent: 1 }\n`;
  expect(faultsOf(text)).toEqual(isHost ? [] : [fault]);
});

test.for([
  ["version: 1\n\tmirrors: []\n", "line 2: Tabs are not allowed as indentation"],
  ["version: 1\nversion: 1\n", "line 2: Map keys must be unique"],
  ["version: 1\n---\nversion: 1\n", "line 2: begins a second document: write one file for each"],
] as const)("says of %j once where it is no YAML", ([text, fault]) => {
  expect(faultsOf(text)).toContain(fault);
});

describe("loadConfig()", () => {
  const folders: string[] = [];
  afterAll(async () => {
    await Promise.all(folders.map((folder) => rm(folder, { recursive: true })));
  });

  async function files(contents: Readonly<Record<string, string>>): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), "gitsync-config-"));
    folders.push(folder);
    for (const [name, text] of Object.entries(contents)) {
      await mkdir(join(folder, name, ".."), { recursive: true });
      await writeFile(join(folder, name), text);
    }
    return folder;
  }

  const mirrorText = (id: string): string =>
    `version: 1\nmirrors:\n  - { id: ${id}, source: { url: https://a.example/${id} }, targets: [{ id: t, url: https://b.example/${id} }] }\n`;

  test("names a file that cannot be read", async () => {
    await expect(loadConfig("/nonexistent/mirrors.yaml")).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("/nonexistent/mirrors.yaml"),
    });
  });

  test("adds the mirrors of included files, which use the defaults and credentials of the main one", async () => {
    const folder = await files({
      "mirrors.yaml": `version: 1\ninclude: [mirrors.d/*.yaml]\ndefaults: { every: 5m }\n`,
      "mirrors.d/b.yaml": mirrorText("b"),
      "mirrors.d/a.yaml": mirrorText("a"),
      "mirrors.d/notes.txt": "not read",
    });
    const { config, files: read } = await loadConfig(join(folder, "mirrors.yaml"));
    expect(config.mirrors.map(({ id, targets }) => [id, targets[0].rules.every])).toEqual([
      ["a", 300_000],
      ["b", 300_000],
    ]);
    expect(read).toEqual(
      ["mirrors.yaml", "mirrors.d/a.yaml", "mirrors.d/b.yaml"].map((name) => join(folder, name)),
    );
  });

  test("names the included file and the line of a fault, across files too", async () => {
    const folder = await files({
      "mirrors.yaml": `version: 1\ninclude: [more/*.yaml, ../up.yaml, gone.yaml]\n`,
      "more/a.yaml": mirrorText("a"),
      "more/b.yaml": `${mirrorText("a")}adhoc: true\n`,
    });
    await expect(loadConfig(join(folder, "mirrors.yaml"))).rejects.toMatchObject({
      details: {
        faults: [
          "line 2, include[1]: leads out of the file's folder: write the whole path if that is meant",
          "line 2, include[2]: is not there",
          expect.stringMatching(/more\/b\.yaml: line 3, mirrors\[0\]\.id: names a second mirror$/u),
          expect.stringMatching(
            /more\/b\.yaml: line 4, adhoc: is not known; known here: version, credentials, hosts, mirrors$/u,
          ),
        ],
      },
    });
    await writeFile(join(folder, "mirrors.yaml"), "version: 1\ninclude: [more/*.yaml]\n");
    await writeFile(join(folder, "more/b.yaml"), mirrorText("a"));
    await expect(loadConfig(join(folder, "mirrors.yaml"))).rejects.toMatchObject({
      details: {
        faults: [expect.stringMatching(/more\/b\.yaml: line 3, mirrors\[0\]\.id: names a second mirror$/u)],
      },
    });
  });

  test("lists every fault of every mirror, not those behind which others hide", async () => {
    const folder = await files({
      "mirrors.yaml": `version: 1
include: [more/*.yaml]
credentials:
  bot: { type: basic, origins: ["https://b.example"], token: { env: BOT } }
  broken: { type: basic, origins: [], token: { env: BOT } }
mirrors:
  - { id: typo, evry: 5m, source: { url: https://a.example/1 }, targets: [{ id: t, url: https://b.example/1 }] }
  - { id: strange, source: { url: https://a.example/2 }, targets: [{ id: t, url: https://c.example/2, credential: bot }] }
  - { id: used, source: { url: https://a.example/3 }, targets: [{ id: t, url: https://b.example/3, credential: broken }] }
`,
      "more/a.yaml": `${mirrorText("a")}  - { id: again, source: { url: https://a.example/x }, targets: [{ id: t, url: https://b.example/a }] }\n`,
      "more/b.yaml": `${mirrorText("b")}  - { id: gone, source: { url: https://a.example/x, credential: nobody }, targets: [{ id: t, url: nowhere }] }\n`,
    });
    const failure: unknown = await loadConfig(join(folder, "mirrors.yaml")).catch((error: unknown) => error);
    const { faults } = (failure as RuntimeError).details as { readonly faults: readonly string[] };
    expect(faults.map((fault) => fault.replace(/^.*\/more/u, "more"))).toEqual([
      "line 5, credentials.broken.origins: needs at least 1 entries",
      expect.stringMatching(/^line 7, mirrors\[0\]\.evry: is not known; known here: /u),
      "line 8, mirrors[1].targets[0].credential: may be shown to https://b.example only, not to https://c.example",
      "more/b.yaml: line 4, mirrors[1].source.credential: names no credential; there are bot, broken",
      "more/b.yaml: line 4, mirrors[1].targets[0].url: is neither a URL nor an absolute path",
    ]);
  });

  test("lists the routes that work against each other beside the faults of other mirrors", async () => {
    const folder = await files({
      "mirrors.yaml": "version: 1\ninclude: [more/*.yaml]\n",
      "more/a.yaml": `${mirrorText("a")}  - { id: again, source: { url: https://a.example/x }, targets: [{ id: t, url: https://b.example/a }] }\n  - { id: typo }\n`,
    });
    await expect(loadConfig(join(folder, "mirrors.yaml"))).rejects.toMatchObject({
      details: {
        faults: [
          expect.stringMatching(
            /line 4, mirrors\[1\]\.targets\[0\]: route again\/t writes refs\/heads\/\* of the same repository as a\/t/u,
          ),
          expect.stringMatching(/line 5, mirrors\[2\]\.source: is required$/u),
          expect.stringMatching(/line 5, mirrors\[2\]\.targets: is required$/u),
        ],
      },
    });
  });

  test("lists as many faults as there are", () => {
    const entries = Array.from({ length: 300 }, (_, index) => `  - { id: m${index} }\n`);
    expect(faultsOf(`version: 1\nmirrors:\n${entries.join("")}`)).toHaveLength(600);
  });

  test("loads five thousand mirrors in seconds", async () => {
    const entries = Array.from({ length: 5_000 }, (_, index) =>
      mirrorText(`m${index}`).split("\n").slice(2).join("\n"),
    );
    const folder = await files({ "mirrors.yaml": `version: 1\nmirrors:\n${entries.join("")}` });
    const startedAt = performance.now();
    const { config } = await loadConfig(join(folder, "mirrors.yaml"));
    expect(config.mirrors).toHaveLength(5_000);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });
});
