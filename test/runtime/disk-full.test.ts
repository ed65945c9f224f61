import { createClient } from "@gitsync/engine";
import { createProducer, type Producer } from "@gitsync/producer";
import { createSilentLogger } from "@gitsync/runtime";
import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { GIT_ENVIRONMENT } from "../support/git.ts";
import { noise } from "../support/noise.ts";
import { startRedis } from "../support/redis.ts";
import { commit, createRepository, refsOf } from "../support/repository.ts";
import { describeWith } from "../support/requirements.ts";
import { smallDisk } from "../support/small-disk.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** More than fits into what a server keeps ready on its disk. */
const MANY = 20_000;

describeWith(["mount", "git"], "a full disk below the spool folder", () => {
  test("ends the run with its name, is worth another try, and leaves nothing behind", async () => {
    await using folder = temporaryFolder("full-spool");
    await using disk = smallDisk("spool", "256k");
    const source = await createRepository(folder.join("source.git"));
    const target = await createRepository(folder.join("target.git"));
    await commit(source, "refs/heads/main", { noise: noise(1_000_000) });
    const client = createClient({
      childEnvironment: GIT_ENVIRONMENT,
      egress: { addresses: "any" },
      limits: { memoryBytes: 65_536 },
      spool: { directory: disk.path, use: "always" },
    });
    await expect(client.sync({ source: { url: source }, target: { url: target } })).rejects.toMatchObject({
      code: "SPOOL_FAILED",
      class: "transient",
      message: expect.stringContaining(`${disk.path}: ENOSPC`),
      remedy: expect.stringContaining("make room"),
    });
    expect((await refsOf(target)).size).toBe(0);
    expect(readdirSync(disk.path)).toEqual([]);
    await client.close();
  });
});

describeWith(["mount", "git"], "a full disk below a target", () => {
  test("refuses the refs of the push and says why, and none of them moves", async () => {
    await using folder = temporaryFolder("full-target");
    await using disk = smallDisk("target", "1m");
    const source = await createRepository(folder.join("source.git"));
    await commit(source, "refs/heads/main", { noise: noise(2_000_000) });
    const target = await createRepository(`${disk.path}/target.git`);
    const client = createClient({ childEnvironment: GIT_ENVIRONMENT, egress: { addresses: "any" } });
    const { refs } = await client.sync({
      source: { url: source },
      target: { url: target },
      policy: { bestEffort: true },
    });
    expect(refs).toMatchObject([{ outcome: "refused", targetRef: "refs/heads/main", code: "no-space" }]);
    expect((await refsOf(target)).size).toBe(0);
    await client.close();
  });
});

describeWith(["mount", "postgres"], "a full disk below the embedded queue", () => {
  test(
    "refuses hints in time, forgets none, and goes on once there is room",
    { timeout: 240_000 },
    async () => {
      await using disk = smallDisk("embedded", "256m");
      await using producer = await open(`embedded:${disk.path}/queue`);
      expect(await lostOf(producer.is, disk)).toEqual([]);
    },
  );
});

describeWith(["mount", "redis"], "a full disk below Redis", () => {
  test(
    "refuses hints in time, forgets none, and goes on once there is room",
    { timeout: 240_000 },
    async () => {
      await using disk = smallDisk("redis", "2m");
      await using redis = await startRedis({
        settings: { "--dir": disk.path, "--appendonly": "yes", "--appendfsync": "everysec", "--save": "" },
      });
      await using producer = await open(redis.url);
      expect(await lostOf(producer.is, disk)).toEqual([]);
    },
  );
});

async function open(queueUrl: string): Promise<AsyncDisposable & { readonly is: Producer }> {
  const producer = await createProducer({ queueUrl, logger: createSilentLogger() });
  return { is: producer, [Symbol.asyncDispose]: () => producer.close() };
}

/** Fill the disk while hints come, make room, and say which of those that were accepted are gone. */
async function lostOf(producer: Producer, disk: { fill(): void; free(): void }): Promise<readonly string[]> {
  const accepted: string[] = [];
  const ask = async (n: number): Promise<void> => {
    const begun = performance.now();
    const target = { url: `https://target.test/${n}-${"x".repeat(2_000)}.git` };
    try {
      accepted.push(
        (await producer.enqueueSync({ source: { url: "https://source.test/a.git" }, target })).route,
      );
    } finally {
      expect(performance.now() - begun).toBeLessThan(4_000);
    }
  };
  await ask(0);
  disk.fill();
  const refusal = async (): Promise<unknown> => {
    for (let n = 1; n < MANY; n += 1) await ask(n);
    return undefined;
  };
  await expect(refusal()).rejects.toMatchObject({
    name: "ProducerError",
    code: "QUEUE_UNAVAILABLE",
    retryable: true,
  });
  disk.free();
  await expect
    .poll(
      () =>
        ask(MANY).then(
          () => true,
          () => false,
        ),
      { timeout: 60_000 },
    )
    .toBe(true);
  const stored = new Set<string>();
  for await (const { definition } of producer.allRoutes()) stored.add(definition.id);
  return accepted.filter((route) => !stored.has(route));
}
