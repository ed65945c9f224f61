import { readdir } from "node:fs/promises";
import type { Client, ClientOptions, SyncEvent, SyncRequest } from "@gitsync/engine";
import { expect, test } from "vitest";
import { startNodeGitServer, type NodeGitServer, type RecordedRequest } from "../support/git-server.ts";
import { noise } from "../support/noise.ts";
import { commit, createRepository, fsck, leftoversOf, refsOf, setRef } from "../support/repository.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { failureOf, openClient } from "./two-sides.ts";

interface Rig extends AsyncDisposable {
  readonly server: NodeGitServer;
  readonly client: Client;
  readonly source: string;
  readonly target: string;
  readonly request: SyncRequest;
  /** Requests that pushed, oldest first; one that only asks who we are has four bytes. */
  pushes(): readonly RecordedRequest[];
  /** Names in the folder that the client may write to. */
  spooled(): Promise<readonly string[]>;
}

/** A pack of a megabyte, of which memory holds four thousand bytes. */
async function openRig(spool: ClientOptions["spool"] = {}): Promise<Rig> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(temporaryFolder("spooling"));
  const files = stack.use(temporaryFolder("spool"));
  const server = stack.use(await startNodeGitServer(folder.path));
  const source = await createRepository(folder.join("source.git"));
  const target = await createRepository(folder.join("target.git"));
  await commit(source, "refs/heads/main", { big: noise(1_000_000) });
  const options = { limits: { memoryBytes: 4_096 }, spool: { directory: files.path, ...spool } };
  const client = stack.adopt(openClient(options), (opened) => opened.close());
  const owned = stack.move();
  return {
    server,
    client,
    source,
    target,
    request: {
      source: { url: `${server.url}/source.git` },
      target: { url: `${server.url}/target.git` },
    },
    pushes: () => server.requests.filter(isPush),
    spooled: () => readdir(files.path),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const isPush = ({ service, isListing, headers }: RecordedRequest): boolean =>
  service === "git-receive-pack" && !isListing && headers["content-length"] !== "4";

const isChunkedPush = (request: RecordedRequest): boolean =>
  isPush(request) && request.headers["content-length"] === undefined;

async function expectMirrored(rig: Rig): Promise<void> {
  expect(await refsOf(rig.target)).toEqual(await refsOf(rig.source));
  expect(await leftoversOf(rig.target)).toEqual([]);
  await fsck(rig.target);
  expect(await rig.spooled()).toEqual([]);
}

test("a target that demands a length is sent one, and at once the next time", async () => {
  await using rig = await openRig();
  rig.server.intercept((request) =>
    isChunkedPush(request) ? { type: "answer", status: 411, afterBody: true } : undefined,
  );
  const events: SyncEvent[] = [];
  const result = await rig.client.sync(rig.request, { observer: (event) => events.push(event) });
  expect(result.execution).toMatchObject({ transferMode: "relay", converged: true });
  const reasons = events.flatMap((event) => (event.type === "retry" ? [event.reason] : []));
  expect(reasons).toEqual(["the target demands to know the length of a push"]);
  expect(rig.pushes().map(isChunkedPush)).toEqual([true, false]);
  await expectMirrored(rig);

  rig.server.forgetRequests();
  await commit(rig.source, "refs/heads/main", { big: noise(900_000) });
  await rig.client.sync(rig.request);
  const [push, ...others] = rig.pushes();
  expect([Number(push?.headers["content-length"]) > 900_000, others.length]).toEqual([true, 0]);
  await expectMirrored(rig);
});

test("and without a place to write to is told as such", async () => {
  await using rig = await openRig({ use: "never" });
  rig.server.intercept((request) =>
    isChunkedPush(request) ? { type: "answer", status: 411, afterBody: true } : undefined,
  );
  expect(await failureOf(rig.client.sync(rig.request))).toMatchObject({
    code: "LENGTH_REQUIRED",
    retryable: false,
  });
  expect((await refsOf(rig.target)).size).toBe(0);
});

test.for([408, 504])(
  "a target that loses patience with a slow source is sent the whole pack at once (%i)",
  async (status) => {
    await using rig = await openRig();
    rig.server.intercept((request) => {
      if (request.service === "git-upload-pack" && !request.isListing)
        return { type: "drip", bytes: 200_000, everyMs: 20 };
      return isChunkedPush(request) ? { type: "answer", status, afterBody: true } : undefined;
    });
    const result = await rig.client.sync(rig.request);
    expect(result.execution).toMatchObject({ transferMode: "relay", converged: true });
    expect(rig.pushes().map(isChunkedPush)).toEqual([true, false]);
    await expectMirrored(rig);
  },
);

test("a push from a spool that breaks off is sent again without asking the source again", async () => {
  await using rig = await openRig({ use: "always" });
  let broken = 0;
  rig.server.intercept((request) => {
    if (!isPush(request) || (broken += 1) > 1) return undefined;
    return { type: "reset-upload", at: 500_000 };
  });
  const result = await rig.client.sync(rig.request);
  expect(result.execution.converged).toBe(true);
  const fetches = rig.server.requests.filter(({ body }) => body.includes("command=fetch"));
  expect([rig.pushes().length, fetches.length]).toEqual([2, 1]);
  await expectMirrored(rig);
});

test("what does not fit into the spool is named with its size, the folder and its quota, and is no refusal", async () => {
  await using rig = await openRig({ use: "always", maxBytes: 500_000 });
  const big = (await refsOf(rig.source)).get("refs/heads/main") ?? "";
  const failure = await failureOf(rig.client.sync(rig.request));
  expect(failure).toMatchObject({ code: "SPOOL_FAILED", details: { limit: 500_000, used: 0 } });
  expect(failure.message).toMatch(
    new RegExp(
      `^The spool folder \\S+ is too small: what ${big} brings has more than [5-9]\\d{5} bytes in 3 objects and has to be whole before it is pushed; 0 of the 500000 bytes of its quota are in use$`,
      "u",
    ),
  );
  expect(failure.remedy).toContain("spool.maxBytes, GITSYNC_SPOOL_BYTES");
  expect(failure.result?.refs).toMatchObject([{ outcome: "not-attempted" }]);
  expect(rig.pushes()).toEqual([]);
  expect((await refsOf(rig.target)).size).toBe(0);
  expect(await rig.spooled()).toEqual([]);
});

test("a transfer that does not fit into the spool goes in batches that do, and nobody takes that for the target's limit", async () => {
  await using rig = await openRig({ use: "always", maxBytes: 500_000 });
  await setRef(
    rig.source,
    "refs/heads/main",
    await commit(rig.source, "refs/heads/other", { a: noise(1_000) }),
  );
  for (let n = 0; n < 8; n += 1)
    await commit(rig.source, "refs/heads/main", { [`f${n}`]: noise(150_000, String(n)) });
  const events: SyncEvent[] = [];
  const result = await rig.client.sync(rig.request, { observer: (event) => events.push(event) });
  expect(result.execution).toMatchObject({ transferMode: "batched", converged: true });
  expect(events.filter(({ type }) => type === "batch").length).toBeGreaterThan(2);
  await expectMirrored(rig);
  await commit(rig.source, "refs/heads/main", { a: "1" });
  expect((await rig.client.sync(rig.request)).execution.transferMode).toBe("relay");
});
