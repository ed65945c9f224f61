/** A run with a thousand refs and nothing to do, against listing the slower side with git. */

import { createClient, type SyncRequest } from "@gitsync/engine";
import { startNginxGitServer } from "../support/git-server.ts";
import { generateHistory } from "../support/history.ts";
import { copyRepository } from "../support/repository.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { median, timeCommand } from "./command.ts";
import type { Figure } from "./figure.ts";

const NAME = "nothing-to-do";
const ROUNDS = 15;

export async function measureNothingToDo(): Promise<readonly Figure[]> {
  await using folder = temporaryFolder("bench");
  const history = await generateHistory({ commits: 3_000, refs: 700, tags: 300 });
  await copyRepository(history, folder.join("source.git"));
  await copyRepository(history, folder.join("target.git"));
  await using server = await startNginxGitServer({ root: folder.path });
  const request: SyncRequest = {
    source: { url: `${server.url}/source.git` },
    target: { url: `${server.url}/target.git` },
    policy: { mode: "replicate", includeTags: true },
  };
  const client = createClient({ egress: { addresses: "any", schemes: ["http"] } });
  await client.sync(request);
  await server.forgetRequests();
  await client.sync(request);
  const requests = await server.requests();
  const perSide = ["/source.git/", "/target.git/"].map(
    (prefix) => requests.filter(({ uri }) => uri.startsWith(prefix)).length,
  );
  const ours: number[] = [];
  const theirs: { source: number[]; target: number[] } = { source: [], target: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    const startedAt = performance.now();
    const result = await client.sync(request);
    ours.push(performance.now() - startedAt);
    if (result.counts.skipped !== 1_000) throw new Error("there was something to do");
    for (const side of ["source", "target"] as const) {
      theirs[side].push(await timeCommand('git ls-remote "$1" >/dev/null', [request[side].url]));
    }
  }
  await client.close();
  const slower = Math.max(median(theirs.source), median(theirs.target));
  return [
    {
      benchmark: NAME,
      name: "wall time / slower git ls-remote",
      value: median(ours) / slower,
      unit: "",
      limit: 1.2,
      how: `${median(ours).toFixed(1)} ms against ${slower.toFixed(1)} ms, 1,000 refs, median of ${ROUNDS}`,
    },
    {
      benchmark: NAME,
      name: "requests to the busier side",
      value: Math.max(...perSide),
      unit: "",
      limit: 2,
      how: `${perSide[0]} to the source, ${perSide[1]} to the target`,
    },
  ];
}
