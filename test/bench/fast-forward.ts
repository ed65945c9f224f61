/** How many bytes a source sends for a fast-forward, against git's own thin pack; and for a plan alone. */

import { stat } from "node:fs/promises";
import { createClient, type SyncRequest } from "@gitsync/engine";
import { git } from "../support/git.ts";
import { startNginxGitServer, type NginxGitServer } from "../support/git-server.ts";
import { generateHistory } from "../support/history.ts";
import { copyRepository, refsOf, updateRefs } from "../support/repository.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { timeCommand } from "./command.ts";
import { mebibytes, type Figure } from "./figure.ts";

const NAME = "fast-forward";
/** How many first-parent steps the branch moves. */
const STEPS = 400;

export async function measureFastForward(): Promise<readonly Figure[]> {
  await using folder = temporaryFolder("bench");
  const history = await generateHistory({ commits: 6_000, refs: 1, fileBytes: 8_000, seed: 3 });
  const source = await copyRepository(history, folder.join("source.git"));
  const target = await copyRepository(history, folder.join("target.git"));
  const old = await git(["rev-parse", `main~${STEPS}`], { cwd: source });
  await updateRefs(target, [["refs/heads/main", old]]);
  await git(["reflog", "expire", "--expire=now", "--all"], { cwd: target });
  await git(["gc", "--quiet", "--prune=now"], { cwd: target });
  await git(["gc", "--quiet"], { cwd: source });
  const thin = folder.join("thin.pack");
  await timeCommand(
    'printf "%s\\n^%s\\n" main "$1" | git -C "$2" pack-objects --thin --revs --stdout -q --delta-base-offset >"$3"',
    [old, source, thin],
  );
  const { size: thinBytes } = await stat(thin);
  const commits = Number(await git(["rev-list", "--count", "main", `^${old}`], { cwd: source }));

  await using server = await startNginxGitServer({ root: folder.path });
  const request: SyncRequest = {
    source: { url: `${server.url}/source.git` },
    target: { url: `${server.url}/target.git` },
  };
  const figures: Figure[] = [];
  for (const allowFilter of ["true", "false"]) {
    await git(["config", "uploadpack.allowFilter", allowFilter], { cwd: source });
    await updateRefs(target, [["refs/heads/main", old]]);
    await git(["gc", "--quiet", "--prune=now"], { cwd: target });
    const planBytes = await fetchedBy(server, () => run(request, "plan"));
    const syncBytes = await fetchedBy(server, () => run(request, "sync"));
    if ([...(await refsOf(target))].join() !== [...(await refsOf(source, "refs/heads"))].join()) {
      throw new Error("the target was not updated");
    }
    const filter = `uploadpack.allowFilter ${allowFilter}`;
    figures.push(
      {
        benchmark: NAME,
        name: `bytes fetched / git pack-objects --thin --revs, ${filter}`,
        value: syncBytes / thinBytes,
        unit: "",
        limit: 1.05,
        how: `${mebibytes(syncBytes)} against ${mebibytes(thinBytes)}, ${commits} commits`,
      },
      {
        benchmark: NAME,
        name: `bytes fetched by a plan, per commit, ${filter}`,
        value: planBytes / commits,
        unit: "bytes",
        // A commit of these histories has about 170 bytes in a pack.
        limit: 300,
        how: `${planBytes} bytes for ${commits} commits`,
      },
    );
  }
  return figures;
}

/** A client of its own each time, so that nothing is remembered. */
async function run(request: SyncRequest, verb: "plan" | "sync"): Promise<void> {
  const client = createClient({ egress: { addresses: "any", schemes: ["http"] } });
  await client[verb](request);
  await client.close();
}

/** Bytes of the source's answers, its listing left out. */
async function fetchedBy(server: NginxGitServer, work: () => Promise<void>): Promise<number> {
  await server.forgetRequests();
  await work();
  const answers = (await server.requests()).filter(({ uri }) => uri === "/source.git/git-upload-pack");
  // The first POST asks for the refs.
  return answers.slice(1).reduce((sum, { responseBytes }) => sum + responseBytes, 0);
}
