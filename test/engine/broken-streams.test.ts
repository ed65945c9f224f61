import type { Client, SyncRequest, SyncResult } from "@gitsync/engine";
import { describe, expect, test } from "vitest";
import {
  startNodeGitServer,
  type HttpFault,
  type NodeGitServer,
  type RecordedRequest,
} from "../support/git-server.ts";
import { noise } from "../support/noise.ts";
import {
  commit,
  createRepository,
  fsck,
  leftoversOf,
  refsOf,
  restoreRefs,
  setRef,
  tag,
} from "../support/repository.ts";
import { startChaosProxy } from "../support/tcp-chaos-proxy.ts";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.ts";
import { pushesOf } from "./pushed-packs.ts";
import { failureOf, openClient, outcomes } from "./two-sides.ts";

/** Positions worth breaking: the first bytes, 32 spread over the middle, and each of the last 40. */
function positions(length: number): readonly number[] {
  const spread = Array.from({ length: 32 }, (_, n) => Math.round(length ** ((n + 1) / 33)));
  const last = Array.from({ length: 40 }, (_, n) => length - 1 - n);
  return [...new Set([0, 1, 4, 5, 12, 20, ...spread, ...last])]
    .filter((at) => at >= 0 && at < length)
    .toSorted((a, b) => a - b);
}

interface Rig extends AsyncDisposable {
  readonly folder: TemporaryFolder;
  readonly source: string;
  readonly target: string;
  readonly server: NodeGitServer;
  readonly client: Client;
  readonly request: SyncRequest;
}

