/** A first mirror to a target that takes it in parts only: memory must not depend on how the history is read. */

import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { git } from "../support/git.ts";
import { startNginxGitServer } from "../support/git-server.ts";
import { generateHistory } from "../support/history.ts";
import { copyRepository, createRepository, refsOf } from "../support/repository.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { mebibytes, seconds, type Figure } from "./figure.ts";
import type { RelayCost } from "./relay-process.ts";
import { startRelay } from "./relay.ts";
import type { BenchSettings } from "./settings.ts";

/** What the target takes in one push is this part of the source's pack. */
const PART = 1 / 10;

export async function measureDivided({ repository }: BenchSettings): Promise<readonly Figure[]> {
  const source =
    repository ?? (await generateHistory({ commits: 100_000, refs: 700, tags: 300, fileBytes: 400 }));
  const figures: Figure[] = [];
  for (const canFilter of [false, true]) {
    const cost = await relayInParts(resolve(source), canFilter, PART);
    const { baselineBytes = 0, peakBytes = 0, wallMs } = cost;
    figures.push({
      benchmark: "divided",
      name: `peak resident memory above the process after a warm-up, the source ${canFilter ? "filters" : "filters nothing"}`,
      value: (peakBytes - baselineBytes) / 2 ** 20,
      unit: "MiB",
      limit: 128,
      how: `baseline ${mebibytes(baselineBytes)}, ${seconds(wallMs)}`,
    });
  }
  return figures;
}

/**
 * A process that has relayed once already mirrors a repository, from nginx to nginx, to a target whose
 * `receive.maxInputSize` is `part` of the pack.
 *
 * @throws {Error} when the target is not equal then.
 */
export async function relayInParts(repository: string, canFilter: boolean, part: number): Promise<RelayCost> {
  await using folder = temporaryFolder("bench");
  await mkdir(folder.join("from"));
  const source = folder.join("from", "source.git");
  await git(["clone", "--quiet", "--mirror", "--no-hardlinks", repository, source]);
  const count = await git(["count-objects", "-v"], { cwd: source });
  const packBytes = 1_024 * Number(/^size-pack: (\d+)$/mu.exec(count)?.[1]);
  const target = await createRepository(folder.join("to", "target.git"), {
    config: { "receive.maxInputSize": String(Math.floor(packBytes * part)) },
  });
  const warmUp = await generateHistory({ commits: 300, refs: 10, fileBytes: 100_000, content: "noise" });
  await copyRepository(warmUp, folder.join("from", "warm.git"));
  await createRepository(folder.join("to", "warm.git"));
  await using here = await startNginxGitServer({
    root: folder.join("from"),
    receivePack: false,
    config: { "uploadpack.allowFilter": String(canFilter) },
  });
  await using there = await startNginxGitServer({ root: folder.join("to") });
  await using relay = startRelay();
  await relay.run({ source: { url: `${here.url}/warm.git` }, target: { url: `${there.url}/warm.git` } });
  const cost = await relay.run({
    source: { url: `${here.url}/source.git` },
    target: { url: `${there.url}/target.git` },
    scope: { allRefs: true },
    policy: { mode: "replicate" },
  });
  if ([...(await refsOf(target))].join() !== [...(await refsOf(source))].join()) {
    throw new Error("the mirror is not equal");
  }
  return cost;
}
