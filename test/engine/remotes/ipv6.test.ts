/** Servers at an IPv6 address: it stands in brackets in a URL, and in none where it is connected to. */

import type { ClientOptions } from "@gitsync/engine";
import { expect, test } from "vitest";
import { startGitDaemon } from "../../support/git-daemon.ts";
import { startNginxGitServer } from "../../support/git-server.ts";
import type { RequirementName } from "../../support/requirement.ts";
import { commit, createRepository, fsck, refsOf } from "../../support/repository.ts";
import { describeWith } from "../../support/requirements.ts";
import { startSshd } from "../../support/sshd.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { failureOf, openClient } from "../two-sides.ts";

const ADDRESS = "::1";

interface Server extends AsyncDisposable {
  readonly port: number;
  /** Of the repository of this name. */
  url(name: string): string;
  readonly client: ClientOptions;
}

const SERVERS: Readonly<
  Record<string, { readonly needs: RequirementName; readonly start: (root: string) => Promise<Server> }>
> = {
  http: {
    needs: "nginx",
    start: async (root) => {
      const nginx = await startNginxGitServer({ root, address: ADDRESS });
      return { ...nginx, url: (name) => `${nginx.url}/${name}`, client: {} };
    },
  },
  ssh: {
    needs: "sshd",
    start: async (root) => {
      const sshd = await startSshd({ address: ADDRESS });
      const { identityFile, knownHostsFile } = sshd;
      const auth = { authFor: () => Promise.resolve({ identityFile, knownHostsFile }) };
      return { ...sshd, url: (name) => sshd.url(`${root}/${name}`), client: { auth } };
    },
  },
  git: {
    needs: "git",
    start: async (root) => {
      const daemon = await startGitDaemon(root, { address: ADDRESS });
      return { ...daemon, url: (name) => `${daemon.url}/${name}`, client: {} };
    },
  },
};

for (const [scheme, { needs, start }] of Object.entries(SERVERS)) {
  describeWith(["ipv6", needs], `${scheme} to ${ADDRESS}`, () => {
    test("is read from and pushed to, where its address is allowed, and nowhere else", async () => {
      await using folder = temporaryFolder("ipv6");
      const source = await createRepository(folder.join("source.git"));
      const target = await createRepository(folder.join("target.git"));
      await commit(source, "refs/heads/main", { a: "1" });
      await using server = await start(folder.path);
      const request = {
        source: { url: server.url("source.git") },
        target: { url: server.url("target.git") },
      };
      expect(request.source.url).toContain(`[${ADDRESS}]:${server.port}/`);
      const schemes = ["http", "ssh", "git", "file"];
      const closed = openClient({
        ...server.client,
        egress: { addresses: "public", schemes, allow: [{ cidr: "127.0.0.0/8" }], gitDaemonPush: true },
      });
      expect((await failureOf(closed.replicate(request))).code).toBe("EGRESS_DENIED");
      await closed.close();
      const allow = [{ cidr: `${ADDRESS}/128`, ports: [server.port] }];
      const client = openClient({
        ...server.client,
        egress: { addresses: "public", schemes, allow, gitDaemonPush: true },
      });
      expect((await client.replicate(request)).counts.applied).toBe(1);
      expect(await refsOf(target)).toEqual(await refsOf(source));
      await commit(source, "refs/heads/main", { a: "2" });
      expect((await client.replicate(request)).counts.applied).toBe(1);
      expect(await refsOf(target)).toEqual(await refsOf(source));
      await fsck(target);
      await client.close();
    });
  });
}
