/**
 * A store that forgets, in the middle of work: emptied, cut short, replaced by a replica that lagged, ended without a
 * checkpoint. Nobody has to do anything; how long that takes is printed.
 */

import { readdirSync, readFileSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { describe, test, type ExpectStatic } from "vitest";
import { postmasterOf } from "../runtime/support/embedded.ts";
import { startRedis, type RedisServer } from "../support/redis.ts";
import { describeWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { deployFleet, type DeployedFleet } from "./support/deployed-fleet.ts";
import { eventually } from "./support/eventually.ts";
import {
  appendOnlyFileOf,
  isBack,
  startReplicatedRedis,
  stopImmediately,
  usingEmbeddedStore,
} from "./support/forgetful-stores.ts";

/** Of one worker's sweep, or of another's whose lease is gone with the rest. */
const SWEEP_MS = 15_000;
/** One sweep sees that the store was started anew, the next one begins the looks that it put off for the hosts' sake. */
const LOOKS_MS = 2 * SWEEP_MS;
/** For what the sweep found to run, on a busy machine. */
const RUNS_MS = 20_000;
/** The lock of a job, and the passes of the check for jobs without one. */
const RECOVERY_MS = 45_000;

/** Four fleets start and push at once, on two cores or one. */
const TEST_MS = 300_000;
/** No route is due while a test runs. */
const FLEET = { pairs: 8, workers: 2, every: "24h" };

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

    test("its file cut by a quarter: what was forgotten is found by looking at every route", async ({
      expect,
    }) => {
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
        withinMs: Math.max(LOOKS_MS, RECOVERY_MS) + RUNS_MS,
        written: () => ({ "Redis' log of commands": appendedOf(redis) }),
      });
    });

    test("failed over to a replica that lagged: what was forgotten is found by looking at every route", async ({
      expect,
    }) => {
      await using pair = await startReplicatedRedis();
      await using fleet = await deployFleet({ ...FLEET, label: "failover", queueUrl: pair.url });
      const failOver = async (): Promise<void> => {
        pair.cutOff();
        await eventually("the replica lags", async () => (await pair.lag()) > 50_000);
        await pair.failOver();
      };
      await expectConvergence(expect, fleet, {
        what: "Redis failed over to a replica that lagged",
        fault: failOver,
        withinMs: Math.max(LOOKS_MS, RECOVERY_MS) + RUNS_MS,
        written: () => ({ "the replica's log of commands": appendedOf(pair.replica) }),
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

/** Every command that this Redis wrote down. */
function appendedOf(redis: RedisServer): string {
  const folder = join(redis.folder, "appendonlydir");
  return readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), "latin1"))
    .join("");
}

async function textOfTables(directory: string): Promise<string> {
  return await usingEmbeddedStore(directory, async ({ pool }) => {
    const { rows } = await pool.query<{ name: string }>(
      `select quote_ident(schemaname) || '.' || quote_ident(tablename) as name from pg_tables
       where schemaname in ('gitsync', 'bullmq')`,
    );
    const texts: string[] = [];
    for (const { name } of rows) {
      const table = await pool.query<{ text: string }>(`select row::text as text from ${name} as row`);
      texts.push(...table.rows.map(({ text }) => text));
    }
    return texts.join("\n");
  });
}
