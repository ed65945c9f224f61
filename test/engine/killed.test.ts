import { resolve } from "node:path";
import { expect, test } from "vitest";
import { startNodeGitServer, type HttpFault } from "../support/git-server.ts";
import { git } from "../support/git.ts";
import { generateHistory } from "../support/history.ts";
import { startScript, type RunningProcess } from "../support/process.ts";
import { checkRefHistory, installRefLog } from "../support/ref-log.ts";
import { copyRepository, createRepository, fsck, leftoversOf, refsOf } from "../support/repository.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { openClient } from "./open-client.ts";

const SCRIPT = resolve(import.meta.dirname, "support/replicate-process.ts");
/** Where in its work on a request a server is when the run is killed that sent it. */
const MOMENTS = ["a request arrives", "its work is done and not answered"] as const;

/** Branches, annotated and other tags, and notes, of which the target takes a third at once. */
const HISTORY = { commits: 600, refs: 12, tags: 8, notes: 3, fileBytes: 1_500, content: "noise" } as const;
const LIMIT = 300_000;

test.for([
  ["with a source that can filter", "true"],
  ["with one that cannot", "false"],
] as const)(
  "a run in batches that is killed at every request goes on where it was, %s",
  { timeout: 120_000 },
  async ([, allowFilter]) => {
    await using folder = temporaryFolder("killed");
    const source = await copyRepository(await generateHistory(HISTORY), folder.join("source.git"));
    await git(["config", "uploadpack.allowFilter", allowFilter], { cwd: source });
    const target = await createRepository(folder.join("target.git"), {
      config: { "receive.maxInputSize": String(LIMIT) },
    });
    const [sourceLog, targetLog] = [await installRefLog(source), await installRefLog(target)];
    await using server = await startNodeGitServer(folder.path);
    const request = JSON.stringify({
      source: { url: `${server.url}/source.git` },
      target: { url: `${server.url}/target.git` },
      scope: { allRefs: true },
      policy: { includeTags: true },
    });
    const kills = new Set<string>();
    let isDone = false;
    // Each run is killed one request later than the one before, so that one of them comes to its end.
    for (let at = 1; !isDone; at += 1) {
      for (const moment of MOMENTS) {
        let posts = 0;
        let running: RunningProcess | undefined;
        const kill = (what: string, body?: Buffer): Uint8Array => {
          kills.add(`${what}, ${moment}`);
          running?.signal("SIGKILL");
          return body ?? Buffer.alloc(0);
        };
        server.intercept(({ isListing, service }): HttpFault | undefined => {
          if (isListing || (posts += 1) !== at) return undefined;
          if (moment === "its work is done and not answered")
            return { type: "rewrite", rewrite: (body) => kill(service, body) };
          kill(service);
          return undefined;
        });
        await using started = startScript(SCRIPT, [request]);
        running = started;
        const { code } = await started.exited;
        await server.idle();
        await fsck(target);
        isDone = code === 0;
        if (isDone) break;
      }
    }
    expect([...kills].toSorted()).toEqual(
      ["git-receive-pack", "git-upload-pack"].flatMap((service) =>
        MOMENTS.map((moment) => `${service}, ${moment}`),
      ),
    );
    expect(await refsOf(target)).toEqual(await refsOf(source));
    expect(await leftoversOf(target)).toEqual([]);
    const isOurs = (ref: string): boolean => ref.startsWith("refs/gitsync/");
    const faults = await checkRefHistory(sourceLog, targetLog, { isManaged: () => true });
    expect(faults.filter((fault) => !isOurs(fault))).toEqual([]);
    const changes = (await targetLog.changes()).filter(({ ref }) => !isOurs(ref));
    expect(changes.length, "each ref is written once").toBe((await refsOf(source)).size);
  },
);

test("what a killed run brought is not brought again", { timeout: 120_000 }, async () => {
  await using folder = temporaryFolder("killed");
  const source = await copyRepository(await generateHistory(HISTORY), folder.join("source.git"));
  const target = await createRepository(folder.join("target.git"), {
    config: { "receive.maxInputSize": String(LIMIT) },
  });
  const request = { source: { url: source }, target: { url: target }, scope: { allRefs: true } };
  await using running = startScript(SCRIPT, [JSON.stringify(request)]);
  await running.waitForLine(/"type":"batch","done":2,/u);
  await running.kill("SIGKILL");
  const client = openClient();
  const planned = await client.plan({ ...request, policy: { mode: "replicate" } });
  expect(planned.execution).toMatchObject({ transferMode: "batched", reason: "batches-unfinished" });
  let bytes = 0;
  let inThisPack = 0;
  const result = await client.replicate(request, {
    observer: (event) => {
      if (event.type !== "progress" || event.side !== "target") return;
      bytes += event.bytes < inThisPack ? event.bytes : event.bytes - inThisPack;
      inThisPack = event.bytes;
    },
  });
  await client.close();
  expect(result.execution.converged).toBe(true);
  // Two parts of at least a third of the limit each were there.
  const whole = HISTORY.commits * HISTORY.fileBytes;
  expect(bytes).toBeGreaterThan(LIMIT);
  expect(bytes).toBeLessThan(whole - (2 * LIMIT) / 3);
  expect(await refsOf(target)).toEqual(await refsOf(source));
});
