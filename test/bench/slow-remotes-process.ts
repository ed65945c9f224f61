/**
 * A git host for figures of the fleet: `slow-remotes-process.ts DELAY_MS`. Every repository below it has the same
 * branch, is up to date, and answers each request after the delay, at next to no cost. It listens on every loopback
 * address, so that it is as many hosts as are asked for.
 *
 * What it answers was said by stock git of a real repository; only the waiting is made up. `GET /-/counts` tells how
 * many listings for a push were answered: one for each run.
 */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { gitBytes } from "../support/git.ts";
import { commit, createRepository } from "../support/repository.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const LS_REFS = "0014command=ls-refs\n0016agent=git/bench.1\n0001000csymrefs\n0009peel\n0000";

const delayMs = Number(process.argv[2]);
const answers = await recordAnswers();
let runs = 0;

const server = createServer((request, response) => {
  const { pathname, search } = new URL(request.url ?? "/", "http://host");
  if (pathname === "/-/counts") {
    response.end(JSON.stringify({ runs }));
    return;
  }
  request.resume();
  const isListing = request.method === "GET";
  const service = isListing
    ? search.slice("?service=".length)
    : pathname.slice(pathname.lastIndexOf("/") + 1);
  const [kind, body] =
    service === "git-receive-pack"
      ? (["receive-pack-advertisement", answers.receivePack] as const)
      : isListing
        ? (["upload-pack-advertisement", answers.uploadPack] as const)
        : (["upload-pack-result", answers.listing] as const);
  void wait(delayMs).then(() => {
    if (service === "git-receive-pack") runs += 1;
    response.writeHead(200, { "content-type": `application/x-git-${kind}`, "cache-control": "no-cache" });
    response.end(body);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, "0.0.0.0", () => {
  process.stdout.write(`listens on ${(server.address() as AddressInfo).port}\n`);
});

/** What stock git says of a repository with one branch: over protocol v2 to a reader, over v0 to a pusher. */
async function recordAnswers(): Promise<Readonly<Record<"uploadPack" | "listing" | "receivePack", Buffer>>> {
  await using folder = temporaryFolder("bench-answers");
  const repository = await createRepository(folder.join("a.git"));
  await commit(repository, "refs/heads/main", { "file.txt": "always the same\n" });
  const env = { GIT_PROTOCOL: "version=2" };
  const advertise = ["--stateless-rpc", "--http-backend-info-refs", repository];
  return {
    uploadPack: await gitBytes(["upload-pack", ...advertise], { env }),
    listing: await gitBytes(["upload-pack", "--stateless-rpc", repository], { env, input: LS_REFS }),
    receivePack: Buffer.concat([
      Buffer.from("001f# service=git-receive-pack\n0000"),
      await gitBytes(["receive-pack", ...advertise]),
    ]),
  };
}
