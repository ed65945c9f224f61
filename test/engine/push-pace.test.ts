import { once } from "node:events";
import type { PushPace } from "@gitsync/engine";
import { expect, test } from "vitest";
import { startNodeGitServer } from "../support/node-git-server.ts";
import { commit, createRepository, refsOf } from "../support/repository.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { failureOf, openClient } from "./two-sides.ts";

/** A source with five branches, an empty target, and what happens to them in order. */
async function fiveBranches() {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(temporaryFolder("push-pace"));
  const source = await createRepository(folder.join("source.git"));
  const target = await createRepository(folder.join("target.git"));
  for (let n = 0; n < 5; n += 1) await commit(source, `refs/heads/b${n}`, { "file.txt": `${n}` });
  const happened: string[] = [];
  const server = stack.use(
    await startNodeGitServer(folder.path, {
      intercept: ({ service, isListing, path }) => {
        if (!isListing && service === "git-receive-pack") happened.push("push");
        const isFetch = !isListing && service === "git-upload-pack" && path.startsWith("/source.git");
        if (isFetch) happened.push("ask the source");
      },
    }),
  );
  const client = openClient({ limits: { maxRefUpdates: 2 } });
  stack.defer(() => client.close());
  const owned = stack.move();
  return {
    happened,
    source,
    target,
    replicate: async (pace: PushPace, signal?: AbortSignal) => {
      const ends = {
        source: { url: `${server.url}/source.git` },
        target: { url: `${server.url}/target.git` },
      };
      return await client.replicate(ends, { pace, ...(signal === undefined ? {} : { signal }) });
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

test("each push request is let through just before it is made, and looked for before the source is asked", async () => {
  await using sides = await fiveBranches();
  const { happened } = sides;
  const note = (what: string) => async (): Promise<void> => void happened.push(what);
  await sides.replicate({ ready: note("ready"), enter: note("enter") });
  const pushes = happened.slice(happened.indexOf("ready"));
  expect(pushes.filter((what) => what !== "ask the source")).toEqual(
    Array(3).fill(["ready", "enter", "push"]).flat(),
  );
  expect(pushes.slice(0, 4)).toEqual(["ready", "ask the source", "enter", "push"]);
  expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
});

test("a run that is ended while it waits for its turn pushes nothing", async () => {
  await using sides = await fiveBranches();
  const stop = new AbortController();
  const failure = await failureOf(
    sides.replicate(
      {
        ready: async () => undefined,
        enter: async (signal) => {
          const ended = once(signal, "abort");
          stop.abort();
          await ended;
          signal.throwIfAborted();
        },
      },
      stop.signal,
    ),
  );
  expect(failure).toMatchObject({ code: "ABORTED" });
  expect(sides.happened).not.toContain("push");
  expect((await refsOf(sides.target)).size).toBe(0);
});
