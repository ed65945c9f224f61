/** The fleet as it is deployed: two worker processes on one Redis, real git servers, and one of them killed. */

import { mkdir, writeFile } from "node:fs/promises";
import { test } from "vitest";
import { cliFolder, runCli, startCli } from "../cli/git-sync.ts";
import { startChaosProxy } from "../support/tcp-chaos-proxy.ts";
import { generateHistory } from "../support/history.ts";
import { startNginxGitServer } from "../support/nginx-git-server.ts";
import { installRefLog } from "../support/ref-log.ts";
import { startRedis } from "../support/redis.ts";
import { copyRepository, createRepository, fsck, leftoversOf, refsOf } from "../support/repository.ts";
import { describeWith } from "../support/requirements.ts";
import { connectionsTo } from "../support/sockets.ts";
import { eventually } from "./support/eventually.ts";
import { faultsOf, runsInLog } from "./support/oracle.ts";

/** Far beyond the buffer, so that the push streams while the source still sends. */
const MID_PUSH_BYTES = 12 * 1024 * 1024;
const SLOW = { upstream: [{ type: "bandwidth", bytesPerSecond: 4 * 1024 * 1024 }] } as const;

describeWith(["git", "nginx", "redis"], "a worker killed in the middle of a push", () => {
  test("its job runs again elsewhere, the target ends equal, and nothing ran twice at once", async ({
    expect,
  }) => {
    await using folder = cliFolder("killed-mid-push");
    const root = folder.join("served");
    await mkdir(root);
    const history = await generateHistory({
      commits: 300,
      refs: 20,
      tags: 10,
      fileBytes: 150_000,
      content: "noise",
    });
    const source = await copyRepository(history, `${root}/source.git`);
    const target = await createRepository(`${root}/target.git`);
    const [sourceLog, targetLog] = [await installRefLog(source), await installRefLog(target)];
    await using server = await startNginxGitServer({ root });
    await using proxy = await startChaosProxy(server.port, SLOW);
    await using redis = await startRedis();
    const config = folder.join("mirrors.yaml");
    await writeFile(config, "version: 1\negress: { schemes: [http], allow: [{ cidr: 127.0.0.0/8 }] }\n");
    const env = { GITSYNC_QUEUE_URL: redis.url };
    const start = async () => {
      const worker = startCli(["worker", "--config", config], { folder: folder.path, env });
      await worker.waitForLine(/Worker takes jobs/u);
      return worker;
    };
    await using first = await start();
    await using second = await start();

    const args = ["enqueue", "--wait", "--json", `${server.url}/source.git`, `${proxy.url}/target.git`];
    await using waiting = startCli(args, { folder: folder.path, env });
    await eventually("the push is well under way", () => proxy.passed.upstream > MID_PUSH_BYTES, 60_000);
    const [busy, idle] = connectionsTo(proxy.port, first.pid) > 0 ? [first, second] : [second, first];
    expect(connectionsTo(proxy.port, busy.pid)).toBeGreaterThan(0);
    expect(connectionsTo(proxy.port, idle.pid), "the other worker leaves the target alone").toBe(0);
    proxy.setToxics({});
    await busy.kill("SIGKILL");
    const killedAt = performance.now();
    expect(await refsOf(target)).toEqual(new Map());

    expect(await waiting.exited).toMatchObject({ code: 0 });
    expect(performance.now() - killedAt).toBeLessThan(60_000);
    const heads = ["refs/heads", "refs/tags"];
    expect(await refsOf(target, ...heads)).toEqual(await refsOf(source, ...heads));
    await fsck(target);
    expect(await leftoversOf(target)).toEqual([]);
    const changed = (await targetLog.changes()).map((change) => change.ref);
    expect(changed.length, "each ref was written once").toBe(new Set(changed).size);
    const runs = [first, second].flatMap(({ output }) => runsInLog(output.stderr));
    expect(runs.length).toBeGreaterThan(0);
    const pair = { id: "pair", source, target, logs: [sourceLog, targetLog] } as const;
    expect(await faultsOf({ pairs: [pair], runs })).toEqual([]);
    const again = await runCli(
      args.filter((arg) => arg !== "--json"),
      { folder: folder.path, env },
    );
    expect(again).toMatchObject({ code: 0 });
    expect(again.stdout).toMatch(/nothing to do/u);
    expect((await idle.kill("SIGTERM")).code).toBe(0);
  });
});
