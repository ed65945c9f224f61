/** What every remote does alike, whatever carries it: one suite, run against each. */

import type { ClientOptions, SyncRequest, SyncResult } from "@gitsync/engine";
import { describe, expect, test } from "vitest";
import { git } from "../../support/git.ts";
import { noise } from "../../support/noise.ts";
import { descendantsOf } from "../../support/process-tree.ts";
import {
  commit,
  createRepository,
  deleteRef,
  fsck,
  leftoversOf,
  refsOf,
  setRef,
  tag,
  updateRefs,
} from "../../support/repository.ts";
import { describeWith } from "../../support/requirements.ts";
import { temporaryFolder, type TemporaryFolder } from "../../support/temporary-folder.ts";
import { branchesAndTags, failureOf, installHook, openClient, outcomes } from "../two-sides.ts";
import { HOSTS, type HostKind, type RemoteHost, type Way } from "./hosts.ts";

interface Rig extends AsyncDisposable {
  readonly folder: TemporaryFolder;
  readonly host: RemoteHost;
  readonly source: string;
  readonly target: string;
  /** Mirror from the host to the host, or to a path where it only reads. */
  replicate(options?: RunOptions): Promise<SyncResult>;
  sync(options?: RunOptions): Promise<SyncResult>;
}

interface RunOptions {
  readonly policy?: SyncRequest["policy"];
  readonly scope?: SyncRequest["scope"];
  readonly limits?: ClientOptions["limits"];
  readonly signal?: AbortSignal;
  readonly observer?: Parameters<ReturnType<typeof openClient>["sync"]>[1];
  /** Instead of the host itself. */
  readonly from?: Way;
  readonly to?: Way;
}

const PATH: Way = { url: (path) => path, client: {} };

