/**
 * A store that forgets, in the middle of work: emptied, cut short, replaced by a replica that lagged, ended without a
 * checkpoint. Nobody has to do anything; how long that takes is printed.
 */

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync, statSync, truncateSync } from "node:fs";
import { dirname, join } from "node:path";
import { openQueueStore, createSilentLogger } from "@gitsync/runtime";
import { describe, test, type ExpectStatic } from "vitest";
import { postmasterOf } from "../runtime/support/embedded.ts";
import { startChaosProxy } from "../support/tcp-chaos-proxy.ts";
import { startRedis, type RedisServer } from "../support/redis.ts";
import { describeWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { deployFleet, type DeployedFleet } from "./support/deployed-fleet.ts";
import { eventually } from "./support/eventually.ts";

/** Of one worker's sweep, or of another's whose lease is gone with the rest. */
const SWEEP_MS = 15_000;
/** For what the sweep found to run, on a busy machine. */
const RUNS_MS = 20_000;
/** The lock of a job, and the passes of the check for jobs without one. */
const RECOVERY_MS = 45_000;
const EVERY_MS = 20_000;
/** The next look at a route is at most one and a half intervals away, and a tenth of chance. */
const DUE_MS = 1.6 * EVERY_MS;

/** Four fleets start and push at once, on two cores or one. */
const TEST_MS = 300_000;
const FLEET = { pairs: 8, workers: 2, every: `${EVERY_MS / 1_000}s` };

describe.concurrent("a store that forgets in the middle of work", { timeout: TEST_MS }, () => {
  describeWith(["git", "redis"], "on Redis", () => {
    test("emptied: the routes are stored again by the next sweep, and looked at", async ({ expect }) => {
      await using redis = await startRedis();
      await using fleet = await deployFleet({ ...FLEET, label: "emptied", queueUrl: redis.url });
      const empty = async (): Promise<void> => void (await redis.command("FLUSHALL"));
      await expectConvergence(expect, fleet, {
        what: "Redis was emptied",
        fault: empty,
        withinMs: SWEEP_MS + RUNS_MS,
        written: () => ({ "Redis' log of commands": appendedOf(redis) }),
      });
    });

    test("its file cut by a quarter: what was forgotten is found when it is due", async ({ expect }) => {
      await using redis = await startRedis();
      await using fleet = await deployFleet({ ...FLEET, label: "cut", queueUrl: redis.url });
      const cut = async (): Promise<void> => {
        await redis.kill();
        const file = appendOnlyFileOf(redis);
        truncateSync(file, Math.trunc(statSync(file).size * 0.75));
        await redis.restart();
      };
      await expectConvergence(expect, fleet, {
        what: "the last quarter of Redis' append-only file was cut off",
        fault: cut,
        withinMs: Math.max(DUE_MS + SWEEP_MS, RECOVERY_MS) + RUNS_MS,
        written: () => ({ "Redis' log of commands": appendedOf(redis) }),
      });
    });

    test("failed over to a replica that lagged: what was forgotten is found when it is due", async ({
      expect,
    }) => {
      await using primary = await startRedis();
      await using link = await startChaosProxy(primary.port);
      await using replica = await startRedis();
      await replica.command("REPLICAOF", "127.0.0.1", String(link.port));
      // Operators move an address, or a service that has it: workers are told nothing.
      await using address = await startChaosProxy(primary.port);
      const queueUrl = `redis://127.0.0.1:${address.port}`;
      await using fleet = await deployFleet({ ...FLEET, label: "failover", queueUrl });
      await eventually("the replica follows", async () => (await offsetOf(replica)) > 0);
      const failOver = async (): Promise<void> => {
        link.setToxics({ refuse: true });
        link.resetAll();
        const behind = await offsetOf(primary);
        await eventually("the replica lags", async () => (await offsetOf(primary)) > behind + 50_000);
        await primary.kill();
        expect(await offsetOf(replica)).toBeLessThanOrEqual(behind);
        await replica.command("REPLICAOF", "NO", "ONE");
        address.leadTo(replica.port);
        address.resetAll();
      };
      await expectConvergence(expect, fleet, {
        what: "Redis failed over to a replica that lagged",
        fault: failOver,
        withinMs: Math.max(DUE_MS + SWEEP_MS, RECOVERY_MS) + RUNS_MS,
        written: () => ({ "the replica's log of commands": appendedOf(replica) }),
      });
    });
  });

  describeWith(["git", "postgres"], "on PostgreSQL", () => {
    test("ended without a checkpoint: what was committed is there, and goes on", async ({ expect }) => {
      await using folder = temporaryFolder("immediate");
      const queueUrl = `embedded:${folder.path}`;
      await using fleet = await deployFleet({ ...FLEET, label: "immediate", queueUrl });
      const data = join(folder.path, "postgres");
      const end = async (): Promise<void> => {
        const server = postmasterOf(folder.path);
        stopImmediately(server, data);
        await eventually("the server is back", () => isBack(folder.path, server));
      };
      await expectConvergence(expect, fleet, {
        what: "PostgreSQL was ended with -m immediate",
        fault: end,
        withinMs: RECOVERY_MS + RUNS_MS,
        written: async () => ({ "PostgreSQL's tables": await textOfTables(folder.path) }),
      });
    });
  });
});

interface Loss {
  readonly what: string;
  readonly fault: () => Promise<void>;
  readonly withinMs: number;
  readonly written: () => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;
}

async function expectConvergence(expect: ExpectStatic, fleet: DeployedFleet, loss: Loss): Promise<void> {
  const { what, fault, withinMs, written } = loss;
  const ms = await fleet.convergesAfter(fault, withinMs);
  process.stdout.write(
    `every target equalled its source ${(ms / 1_000).toFixed(1)} s after ${what} (limit ${withinMs / 1_000} s)\n`,
  );
  expect(ms).toBeLessThan(withinMs);
  expect(await fleet.faults(await written())).toEqual([]);
}

function appendOnlyFileOf(redis: RedisServer): string {
  const folder = join(redis.folder, "appendonlydir");
  const names = readdirSync(folder).filter((name) => name.endsWith(".incr.aof"));
  return join(folder, names.toSorted().at(-1) ?? "");
}

/** Every command that this Redis wrote down. */
function appendedOf(redis: RedisServer): string {
  const folder = join(redis.folder, "appendonlydir");
  return readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), "latin1"))
    .join("");
}

