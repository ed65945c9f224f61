/** A git daemon's target that takes small packs only. It hangs up on the rest of a pack, and its words may go down with that. */

import { expect, test } from "vitest";
import { startGitDaemon } from "../../support/git-daemon.ts";
import { noise } from "../../support/noise.ts";
import { commit, createRepository, fsck, refsOf } from "../../support/repository.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { openClient, outcomes } from "../two-sides.ts";

test("a target behind a git daemon is brought what fits, in parts, and told apart from a dead one", async () => {
  await using folder = temporaryFolder("daemon");
  const source = await createRepository(folder.join("source.git"));
  const target = await createRepository(folder.join("target.git"), {
    config: { "receive.maxInputSize": "50000" },
  });
  await commit(source, "refs/heads/small", { a: "1" });
  for (let n = 0; n < 3; n += 1) await commit(source, "refs/heads/main", { f: noise(20_000, String(n)) });
  await using daemon = await startGitDaemon(folder.path);
  const client = openClient({ egress: { addresses: "any", gitDaemonPush: true } });
  const request = { source: { url: source }, target: { url: `${daemon.url}/target.git` } };
  const result = await client.replicate(request);
  expect(result.execution).toMatchObject({ transferMode: "batched", reason: "limit-met", converged: true });
  expect(await refsOf(target)).toEqual(await refsOf(source));

  await commit(source, "refs/heads/huge", { f: noise(200_000) });
  await commit(source, "refs/heads/small", { a: "2" });
  const later = await client.replicate({ ...request, policy: { bestEffort: true } });
  expect(outcomes(later)).toEqual([
    "refs/heads/huge: refused (pack-too-large)",
    "refs/heads/small: applied (replicate-overwrite)",
  ]);
  await fsck(target);

  await daemon[Symbol.asyncDispose]();
  await expect(client.replicate(request)).rejects.toMatchObject({ code: "REMOTE_UNREACHABLE" });
  await client.close();
});
