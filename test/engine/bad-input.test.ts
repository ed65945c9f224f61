import { createServer } from "node:http";
import { once } from "node:events";
import { cp, mkdir, symlink } from "node:fs/promises";
import type { AuthProvider, SyncResult } from "@gitsync/engine";
import { expect, test } from "vitest";
import { freePort } from "../support/free-port.ts";
import { git } from "../support/git.ts";
import { startNginxGitServer, startNodeGitServer, type HttpFault } from "../support/git-server.ts";
import {
  commit,
  createRepository,
  fsck,
  leftoversOf,
  refsOf,
  setRef,
  type Refs,
} from "../support/repository.ts";
import { describeWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { describeWays, expectSound, failureOf, openClient, twoSides } from "./two-sides.ts";

describeWays("a request that can never work", (way) => {
  test("names the same repository twice", async () => {
    await using sides = await twoSides(way);
    await commit(sides.source, "refs/heads/main", { a: "1" });
    const { url } = sides.endpoint(sides.source);
    for (const other of [url, `${url}/`, url.replace("http:", "HTTP:")]) {
      const failure = await failureOf(sides.client.sync({ source: { url }, target: { url: other } }));
      expect(failure).toMatchObject({ code: "SAME_REPOSITORY", retryable: false });
    }
  });

  test("has a shallow source", async () => {
    await using sides = await twoSides(way);
    await commit(sides.source, "refs/heads/main", { a: "1" });
    await commit(sides.source, "refs/heads/main", { a: "2" });
    const shallow = sides.folder.join("shallow.git");
    await git(["clone", "--quiet", "--bare", "--depth=1", `file://${sides.source}`, shallow]);
    const failure = await failureOf(
      sides.client.sync({ source: sides.endpoint(shallow), target: sides.endpoint(sides.target) }),
    );
    expect(failure.code).toBe("SOURCE_SHALLOW");
    expect(`${failure.message} ${failure.remedy}`).toContain("git fetch --unshallow");
    expect((await refsOf(sides.target)).size).toBe(0);
    await expectSound(sides);
  });

  test.for([
    ["sha1", "sha256"],
    ["sha256", "sha1"],
  ] as const)("mixes object formats: %s to %s", async ([source, target]) => {
    await using sides = await twoSides(way, {
      source: { objectFormat: source },
      target: { objectFormat: target },
    });
    await commit(sides.source, "refs/heads/main", { a: "1" });
    expect((await failureOf(sides.sync())).code).toBe("OBJECT_FORMAT_MISMATCH");
    expect((await refsOf(sides.target)).size).toBe(0);
  });

  test("has a source that is not there", async () => {
    await using sides = await twoSides(way);
    const failure = await failureOf(
      sides.client.sync({
        source: sides.endpoint(sides.folder.join("nothing.git")),
        target: sides.endpoint(sides.target),
      }),
    );
    // git itself says the same of a path that is not there and of one that is no repository.
    expect(way === "local" ? ["NOT_FOUND", "NOT_A_REPOSITORY"] : ["NOT_FOUND"]).toContain(failure.code);
    expect(failure.retryable).toBe(false);
  });

  test("maps a branch that the source lacks", async () => {
    await using sides = await twoSides(way);
    await commit(sides.source, "refs/heads/main", { a: "1" });
    const failure = await failureOf(
      sides.sync({ scope: { mappings: [{ source: "gone", target: "main" }] } }),
    );
    expect(failure).toMatchObject({ code: "SOURCE_REF_MISSING" });
    expect((await refsOf(sides.target)).size).toBe(0);
  });

  test("maps two branches to one", async () => {
    await using sides = await twoSides(way);
    const first = await commit(sides.source, "refs/heads/main", { a: "1" });
    await setRef(sides.source, "refs/heads/side", first);
    const mappings = ["main", "side"].map((source) => ({ source, target: "one" }));
    expect(await failureOf(sides.sync({ scope: { mappings } }))).toMatchObject({ code: "REQUEST_INVALID" });
  });
});

test("the same local repository is seen through a link and a file URL", async () => {
  await using sides = await twoSides("local");
  await commit(sides.source, "refs/heads/main", { a: "1" });
  const link = sides.folder.join("link.git");
  await symlink(sides.source, link);
  for (const url of [link, `file://${sides.source}`, `${sides.folder.path}/./source.git`]) {
    const failure = await failureOf(sides.client.sync({ source: { url: sides.source }, target: { url } }));
    expect(failure.code).toBe("SAME_REPOSITORY");
  }
});

test("a folder that is no repository is told as such on either side, and stays as it is", async () => {
  await using sides = await twoSides("local");
  await commit(sides.source, "refs/heads/main", { a: "1" });
  const folder = sides.folder.join("folder");
  await mkdir(`${folder}/inside`, { recursive: true });
  const asSource = sides.client.sync({ source: { url: folder }, target: { url: sides.target } });
  expect((await failureOf(asSource)).code).toBe("NOT_A_REPOSITORY");
  const asTarget = sides.client.sync({ source: { url: sides.source }, target: { url: folder } });
  expect((await failureOf(asTarget)).code).toBe("NOT_A_REPOSITORY");
});

test("a repository without its objects is refused before the target has anything", async () => {
  await using sides = await twoSides("local");
  await commit(sides.source, "refs/heads/main", { a: "1" });
  const broken = sides.folder.join("broken.git");
  await cp(sides.source, broken, {
    recursive: true,
    filter: (path) => !/objects\/(pack\/.|[0-9a-f]{2}\/)/.test(path),
  });
  const failure = await failureOf(
    sides.client.sync({ source: { url: broken }, target: { url: sides.target } }),
  );
  expect(failure.retryable || failure.class === "permanent").toBe(true);
  expect((await refsOf(sides.target)).size).toBe(0);
  await expectSound(sides);
});

test("nothing listens at the source, or at the target", async () => {
  await using sides = await twoSides("local");
  await commit(sides.source, "refs/heads/main", { a: "1" });
  const url = `http://127.0.0.1:${await freePort()}/a.git`;
  const local = { url: sides.source };
  for (const request of [
    { source: { url }, target: local },
    { source: local, target: { url } },
  ]) {
    const failure = await failureOf(sides.client.sync(request));
    expect(failure).toMatchObject({ code: "REMOTE_UNREACHABLE", retryable: true });
  }
});

const ANSWERS: readonly [label: string, fault: HttpFault, expected: Record<string, unknown>][] = [
  ["401", { type: "answer", status: 401 }, { code: "AUTH_REQUIRED", retryable: false }],
  ["403", { type: "answer", status: 403 }, { code: "AUTH_DENIED", retryable: false }],
  ["404", { type: "answer", status: 404 }, { code: "NOT_FOUND", retryable: false }],
  ["410", { type: "answer", status: 410 }, { code: "NOT_FOUND", retryable: false }],
  [
    "429 with Retry-After",
    { type: "answer", status: 429, headers: { "retry-after": "77" } },
    { code: "RATE_LIMITED", retryable: true, retryAfterMs: 77_000 },
  ],
  ["500", { type: "answer", status: 500 }, { code: "REMOTE_UNAVAILABLE", retryable: true }],
  ["502", { type: "answer", status: 502 }, { code: "REMOTE_UNAVAILABLE", retryable: true }],
  [
    "an HTML page",
    { type: "answer", status: 200, headers: { "content-type": "text/html" }, body: "<html>Sign in</html>" },
    { code: "NOT_A_REPOSITORY", retryable: false },
  ],
  [
    "a dumb listing",
    {
      type: "answer",
      status: 200,
      headers: { "content-type": "text/plain" },
      body: `${"a".repeat(40)}\trefs/heads/main\n`,
    },
    { code: "NOT_A_REPOSITORY", retryable: false },
  ],
];

test.for(ANSWERS)("a server that answers %s to the listing, on either side", async ([, fault, expected]) => {
  await using sides = await twoSides("local");
  await commit(sides.source, "refs/heads/main", { a: "1" });
  await using server = await startNodeGitServer(sides.folder.path, { intercept: () => fault });
  const asSource = await failureOf(
    sides.client.sync({ source: { url: `${server.url}/source.git` }, target: { url: sides.target } }),
  );
  expect(asSource).toMatchObject(expected);
  const asTarget = await failureOf(
    sides.client.sync({ source: { url: sides.source }, target: { url: `${server.url}/target.git` } }),
  );
  expect(asTarget).toMatchObject(expected);
  expect((await refsOf(sides.target)).size).toBe(0);
});

test("a server that takes connections and says nothing is given up in time", async () => {
  await using sides = await twoSides("local");
  const silent = createServer(() => undefined).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const address = silent.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  const client = openClient({ limits: { idleTimeoutMs: 200 } });
  const failure = await failureOf(
    client.sync({ source: { url: `http://127.0.0.1:${port}/a.git` }, target: { url: sides.target } }),
  );
  expect(failure).toMatchObject({ code: "REMOTE_TIMEOUT", retryable: true });
  await client.close();
  silent.closeAllConnections();
  silent.close();
});

/** A source with a commit and a target behind nginx, which asks `ann` for a password. */
async function behindLogin(password: string, where: "all" | "push" = "all") {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(temporaryFolder());
  const auth = { username: "ann", password, for: where };
  const server = stack.use(await startNginxGitServer({ root: folder.path, auth }));
  const source = await createRepository(folder.join("source.git"));
  const target = await createRepository(folder.join("target.git"));
  await commit(source, "refs/heads/main", { a: "1" });
  const request = {
    source: { url: `${server.url}/source.git` },
    target: { url: `${server.url}/target.git` },
  };
  const sync = async (auth?: AuthProvider): Promise<SyncResult> => {
    const client = openClient(auth === undefined ? {} : { auth });
    try {
      return await client.sync(request);
    } finally {
      await client.close();
    }
  };
  const owned = stack.move();
  return { server, source, target, sync, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

describeWith(["nginx"], "credentials", () => {
  const withToken = (token: string): AuthProvider => ({
    authFor: () => Promise.resolve({ username: "ann", token }),
  });

  test("that are missing or wrong are told apart from a repository that is not there", async () => {
    await using rig = await behindLogin("right");
    expect((await failureOf(rig.sync())).code).toBe("AUTH_REQUIRED");
    const denied = await failureOf(rig.sync(withToken("wrong-secret")));
    expect(denied.code).toBe("AUTH_DENIED");
    expect(JSON.stringify([denied.message, denied.details, denied.remedy])).not.toContain("wrong-secret");
    expect((await rig.sync(withToken("right"))).counts.applied).toBe(1);
    expect((await rig.server.requests()).filter(({ user }) => user === "ann").length).toBeGreaterThan(0);
  });

  test("are asked for again when a token runs out", async () => {
    await using rig = await behindLogin("fresh");
    const asked: string[] = [];
    await rig.sync({
      authFor: (_endpoint, role) => {
        asked.push(role);
        const isFirst = asked.filter((each) => each === role).length === 1;
        return Promise.resolve({ username: "ann", token: isFirst ? "stale" : "fresh" });
      },
    });
    expect(await refsOf(rig.target)).toEqual(await refsOf(rig.source));
    expect(asked.toSorted()).toEqual(["source", "source", "target", "target"]);
  });

  test("are needed for a push only, where reading is open", async () => {
    await using rig = await behindLogin("right", "push");
    expect((await failureOf(rig.sync())).code).toBe("AUTH_REQUIRED");
  });

  test("do not help where pushing is off", async () => {
    await using folder = temporaryFolder();
    await using server = await startNginxGitServer({ root: folder.path, receivePack: false });
    const source = await createRepository(folder.join("source.git"));
    const target = await createRepository(folder.join("target.git"));
    await commit(source, "refs/heads/main", { a: "1" });
    const failure = await failureOf(
      openClient().sync({ source: { url: source }, target: { url: `${server.url}/target.git` } }),
    );
    expect(failure).toMatchObject({ code: "AUTH_DENIED", retryable: false });
    expect((await refsOf(target)).size).toBe(0);
  });
});

test("a probe ends at once when it is cancelled while a server says nothing", async () => {
  const silent = createServer(() => undefined).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const address = silent.address();
  if (address === null || typeof address === "string") throw new Error("no port was given");
  const controller = new AbortController();
  silent.once("request", () => controller.abort());
  const client = openClient();
  const startedAt = performance.now();
  const failure = await failureOf(
    client.probe(
      { source: { url: `http://127.0.0.1:${address.port}/a.git` } },
      { signal: controller.signal },
    ),
  );
  expect(failure.code).toBe("ABORTED");
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  await client.close();
  silent.closeAllConnections();
  silent.close();
});

test("a redirect of the listing is followed, and no secret goes to another origin", async () => {
  await using folder = temporaryFolder();
  const source = await createRepository(folder.join("source.git"));
  const target = await createRepository(folder.join("target.git"));
  await commit(source, "refs/heads/main", { a: "1" });
  await using there = await startNodeGitServer(folder.path);
  await using here = await startNodeGitServer(folder.path, {
    intercept: ({ isListing, path, query }) =>
      isListing ? { type: "redirect", location: `${there.url}${path}?${query}` } : undefined,
  });
  const client = openClient({ auth: { authFor: () => Promise.resolve({ token: "secret" }) } });
  await client.sync({
    source: { url: `${here.url}/source.git`, followInfoRefsRedirect: true },
    target: { url: target },
  });
  expect(await refsOf(target)).toEqual(await refsOf(source));
  expect(there.requests.map(({ method }) => method)).toEqual(["GET", "POST", "POST"]);
  expect(there.requests.every(({ headers }) => headers["authorization"] === undefined)).toBe(true);
  expect(here.requests.every(({ headers }) => headers["authorization"] !== undefined)).toBe(true);
  await client.close();
});

/** Refs and files of unfinished work, to be the same after a run that failed. */
async function stateOf(target: string): Promise<{ refs: Refs; leftovers: readonly string[] }> {
  return { refs: await refsOf(target), leftovers: await leftoversOf(target) };
}

test("an address that may not be used is refused before a byte is sent", async () => {
  await using sides = await twoSides("local");
  await commit(sides.source, "refs/heads/main", { a: "1" });
  await using server = await startNodeGitServer(sides.folder.path);
  const client = openClient({ egress: { addresses: "public", schemes: ["http", "file"] } });
  const failure = await failureOf(
    client.sync({ source: { url: `${server.url}/source.git` }, target: { url: sides.target } }),
  );
  expect(failure).toMatchObject({ code: "EGRESS_DENIED", retryable: false });
  expect(server.requests).toHaveLength(0);
  const noPaths = openClient({ egress: { addresses: "any", schemes: ["http"] } });
  expect((await failureOf(noPaths.sync(sides.request()))).code).toBe("EGRESS_DENIED");
  const elsewhere = openClient({ egress: { addresses: "any", schemes: ["file"], paths: ["/srv/git"] } });
  expect((await failureOf(elsewhere.sync(sides.request()))).code).toBe("EGRESS_DENIED");
  expect(await stateOf(sides.target)).toEqual({ refs: new Map(), leftovers: [] });
  await fsck(sides.target);
});
