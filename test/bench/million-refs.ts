/** A million refs on both sides and nothing to do, against one `git ls-remote`. */

import { writeFile } from "node:fs/promises";
import { startNginxGitServer } from "../support/git-server.ts";
import { commit, createRepository } from "../support/repository.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { best, timeCommand } from "./command.ts";
import { mebibytes, seconds, type Figure } from "./figure.ts";
import { startRelay } from "./relay.ts";
import type { BenchSettings } from "./settings.ts";

const NAME = "million-refs";
const REFS = 1_000_000;

export async function measureMillionRefs(settings: BenchSettings): Promise<readonly Figure[]> {
  await using folder = temporaryFolder("bench");
  for (const name of ["source.git", "target.git"]) {
    const repository = await createRepository(folder.join(name));
    await fillRefs(repository, await commit(repository, "refs/heads/main", { a: "1" }));
  }
  await using server = await startNginxGitServer({ root: folder.path });
  const request = {
    source: { url: `${server.url}/source.git` },
    target: { url: `${server.url}/target.git` },
    policy: { mode: "replicate", includeTags: true },
  } as const;
  const ours: number[] = [];
  const theirs: number[] = [];
  const above: number[] = [];
  for (let round = 0; round < settings.repeat; round += 1) {
    await using relay = startRelay();
    theirs.push(await timeCommand('git ls-remote "$1" >/dev/null', [request.source.url]));
    const cost = await relay.run(request);
    ours.push(cost.wallMs);
    if (cost.peakBytes !== undefined && cost.baselineBytes !== undefined) {
      above.push(cost.peakBytes - cost.baselineBytes);
    }
  }
  const how = `${seconds(best(ours))} against ${seconds(best(theirs))}`;
  const figures: Figure[] = [
    {
      benchmark: NAME,
      name: "wall time / git ls-remote",
      value: best(ours) / best(theirs),
      unit: "",
      limit: 3,
      how,
    },
  ];
  if (above.length > 0) {
    const value = Math.max(...above);
    figures.push({
      benchmark: NAME,
      name: "peak resident memory above the idle process",
      value: value / 2 ** 20,
      unit: "MiB",
      limit: 400,
      how: mebibytes(value),
    });
  }
  return figures;
}

/** As `git pack-refs` would write them; git itself would take minutes to make so many. */
async function fillRefs(repository: string, id: string): Promise<void> {
  const lines = ["# pack-refs with: peeled fully-peeled sorted "];
  for (let index = 0; index < REFS; index += 1)
    lines.push(`${id} refs/heads/topic/n${String(index).padStart(7, "0")}`);
  await writeFile(`${repository}/packed-refs`, `${lines.join("\n")}\n`);
}
