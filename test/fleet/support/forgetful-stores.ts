/** Stores as operators have them, and the ways in which they come to forget what they took. */

import { execFileSync } from "node:child_process";
import { readdirSync, readlinkSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { createSilentLogger, openQueueStore, type PostgresQueueStore } from "@gitsync/runtime";
import { postmasterOf } from "../../runtime/support/embedded.ts";
import { startRedis, type RedisServer } from "../../support/redis.ts";
import { startChaosProxy } from "../../support/tcp-chaos-proxy.ts";
import { eventually } from "./eventually.ts";

/** The file that Redis appends to, in its folder. */
export function appendOnlyFileOf(redis: RedisServer): string {
  const folder = join(redis.folder, "appendonlydir");
  const names = readdirSync(folder).filter((name) => name.endsWith(".incr.aof"));
  return join(folder, names.toSorted().at(-1) ?? "");
}

export interface ReplicatedRedis extends AsyncDisposable {
  /** Of whichever of the two is the primary: operators move an address, and workers are told nothing. */
  readonly url: string;
  readonly replica: RedisServer;
  /** How much less of the stream of changes the replica has, in bytes. */
  lag(): Promise<number>;
  /** The replica gets nothing more. */
  cutOff(): void;
  /** The primary ends without a warning, and the replica takes its place. */
  failOver(): Promise<void>;
}

export async function startReplicatedRedis(): Promise<ReplicatedRedis> {
  await using stack = new AsyncDisposableStack();
  const primary = stack.use(await startRedis());
  const link = stack.use(await startChaosProxy(primary.port));
  const replica = stack.use(await startRedis());
  await replica.command("REPLICAOF", "127.0.0.1", String(link.port));
  const address = stack.use(await startChaosProxy(primary.port));
  await eventually("the replica follows", async () => (await offsetOf(replica)) > 0);
  const owned = stack.move();
  return {
    url: `redis://127.0.0.1:${address.port}`,
    replica,
    lag: async () => (await offsetOf(primary)) - (await offsetOf(replica)),
    cutOff: () => {
      link.setToxics({ refuse: true });
      link.resetAll();
    },
    failOver: async () => {
      await primary.kill();
      await replica.command("REPLICAOF", "NO", "ONE");
      address.leadTo(replica.port);
      address.resetAll();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** How much of the stream of changes a server has. */
async function offsetOf(redis: RedisServer): Promise<number> {
  const info = await redis.command("INFO", "replication");
  const [, offset] = /slave_repl_offset:(\d+)/u.exec(info) ?? /master_repl_offset:(\d+)/u.exec(info) ?? [];
  return Number(offset ?? 0);
}

/** As an operator does, with the program beside the server; it may not be run as root. */
export function stopImmediately(server: number, data: string): void {
  const program = join(dirname(readlinkSync(`/proc/${server}/exe`)), "pg_ctl");
  const { uid, gid } = statSync(`/proc/${server}`);
  execFileSync(program, ["stop", "-m", "immediate", "-D", data], { uid, gid, cwd: data, stdio: "ignore" });
}

export function isBack(directory: string, before: number): boolean {
  try {
    return postmasterOf(directory) !== before;
  } catch {
    return false;
  }
}

export async function usingEmbeddedStore<T>(
  directory: string,
  use: (store: PostgresQueueStore) => Promise<T>,
): Promise<T> {
  const store = await openQueueStore(
    { kind: "embedded", directory },
    { logger: createSilentLogger(), role: "producer" },
  );
  try {
    if (store.kind !== "postgres") throw new TypeError("not a PostgreSQL store");
    return await use(store);
  } finally {
    await store.close();
  }
}