/** How much of the stream of changes a server has. */
async function offsetOf(redis: RedisServer): Promise<number> {
  const info = await redis.command("INFO", "replication");
  const [, offset] = /slave_repl_offset:(\d+)/u.exec(info) ?? /master_repl_offset:(\d+)/u.exec(info) ?? [];
  return Number(offset ?? 0);
}

/** As an operator does, with the program beside the server; it may not be run as root. */
function stopImmediately(server: number, data: string): void {
  const program = join(dirname(readlinkSync(`/proc/${server}/exe`)), "pg_ctl");
  const { uid, gid } = statSync(`/proc/${server}`);
  execFileSync(program, ["stop", "-m", "immediate", "-D", data], { uid, gid, cwd: data, stdio: "ignore" });
}

function isBack(directory: string, before: number): boolean {
  try {
    return postmasterOf(directory) !== before;
  } catch {
    return false;
  }
}

async function textOfTables(directory: string): Promise<string> {
  const store = await openQueueStore(
    { kind: "embedded", directory },
    { logger: createSilentLogger(), role: "producer" },
  );
  try {
    if (store.kind !== "postgres") throw new TypeError("not a PostgreSQL store");
    const { rows } = await store.pool.query<{ name: string }>(
      `select quote_ident(schemaname) || '.' || quote_ident(tablename) as name from pg_tables
       where schemaname in ('gitsync', 'bullmq')`,
    );
    const texts: string[] = [];
    for (const { name } of rows) {
      const table = await store.pool.query<{ text: string }>(`select row::text as text from ${name} as row`);
      texts.push(...table.rows.map(({ text }) => text));
    }
    return texts.join("\n");
  } finally {
    await store.close();
  }
}