/** Both sides behind the recording server; the target has an older state of the source. */
async function openRig(memoryBytes: number, protocol: "v1" | "v2" = "v2"): Promise<Rig> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(temporaryFolder("broken"));
  const server = stack.use(await startNodeGitServer(folder.path));
  const source = await createRepository(folder.join("source.git"), {
    config: { "uploadpack.allowFilter": "true" },
  });
  const target = await createRepository(folder.join("target.git"));
  const first = await commit(source, "refs/heads/main", { a: "1", "dir/b": "2" });
  await setRef(source, "refs/heads/old", first);
  const client = stack.adopt(openClient({ limits: { memoryBytes } }), (opened) => opened.close());
  const request: SyncRequest = {
    source: { url: `${server.url}/source.git` },
    target: { url: `${server.url}/target.git` },
    policy: {
      mode: "replicate",
      includeTags: true,
      prune: true,
      maxDeletes: { count: 100, percent: 100 },
      protocol,
    },
  };
  await client.sync(request);
  const second = await commit(source, "refs/heads/main", { a: "3", big: noise(3_000) });
  await commit(source, "refs/heads/new", { "dir/b": "4" }, { parents: [first] });
  await tag(source, "v1", second, "One");
  const owned = stack.move();
  return {
    folder,
    source,
    target,
    server,
    client,
    request,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Break the answer to the pack request; in v2 the first POST to the source of a run is its listing. */
function breakPack(
  server: NodeGitServer,
  protocol: "v1" | "v2",
  rewrite: (body: Buffer) => Uint8Array,
  reset: boolean,
): void {
  let posts = protocol === "v2" ? 0 : 1;
  server.intercept(({ service, isListing }) => {
    if (service !== "git-upload-pack" || isListing) return undefined;
    posts += 1;
    return posts >= 2 ? { type: "rewrite", rewrite, reset } : undefined;
  });
}

/** Offsets of an answer's bytes that carry meaning: frames and the pack, not the server's progress text. */
function offsetsThatMatter(body: Buffer): readonly number[] {
  const offsets: number[] = [];
  for (let at = 0; at < body.length;) {
    const length = Math.max(4, Number.parseInt(body.toString("latin1", at, at + 4), 16));
    const isText = body[at + 4] === 2;
    for (let byte = at; byte < at + (isText ? 5 : length); byte += 1) offsets.push(byte);
    at += length;
  }
  return offsets;
}

const BREAKS = {
  truncated: (body: Buffer, at: number): Uint8Array => body.subarray(0, at),
  "cut off with a reset": (body: Buffer, at: number): Uint8Array => body.subarray(0, at),
  "changed in one byte": (body: Buffer, at: number): Uint8Array => {
    const broken = Buffer.from(body);
    broken[at] = ~(body[at] ?? 0) & 0xff;
    return broken;
  },
} as const;

/** Places in an answer: from its start, or, when negative, from its end. */
const PLACES = [
  ...positions(3_000).filter((at) => at < 2_900),
  ...Array.from({ length: 40 }, (_, n) => n - 40),
];

const CODES_OF_BROKEN_SOURCE = [
  "PROTOCOL_INVALID",
  "PACK_CORRUPT",
  "REMOTE_REFUSED",
  "REMOTE_UNREACHABLE",
  "REMOTE_UNAVAILABLE",
];

describe.for([
  ["complete before the push opens", 8 * 1024 * 1024, "v2"],
  ["streamed", 64, "v2"],
  ["complete before the push opens, in protocol v1", 8 * 1024 * 1024, "v1"],
] as const)("a pack that is %s", ([, memoryBytes, protocol]) => {
  test.for(["truncated", "cut off with a reset", "changed in one byte"] as const)(
    "and %s anywhere leaves the target exactly as it was",
    async (how) => {
      await using rig = await openRig(memoryBytes, protocol);
      const before = await refsOf(rig.target);
      const unexpected: string[] = [];
      let length = 0;
      // A push that had begun is followed by a second's wait for two listings that agree: fewer places then.
      const isSlow = (memoryBytes < 1_000 && how === "changed in one byte") || protocol === "v1";
      for (const place of isSlow ? PLACES.filter((_, index) => index % 4 === 0) : PLACES) {
        const rewrite = (body: Buffer): Uint8Array => {
          const offsets = offsetsThatMatter(body);
          length = offsets.length;
          return BREAKS[how](body, offsets.at(place) ?? 0);
        };
        breakPack(rig.server, protocol, rewrite, how === "cut off with a reset");
        const code = await rig.client.sync(rig.request).then(
          () => "success",
          async (error: unknown) => (await failureOf(Promise.reject(error))).code,
        );
        if (!CODES_OF_BROKEN_SOURCE.includes(code)) unexpected.push(`${place} of ${length}: ${code}`);
      }
      await rig.server.idle();
      expect(unexpected).toEqual([]);
      expect(length).toBeGreaterThan(3_000);
      expect(await refsOf(rig.target)).toEqual(before);
      await expect.poll(() => leftoversOf(rig.target), { timeout: 5_000 }).toEqual([]);
      await fsck(rig.target);
      rig.server.intercept();
      await rig.client.sync(rig.request);
      expect(await refsOf(rig.target)).toEqual(await refsOf(rig.source));
    },
  );
});

test.for(["v1", "v2"] as const)(
  "a listing of the source in protocol %s that is cut anywhere deletes nothing and moves nothing",
  async (protocol) => {
    await using rig = await openRig(1_024, protocol);
    const before = await refsOf(rig.target);
    // The first POST in v2, what comes unasked in v1.
    const isCut = ({ service, isListing }: Pick<RecordedRequest, "service" | "isListing">): boolean =>
      service === "git-upload-pack" && isListing === (protocol === "v1");
    const length = rig.server.requests.find(isCut)?.responseBytes ?? 0;
    expect(length).toBeGreaterThan(100);
    const unexpected: string[] = [];
    const places = protocol === "v1" ? positions(length) : Array.from({ length }, (_, at) => at);
    for (const at of places) {
      rig.server.intercept((request) =>
        isCut(request) ? { type: at % 2 === 0 ? "truncate" : "reset", at } : undefined,
      );
      const code = await rig.client.sync(rig.request).then(
        () => "success",
        async (error: unknown) => (await failureOf(Promise.reject(error))).code,
      );
      if (!CODES_OF_BROKEN_SOURCE.includes(code)) unexpected.push(`${at}: ${code}`);
    }
    expect(unexpected).toEqual([]);
    expect(await refsOf(rig.target)).toEqual(before);
  },
);

test("a listing of the target that is cut anywhere leads to no push", async () => {
  await using rig = await openRig(1_024);
  await rig.server.idle();
  const listing = rig.server.requests.find(
    ({ service, isListing }) => service === "git-receive-pack" && isListing,
  );
  const length = listing?.responseBytes ?? 0;
  rig.server.forgetRequests();
  const unexpected: string[] = [];
  for (const at of positions(length)) {
    rig.server.intercept(({ service, isListing }) =>
      service === "git-receive-pack" && isListing ? { type: "truncate", at } : undefined,
    );
    const failure = await failureOf(rig.client.sync(rig.request)).catch((error: unknown) => error);
    if (!(failure instanceof Error && "code" in failure)) unexpected.push(`${at}: ${String(failure)}`);
  }
  expect(unexpected).toEqual([]);
  expect(pushesOf(rig.server)).toHaveLength(0);
});

function onPush(fault: HttpFault): Parameters<NodeGitServer["intercept"]>[0] {
  return ({ service, isListing }) => (service === "git-receive-pack" && !isListing ? fault : undefined);
}

describe("a target that applies a push", () => {
  test("and drops the connection before it answers has applied it, and nothing is sent twice", async () => {
    await using rig = await openRig(8 * 1024 * 1024);
    rig.server.forgetRequests();
    rig.server.intercept(onPush({ type: "reset-after-work" }));
    const result = await rig.client.sync(rig.request);
    expect(outcomes(result)).toEqual([
      "refs/heads/main: applied (replicate-overwrite)",
      "refs/heads/new: applied (create)",
      "refs/tags/v1: applied (create)",
    ]);
    expect(result.execution.converged).toBe(true);
    expect(await refsOf(rig.target)).toEqual(await refsOf(rig.source));
    await rig.server.idle();
    expect(pushesOf(rig.server)).toHaveLength(1);
  });

  test("and whose answer is cut anywhere has applied it", async () => {
    await using rig = await openRig(8 * 1024 * 1024);
    const value = (await refsOf(rig.target)).get("refs/heads/main") ?? "";
    let length = 1;
    for (let at = 0; at < length; at += 9) {
      rig.server.forgetRequests();
      rig.server.intercept(onPush({ type: "truncate", at }));
      const result: SyncResult = await rig.client.sync(rig.request);
      expect(result.execution.converged).toBe(true);
      expect(await refsOf(rig.target)).toEqual(await refsOf(rig.source));
      await rig.server.idle();
      length = 150;
      await setRef(rig.target, "refs/heads/main", value);
    }
  });

  test("and claims more than it did is found out when asked to list", async () => {
    await using rig = await openRig(8 * 1024 * 1024);
    const before = await refsOf(rig.target);
    const report = ["unpack ok\n", "ok refs/heads/main\n", "ok refs/heads/new\n", "ok refs/tags/v1\n"]
      .map((line) => `${(line.length + 4).toString(16).padStart(4, "0")}${line}`)
      .join("");
    const inner = `${report}0000`;
    const body = `${(inner.length + 5).toString(16).padStart(4, "0")}\x01${inner}0000`;
    rig.server.intercept(
      onPush({
        type: "answer",
        status: 200,
        headers: { "content-type": "application/x-git-receive-pack-result" },
        body,
      }),
    );
    const failure = await failureOf(
      rig.client.sync({ ...rig.request, policy: { ...rig.request.policy, verify: "list" } }),
    );
    expect(failure).toMatchObject({ code: "TARGET_LIED", retryable: true });
    expect(failure.result?.refs.map(({ outcome }) => outcome)).toEqual(["unknown", "unknown", "unknown"]);
    expect(await refsOf(rig.target)).toEqual(before);
  });
});

describe("a push that breaks on the way", () => {
  test.for([
    ["complete before the push opens", 8 * 1024 * 1024],
    ["streamed", 64],
  ] as const)("leaves the target as it was, pack %s", async ([, memoryBytes]) => {
    await using rig = await openRig(memoryBytes);
    const before = await refsOf(rig.target);
    for (const at of [0, 1, 100, 200, 500, 2_000]) {
      rig.server.intercept(onPush({ type: "reset-upload", at }));
      const failure = await failureOf(rig.client.sync(rig.request));
      expect(failure).toMatchObject({ code: "REMOTE_UNREACHABLE", retryable: true });
    }
    await rig.server.idle();
    expect(await refsOf(rig.target)).toEqual(before);
    await expect.poll(() => leftoversOf(rig.target), { timeout: 5_000 }).toEqual([]);
    await fsck(rig.target);
  });

  test("is sent once more when two listings show that nothing was applied", async () => {
    await using rig = await openRig(8 * 1024 * 1024);
    let pushes = 0;
    rig.server.intercept(({ service, isListing }) => {
      if (service !== "git-receive-pack" || isListing) return undefined;
      pushes += 1;
      return pushes === 1 ? { type: "reset-upload", at: 300 } : undefined;
    });
    const result = await rig.client.sync(rig.request);
    expect(result.execution.converged).toBe(true);
    expect(await refsOf(rig.target)).toEqual(await refsOf(rig.source));
  });

  test.for([
    [401, "AUTH_REQUIRED"],
    [403, "AUTH_DENIED"],
    [411, "LENGTH_REQUIRED"],
    [413, "PACK_TOO_LARGE"],
    [429, "RATE_LIMITED"],
    [500, "REMOTE_UNAVAILABLE"],
    [503, "REMOTE_UNAVAILABLE"],
  ] as const)("with status %i leaves the target as it was", async ([status, code]) => {
    await using rig = await openRig(8 * 1024 * 1024);
    const before = await refsOf(rig.target);
    rig.server.intercept(onPush({ type: "answer", status }));
    expect((await failureOf(rig.client.sync(rig.request))).code).toBe(code);
    expect(await refsOf(rig.target)).toEqual(before);
  });
});

test("connections to the source that are cut anywhere end in a typed failure or in success", async () => {
  await using rig = await openRig(1_024);
  await using proxy = await startChaosProxy(rig.server.port);
  const client = openClient({ limits: { idleTimeoutMs: 1_000 } });
  const request = { ...rig.request, source: { url: `${proxy.url}/source.git` } };
  const before = await refsOf(rig.target);
  const after = await refsOf(rig.source);
  const unexpected: string[] = [];
  for (const at of positions(6_000)) {
    for (const how of ["fin", "reset"] as const) {
      proxy.setToxics({ downstream: [{ type: "cut", at, how }] });
      const outcome = await client.sync(request).then(
        () => "success",
        (error: unknown) => error,
      );
      const isTyped = outcome instanceof Error && outcome.name === "SyncError";
      const allowed = outcome === "success" ? after : before;
      const refs = [...(await refsOf(rig.target))];
      if ((outcome !== "success" && !isTyped) || refs.join() !== [...allowed].join()) {
        unexpected.push(`${how} at ${at}: ${String(outcome)}, and the target has ${refs.join(" ")}`);
      }
      await restoreRefs(rig.target, before);
    }
  }
  expect(unexpected).toEqual([]);
  await client.close();
});

test("connections to the source that are garbled or slow end in a typed failure or in success", async () => {
  await using rig = await openRig(1_024);
  await using proxy = await startChaosProxy(rig.server.port);
  const client = openClient({ limits: { idleTimeoutMs: 3_000 } });
  const request = { ...rig.request, source: { url: `${proxy.url}/source.git` } };
  const before = await refsOf(rig.target);
  const unexpected: string[] = [];
  for (const at of positions(6_000).filter((_, index) => index % 3 === 0)) {
    proxy.setToxics({ downstream: [{ type: "flip", at }] });
    const outcome = await client.sync(request).catch((error: unknown) => error);
    if (outcome instanceof Error && outcome.name !== "SyncError")
      unexpected.push(`${at}: ${String(outcome)}`);
    await restoreRefs(rig.target, before);
  }
  for (const toxic of [
    { type: "drip", bytes: 200, everyMs: 2 },
    { type: "latency", ms: 30 },
    { type: "bandwidth", bytesPerSecond: 20_000 },
  ] as const) {
    proxy.setToxics({ downstream: [toxic], upstream: [toxic] });
    expect((await client.sync(request)).execution.converged).toBe(true);
    await restoreRefs(rig.target, before);
  }
  await client.close(); // Toxics meet new connections only.
  proxy.setToxics({ downstream: [{ type: "half-open", at: 700 }] });
  const fresh = openClient({ limits: { idleTimeoutMs: 500 } });
  expect(await failureOf(fresh.sync(request))).toMatchObject({ code: "REMOTE_TIMEOUT" });
  expect(unexpected).toEqual([]);
  expect(await refsOf(rig.target)).toEqual(before);
  await fresh.close();
});