async function openRig(kind: HostKind, objectFormat: "sha1" | "sha256" = "sha1"): Promise<Rig> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(temporaryFolder("remote"));
  // Its own, as twins are started later on.
  const host = await kind.start(folder, stack.use(new AsyncDisposableStack()));
  const source = await createRepository(folder.join("source.git"), { objectFormat });
  const target = await createRepository(folder.join("target.git"), { objectFormat });
  const run = async (mode: "sync" | "replicate", options: RunOptions = {}): Promise<SyncResult> => {
    const from = options.from ?? host;
    const to = options.to ?? (kind.pushes ? host : PATH);
    const client = openClient({
      egress: { addresses: "any" },
      ...to.client,
      ...from.client,
      ...(options.limits === undefined ? {} : { limits: options.limits }),
    });
    const { signal, observer } = options;
    try {
      return await client[mode](
        {
          source: { url: from.url(source) },
          target: { url: to.url(target) },
          policy: { includeTags: true, ...options.policy },
          ...(options.scope === undefined ? {} : { scope: options.scope }),
        },
        { ...observer, ...(signal === undefined ? {} : { signal }) },
      );
    } finally {
      await client.close();
    }
  };
  const owned = stack.move();
  return {
    folder,
    host,
    source,
    target,
    replicate: (options) => run("replicate", options),
    sync: (options) => run("sync", options),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Nothing unfinished is left at the target, it is whole, and no child of ours lives on. */
async function expectSound(rig: Rig): Promise<void> {
  await expect.poll(() => leftoversOf(rig.target), { timeout: 10_000 }).toEqual([]);
  await fsck(rig.target);
  const ours = /^(?:ssh |git remote-|git (?:-c \S+ )?(?:upload|receive)-pack)/u;
  expect(descendantsOf().filter(({ command }) => ours.test(command))).toEqual([]);
}

/** Larger than the engine's buffers between source and target. */
function fillBig(source: string, bytes = 5_000_000): Promise<string> {
  return commit(source, "refs/heads/main", { big: noise(bytes) });
}

for (const kind of HOSTS) {
  describeWith(kind.needs, `a remote over ${kind.name}`, () => {
    conformance(kind);
    if (kind.pushes) pushing(kind);
    if (kind.pushes && kind.isTcp) pushingOverTcp(kind);
  });
}

function conformance(kind: HostKind): void {
  test("lists refs, HEAD and capabilities", async () => {
    await using rig = await openRig(kind);
    const main = await commit(rig.source, "refs/heads/main", { a: "1" });
    await tag(rig.source, "v1", main, "One");
    const client = openClient({ egress: { addresses: "any" }, ...rig.host.client });
    const result = await client.probe({
      source: { url: rig.host.url(rig.source) },
      ...(kind.pushes ? { target: { url: rig.host.url(rig.target) } } : {}),
      includeTags: true,
    });
    expect(result).toMatchObject({
      protocol: "v2",
      objectFormat: "sha1",
      sourceHead: "refs/heads/main",
      refs: [...(await refsOf(rig.source))].map(([name, hash]) => ({ name, hash })),
    });
    expect(result.sourceCapabilities.join(" ")).toContain("ls-refs");
    if (kind.pushes) expect(result.targetCapabilities?.join(" ")).toContain("report-status");
    await client.close();
    await expectSound(rig);
  });

  test("tells an unborn HEAD of an empty repository, and leaves an empty target as it is", async () => {
    await using rig = await openRig(kind);
    const result = await rig.replicate();
    expect(result).toMatchObject({ refs: [], execution: { converged: true } });
    await expectSound(rig);
  });

  test.for(["auto", "v2", "v1"] as const)(
    "mirrors for the first time, asked for protocol %s",
    async (protocol) => {
      await using rig = await openRig(kind);
      const first = await commit(rig.source, "refs/heads/main", { a: "1" });
      await commit(rig.source, "refs/heads/side", { b: "2" }, { parents: [first] });
      await tag(rig.source, "v1", first, "One");
      const result = await rig.replicate({ policy: { protocol } });
      // A helper without state speaks protocol v2 and nothing else.
      expect(result.execution.protocol).toBe(protocol === "v1" && kind.pushes ? "v1" : "v2");
      expect(result.counts.applied).toBe(3);
      expect(await refsOf(rig.target)).toEqual(await branchesAndTags(rig.source));
      await expectSound(rig);
    },
  );

  test("moves forward, overwrites, moves a tag and prunes", async () => {
    await using rig = await openRig(kind);
    const base = await commit(rig.source, "refs/heads/main", { a: "1" });
    await setRef(rig.source, "refs/heads/gone", base);
    await tag(rig.source, "v1", base, "One");
    await rig.replicate();

    await commit(rig.source, "refs/heads/main", { a: "2" });
    expect(outcomes(await rig.sync())).toEqual(["refs/heads/main: applied (fast-forward)"]);

    await commit(rig.source, "refs/heads/main", { a: "3" }, { parents: [base] });
    expect((await failureOf(rig.sync())).code).toBe("REFS_BLOCKED");
    await tag(rig.source, "v1", await git(["rev-parse", "main"], { cwd: rig.source }), "Moved");
    await deleteRef(rig.source, "refs/heads/gone");
    const policy = { prune: true, maxDeletes: { count: 10, percent: 100 } };
    const result = await rig.replicate({ policy });
    expect(result.counts).toMatchObject({ applied: 2, deleted: 1 });
    expect(await refsOf(rig.target)).toEqual(await branchesAndTags(rig.source));
    expect((await rig.replicate({ policy })).execution.transferMode).toBe("nothing");
    await expectSound(rig);
  });

  test("carries SHA-256 repositories", async () => {
    await using rig = await openRig(kind, "sha256");
    const first = await commit(rig.source, "refs/heads/main", { a: "1" });
    await tag(rig.source, "v1", first, "One");
    await rig.replicate();
    await commit(rig.source, "refs/heads/main", { a: "2" });
    await rig.sync();
    expect(await refsOf(rig.target)).toEqual(await branchesAndTags(rig.source));
    await expectSound(rig);
  });

  test.for(["complete", "streamed"] as const)("carries a large pack, %s", async (how) => {
    await using rig = await openRig(kind);
    await fillBig(rig.source);
    await rig.replicate({ limits: { memoryBytes: how === "complete" ? 32 << 20 : 1 << 18 } });
    expect(await refsOf(rig.target)).toEqual(await refsOf(rig.source));
    await expectSound(rig);
  });

  test("lists no more refs, and reads no longer listing, than is allowed", async () => {
    await using rig = await openRig(kind);
    const first = await commit(rig.source, "refs/heads/main", { a: "1" });
    // Protocol v2 begins with a listing of what the server can do, which is much shorter than this one.
    await updateRefs(
      rig.source,
      Array.from({ length: 60 }, (_, n) => [`refs/heads/b${n}`, first] as const),
    );
    for (const limits of [{ maxRefs: 40 }, { maxListingBytes: 2_000 }]) {
      const failure = await failureOf(rig.replicate({ limits }));
      expect(failure).toMatchObject({ code: "PROTOCOL_INVALID", details: { side: "source" } });
    }
    expect((await refsOf(rig.target)).size).toBe(0);
    await expectSound(rig);
  });

  test("carries names and paths with spaces, quotes and percent signs", async () => {
    await using rig = await openRig(kind);
    const odd = "it's 100% a b!.git";
    const source = await createRepository(rig.folder.join(odd));
    await commit(source, "refs/heads/it's-100%", { a: "1" });
    const client = openClient({ egress: { addresses: "any" }, ...rig.host.client });
    await client.replicate({ source: { url: rig.host.url(source) }, target: { url: rig.target } });
    expect(await refsOf(rig.target)).toEqual(await refsOf(source));
    await client.close();
  });

  test("is told of a repository that is not there", async () => {
    await using rig = await openRig(kind);
    await commit(rig.source, "refs/heads/main", { a: "1" });
    const nowhere: Way = { client: rig.host.client, url: (path) => rig.host.url(`${path}-none`) };
    const failure = await failureOf(rig.replicate({ from: nowhere }));
    expect(["NOT_FOUND", "NOT_A_REPOSITORY", "REMOTE_REFUSED"]).toContain(failure.code);
    expect(failure.retryable).toBe(false);
    if (!kind.pushes) return;
    const target = await rig.replicate({ to: nowhere }).then(
      () => "made",
      (error: { readonly code: string }) => error.code,
    );
    expect(target === "made").toBe(kind.creates);
  });

  test.for(["fetch", "push"] as const)(
    "cancelled when the %s begins stops both sides and leaves the target as it was",
    async (phase) => {
      await using rig = await openRig(kind);
      await fillBig(rig.source);
      const controller = new AbortController();
      const failure = await failureOf(
        rig.replicate({
          signal: controller.signal,
          // The push begins when this much of the pack has come.
          limits: { memoryBytes: 1 << 18 },
          observer: {
            observer: (event) => void (event.type === "phase" && event.phase === phase && controller.abort()),
          },
        }),
      );
      expect(failure.code).toBe("ABORTED");
      expect((await refsOf(rig.target)).size).toBe(0);
      await expectSound(rig);
    },
  );

  describe("behind a fault", () => {
    test.for(["dead", "garbage"] as const)(
      "that is %s fails with its code, and changes nothing",
      async (type) => {
        await using rig = await openRig(kind);
        await commit(rig.source, "refs/heads/main", { a: "1" });
        const broken = await rig.host.broken({ type });
        const failure = await failureOf(rig.replicate({ from: broken, to: PATH }));
        expect(failure).toMatchObject({ code: kind.codes[type], details: { side: "source" } });
        expect((await refsOf(rig.target)).size).toBe(0);
        await expectSound(rig);
      },
    );

    test.for([3, 60_000])("that falls silent after %i bytes is given up on", async (at) => {
      await using rig = await openRig(kind);
      await fillBig(rig.source);
      const broken = await rig.host.broken({ type: "half-open", at });
      const run = rig.replicate({
        from: broken,
        to: PATH,
        limits: { idleTimeoutMs: 1_000, connectTimeoutMs: 1_500, memoryBytes: 1 << 18 },
      });
      const failure = await failureOf(run);
      expect(failure).toMatchObject({ code: kind.codes["half-open"] });
      expect((await refsOf(rig.target)).size).toBe(0);
      await expectSound(rig);
    });
  });
}

/** A target that can be pushed to. */
function pushing(kind: HostKind): void {
  test("tells what a target refused, and applies the rest", async () => {
    await using rig = await openRig(kind);
    await commit(rig.source, "refs/heads/main", { a: "1" });
    await commit(rig.source, "refs/heads/protected", { b: "2" });
    await installHook(
      rig.target,
      "update",
      '[ "$1" = refs/heads/protected ] && { echo not this one >&2; exit 1; }; exit 0',
    );
    const messages: string[] = [];
    const result = await rig.replicate({
      policy: { bestEffort: true },
      observer: { observer: (event) => void (event.type === "remote-message" && messages.push(event.text)) },
    });
    expect(outcomes(result)).toEqual([
      "refs/heads/main: applied (create)",
      "refs/heads/protected: refused (hook-declined)",
    ]);
    expect(messages.join("\n")).toContain("not this one");
    await expectSound(rig);
  });
}

/** A target behind a network. */
function pushingOverTcp(kind: HostKind): void {
  test.for([
    // More than the buffers of two sockets hold: it is seen while the pack is sent.
    ["stops reading", 24_000_000],
    ["has read everything and never answers", 1_000_000],
  ] as const)("whose target %s is given up on, and the target keeps nothing", async ([, bytes]) => {
    await using rig = await openRig(kind);
    await fillBig(rig.source, bytes);
    const broken = await rig.host.broken({ type: "half-read", at: 300_000 });
    const failure = await failureOf(
      rig.replicate({
        from: PATH,
        to: broken,
        limits: {
          // Long enough to list the target once more, which over ssh takes a while.
          idleTimeoutMs: 4_000,
          minBytesPerSecond: 1_000_000,
          pushAnswerTimeoutMs: 1_500,
          memoryBytes: 1 << 18,
        },
      }),
    );
    expect(failure).toMatchObject({ code: "REMOTE_TIMEOUT" });
    expect((await refsOf(rig.target)).size).toBe(0);
  });
}
