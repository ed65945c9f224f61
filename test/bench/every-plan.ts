/** One pack behind five kinds of plan, each in a process of its own: memory must not depend on the plan. */

import { mkdir, rm } from "node:fs/promises";
import type { SyncRequest } from "@gitsync/engine";
import { git } from "../support/git.ts";
import { startNginxGitServer } from "../support/git-server.ts";
import { generateHistory } from "../support/history.ts";
import { commit, copyRepository, createRepository, refsOf, updateRefs } from "../support/repository.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { mebibytes, type Figure } from "./figure.ts";
import { startRelay } from "./relay.ts";
import type { BenchSettings } from "./settings.ts";

const BLOB_BYTES = 100_000;

/** Refs of both sides, as what they name: the old end of the pack, its new end, or a commit that only the target has. */
interface Plan {
  readonly name: string;
  readonly source: Readonly<Record<string, "new">>;
  readonly target: Readonly<Record<string, "old" | "rival">>;
}

const PLANS: readonly Plan[] = [
  { name: "a fast-forward", source: { "refs/heads/main": "new" }, target: { "refs/heads/main": "old" } },
  { name: "a forced update", source: { "refs/heads/main": "new" }, target: { "refs/heads/main": "rival" } },
  {
    name: "a prune",
    source: { "refs/heads/main": "new" },
    target: { "refs/heads/main": "old", "refs/heads/gone": "rival" },
  },
  { name: "a moved tag", source: { "refs/tags/v1": "new" }, target: { "refs/tags/v1": "rival" } },
  {
    name: "notes",
    source: { "refs/notes/commits": "new" },
    target: { "refs/notes/commits": "old" },
  },
];

export async function measureEveryPlan({ megabytes }: BenchSettings): Promise<readonly Figure[]> {
  await using folder = temporaryFolder("bench");
  await mkdir(folder.join("from"));
  await mkdir(folder.join("to"));
  const history = await generateHistory({
    commits: Math.ceil((megabytes * 1_000_000) / BLOB_BYTES),
    fileBytes: BLOB_BYTES,
    content: "noise",
  });
  const source = await copyRepository(history, folder.join("from", "source.git"));
  await git(["config", "uploadpack.allowFilter", "true"], { cwd: source });
  const newId = await git(["rev-parse", "refs/heads/main"], { cwd: source });
  const oldId =
    (await git(["rev-list", "--first-parent", "--reverse", "main"], { cwd: source })).split("\n")[0] ?? "";
  const warmUp = await generateHistory({ commits: 300, refs: 10, fileBytes: BLOB_BYTES, content: "noise" });
  await copyRepository(warmUp, folder.join("from", "warm.git"));
  await using here = await startNginxGitServer({ root: folder.join("from"), receivePack: false });
  await using there = await startNginxGitServer({ root: folder.join("to") });
  const figures: Figure[] = [];
  for (const plan of PLANS) {
    const target = await createRepository(folder.join("to", "target.git"));
    await git(["push", "--quiet", target, `${oldId}:refs/heads/main`], { cwd: source });
    const rivalId = await commit(target, "refs/heads/rival", { rival: "1" }, { parents: [oldId] });
    await setRefs(source, plan.source, { new: newId });
    await setRefs(target, plan.target, { old: oldId, rival: rivalId });
    await createRepository(folder.join("to", "warm.git"));
    await using relay = startRelay();
    await relay.run({ source: { url: `${here.url}/warm.git` }, target: { url: `${there.url}/warm.git` } });
    const request: SyncRequest = {
      source: { url: `${here.url}/source.git` },
      target: { url: `${there.url}/target.git` },
      scope: { allRefs: true },
      policy: { mode: "replicate", prune: true, maxDeletes: { count: 9, percent: 100 } },
    };
    const { baselineBytes = 0, peakBytes = 0, packBytes } = await relay.run(request);
    figures.push({
      benchmark: "every-plan",
      name: `peak resident memory of ${plan.name} above the process after a warm-up`,
      value: (peakBytes - baselineBytes) / 2 ** 20,
      unit: "MiB",
      limit: 128,
      how: `${mebibytes(packBytes)} of pack, baseline ${mebibytes(baselineBytes)}`,
    });
    if ([...(await refsOf(target))].join() !== [...(await refsOf(source))].join()) {
      throw new Error(`${plan.name}: the mirror is not equal`);
    }
    await rm(target, { recursive: true });
    await rm(folder.join("to", "warm.git"), { recursive: true });
  }
  return figures;
}

/** Give a repository these refs and no others. */
async function setRefs<Name extends string>(
  repository: string,
  refs: Readonly<Record<string, Name>>,
  ids: Readonly<Record<Name, string>>,
): Promise<void> {
  const gone = [...(await refsOf(repository)).keys()].map((ref) => [ref, undefined] as const);
  await updateRefs(repository, gone);
  await updateRefs(
    repository,
    Object.entries(refs).map(([ref, name]) => [ref, ids[name]] as const),
  );
}
