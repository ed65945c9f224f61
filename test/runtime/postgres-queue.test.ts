/** The queue on a PostgreSQL server named by its address. The embedded server of another process plays that part. */

import { readFileSync } from "node:fs";
import { createSilentLogger, openQueueStore, parseQueueUrl } from "@gitsync/runtime";
import type { PostgresQueueStore, QueueStore } from "@gitsync/runtime";
import { afterAll, expect, test } from "vitest";
import { describeWith } from "../support/requirements.ts";
import { startChaosProxy } from "../support/tcp-chaos-proxy.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { closeMember, disposeTemplate, postmasterOf, startMember, usedFolder } from "./support/embedded.ts";

const LANE = "sync.example.com";

function address(directory: string, password: string): string {
  const socket = encodeURIComponent(`${directory}/run/server`);
  return `postgres://gitsync:${encodeURIComponent(password)}@localhost/postgres?host=${socket}`;
}

function open(url: string, waitMs = 5_000): Promise<QueueStore> {
  return openQueueStore(parseQueueUrl(url, {}), { logger: createSilentLogger(), role: "both", waitMs });
}

describeWith(["postgres"], "the queue on PostgreSQL", () => {
  afterAll(disposeTemplate);

  test("migrates a fresh database once, however many processes open it together", async () => {
    await using folder = temporaryFolder("postgres");
    await using host = startMember(`embedded:${folder.path}`);
    await host.waitForLine(/^opened/);
    const url = address(folder.path, readFileSync(folder.join("password"), "utf8").trim());
    const first = await open(url);
    if (first.kind !== "postgres") throw new TypeError("not a PostgreSQL store");
    await first.pool.query("DROP SCHEMA bullmq CASCADE");
    await first.close();

    const stores = await Promise.all([open(url), open(url), open(url)]);
    const [store] = stores;
    if (store?.kind !== "postgres") throw new TypeError("not a PostgreSQL store");
    expect(store.embedded).toBe(false);
    const { rows } = await store.pool.query("SELECT count(*)::int AS migrations FROM bullmq.migration");
    expect(rows[0].migrations).toBeGreaterThan(5);
    await Promise.all(stores.map(async (each) => each.close()));
    await closeMember(host);
  });

  test("runs many lanes on one pool, which grows by the connection that each worker keeps", async () => {
    await using folder = await usedFolder();
    await using host = startMember(`embedded:${folder.path}`);
    await host.waitForLine(/^opened/);
    const store = await open(address(folder.path, readFileSync(folder.join("password"), "utf8").trim()));
    if (store.kind !== "postgres") throw new TypeError("not a PostgreSQL store");
    const lanes = Array.from({ length: 25 }, (_, index) => `${LANE}.${index}`);
    const done = new Set<string>();
    const workers = lanes.map((lane) =>
      store.createWorker(lane, async (_job, _token, _signal) => void done.add(lane), {}),
    );
    const queues = lanes.map((lane) => store.createQueue(lane));
    await Promise.all(queues.map(async (queue) => queue.add("sync", {})));
    await expect.poll(() => done.size, { timeout: 20_000 }).toBe(25);
    expect(store.pool.totalCount).toBeLessThanOrEqual(35);
    await Promise.all(workers.map(async (worker) => worker.close()));
    await store.close();
    await closeMember(host);
  });

  test("waits for a server that comes up late, and names one that does not", async () => {
    await using folder = await usedFolder();
    const url = address(folder.path, readFileSync(folder.join("password"), "utf8").trim());
    await expect(open(url, 300)).rejects.toMatchObject({ code: "QUEUE_UNAVAILABLE" });
    const opening = open(url, 20_000);
    await using host = startMember(`embedded:${folder.path}`);
    const store = await opening;
    await expect(store.ping()).resolves.toBeUndefined();
    await store.close();
    await host.waitForLine(/^opened/);
    await closeMember(host);
  });

  test("a connection that breaks while it is in use ends nothing but what it was used for", async () => {
    await using folder = await usedFolder();
    await using host = startMember(`embedded:${folder.path}`);
    await host.waitForLine(/^opened/);
    const store = await open(address(folder.path, readFileSync(folder.join("password"), "utf8").trim()));
    if (store.kind !== "postgres") throw new TypeError("not a PostgreSQL store");
    const [idle, busy] = [await store.pool.connect(), await store.pool.connect()];
    // An event that nobody listens to would end this process, and fails this test.
    const ended = [idle, busy].map(
      (client) =>
        new Promise<void>((resolve) => {
          client.once("end", resolve);
        }),
    );
    const refused = busy.query("SELECT pg_sleep(60)").catch((error: unknown) => error);
    process.kill(postmasterOf(folder.path), "SIGQUIT");
    expect(await refused).toBeInstanceOf(Error);
    await Promise.all(ended);
    for (const client of [idle, busy]) client.release(true);
    await expect.poll(() => answers(store), { timeout: 20_000 }).toBe(true);
    await store.close();
    await closeMember(host);
  });

  test.runIf(process.platform === "linux")(
    "finds out within moments that a connection died without a word",
    async () => {
      await using folder = await usedFolder();
      await using host = startMember(`embedded:${folder.path}`);
      await host.waitForLine(/^opened/);
      await using proxy = await startChaosProxy(folder.join("run/server/.s.PGSQL.5432"));
      const password = encodeURIComponent(readFileSync(folder.join("password"), "utf8").trim());
      const store = await open(`postgres://gitsync:${password}@127.0.0.1:${proxy.port}/postgres`);
      await store.ping();
      expect(keepAliveTimersTo(proxy.port).length).toBeGreaterThan(0);
      // Another timer may run for a moment, until an answer is acknowledged.
      const latest = () => Math.max(...keepAliveTimersTo(proxy.port));
      await expect.poll(latest, { timeout: 2_000 }).toBeLessThanOrEqual(10);
      await store.close();
      await closeMember(host);
    },
  );

  test("opens other connections when its own died without a word, and hears of jobs again", async () => {
    await using folder = await usedFolder();
    await using host = startMember(`embedded:${folder.path}`);
    await host.waitForLine(/^opened/);
    await using proxy = await startChaosProxy(folder.join("run/server/.s.PGSQL.5432"));
    const password = readFileSync(folder.join("password"), "utf8").trim();
    const direct = await open(address(folder.path, password));
    const through = await open(
      `postgres://gitsync:${encodeURIComponent(password)}@127.0.0.1:${proxy.port}/postgres`,
    );
    if (direct.kind !== "postgres" || through.kind !== "postgres") throw new TypeError("on PostgreSQL");
    const queue = direct.createQueue(LANE);
    // With a job that is put off, a worker asks nothing until then: it hears of others, or it does not.
    await queue.add("later", {}, { delay: 3_600_000 });
    const done: string[] = [];
    const worker = through.createWorker(LANE, async (job, _token, _signal) => void done.push(job.name), {});
    await expect.poll(() => listeners(direct.pool)).toBeGreaterThan(0);
    await direct.pool.query("create table locked (id integer); insert into locked values (1)");
    const cutOff = await through.pool.connect();
    await cutOff.query("begin; update locked set id = 2");
    // Another connection that is open, and idle.
    await through.ping();

    proxy.forget();
    const lost = performance.now();
    await queue.add("now", {});
    await Promise.all([
      expect(through.pool.query("select 1")).rejects.toThrow("Query read timeout"),
      expect(cutOff.query("commit")).rejects.toBeInstanceOf(Error),
    ]);
    cutOff.release(true);
    expect(performance.now() - lost).toBeLessThan(20_000);
    await expect.poll(() => answers(through), { timeout: 20_000 }).toBe(true);
    // The server let go of what was locked, although it was told nothing.
    await direct.pool.query("update locked set id = 3");
    await expect.poll(() => done, { timeout: 40_000 }).toEqual(["now"]);
    await worker.close();
    await through.close();
    await direct.close();
    await closeMember(host);
  });

  test("tells a wrong password from an absent server, without repeating it", async () => {
    await using folder = await usedFolder();
    await using host = startMember(`embedded:${folder.path}`);
    await host.waitForLine(/^opened/);
    const error: unknown = await open(address(folder.path, "wrong-password")).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: "QUEUE_ACCESS_DENIED" });
    expect(JSON.stringify(error) + String(error)).not.toContain("wrong-password");
    await closeMember(host);
  });

  test("closes within its deadline while a query hangs", async () => {
    await using folder = await usedFolder();
    await using host = startMember(`embedded:${folder.path}`);
    await host.waitForLine(/^opened/);
    const store = await open(address(folder.path, readFileSync(folder.join("password"), "utf8").trim()));
    if (store.kind !== "postgres") throw new TypeError("not a PostgreSQL store");
    const hanging = store.pool.query("SELECT pg_sleep(60)").catch(() => undefined);
    const startedAt = performance.now();
    await store.close(1_000);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    await hanging;
    await closeMember(host);
  });
});

function answers(store: QueueStore): Promise<boolean> {
  return store.ping(500).then(
    () => true,
    () => false,
  );
}

/** Connections on which a worker waits for jobs. */
async function listeners(pool: PostgresQueueStore["pool"]): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    "select count(*)::integer as count from pg_stat_activity where query like '%LISTEN bullmq_jobs%' and pid <> pg_backend_pid()",
  );
  return rows[0]?.count ?? 0;
}

/** `TCP_ESTABLISHED` of the kernel. */
const ESTABLISHED = "01";

/**
 * In how many seconds the system asks whether each connection to a port of this machine is still there: proc(5),
 * `/proc/net/tcp`, a timer of kind 2, in hundredths of a second.
 */
function keepAliveTimersTo(port: number): readonly number[] {
  const remote = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return readFileSync("/proc/net/tcp", "utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , to, state]) => to === remote && state === ESTABLISHED)
    .map((fields) => {
      const [kind, when = ""] = (fields[5] ?? "").split(":");
      return kind === "02" ? Number.parseInt(when, 16) / 100 : Infinity;
    });
}
