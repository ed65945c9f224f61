/** The fleet store in Redis: changed by scripts only. */

import type { FleetStore, HostBlock, LiveProcess, ProcessBeat, ServerLife } from "./fleet-store.ts";
import { partyOf } from "./host-rules.ts";
import type { ScriptRunner } from "./redis-script-runner.ts";

interface KnownParty extends Pick<HostBlock, "reason"> {
  readonly name: string;
  /** `undefined` while it is not blocked. */
  readonly until: number | undefined;
  readonly inFlight: number;
}

export class RedisFleetStore implements FleetStore {
  readonly #scripts: ScriptRunner;

  constructor(scripts: ScriptRunner) {
    this.#scripts = scripts;
  }

  async beat(process: ProcessBeat): Promise<void> {
    await this.#scripts.run("beat", process.id, JSON.stringify(process));
  }

  async leave(id: string): Promise<void> {
    await this.#scripts.run("leave", id);
  }

  async processes(): Promise<readonly LiveProcess[]> {
    const reply = await this.#scripts.run("processes");
    if (!Array.isArray(reply)) return [];
    return reply
      .map(([said, at]: readonly [string, string]): LiveProcess => ({
        ...JSON.parse(said),
        beatAt: Number(at),
      }))
      .toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  async hostBlocks(): Promise<readonly HostBlock[]> {
    return (await this.#parties()).flatMap(({ name, until, reason }) =>
      until === undefined ? [] : [{ ...partyOf(name), until, reason }],
    );
  }

  async hostsInFlight(): Promise<ReadonlyMap<string, number>> {
    const hosts = (await this.#parties()).filter(({ name }) => partyOf(name).credential === undefined);
    return new Map(hosts.map(({ name, inFlight }) => [name, inFlight]));
  }

  async #parties(): Promise<readonly KnownParty[]> {
    const reply = await this.#scripts.run("hosts");
    if (!Array.isArray(reply)) return [];
    return reply
      .map(([name, until, reason, inFlight]: readonly [string, string, HostBlock["reason"], number]) => ({
        name,
        until: until === "" ? undefined : Number(until),
        reason,
        inFlight,
      }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  async secretMarks(): Promise<ReadonlyMap<string, string>> {
    return new Map(Object.entries(await this.#scripts.redis.hgetall(this.#scripts.key("secrets"))));
  }

  async setSecretMark(credential: string, mark: string): Promise<void> {
    await this.#scripts.redis.hset(this.#scripts.key("secrets"), credential, mark);
  }

  async serverLife(): Promise<ServerLife | undefined> {
    const id = await this.#runId();
    if (id === undefined) return undefined;
    const settled = await this.#scripts.redis.get(this.#scripts.key("server"));
    return { id, isSettled: settled === id, isFirst: settled === null };
  }

  async settleServer(id: string): Promise<void> {
    await this.#scripts.redis.set(this.#scripts.key("server"), id);
  }

  /** Drawn anew whenever a server starts. Hosted ones may forbid the question. */
  async #runId(): Promise<string | undefined> {
    try {
      return /^run_id:(\S+)/mu.exec(await this.#scripts.redis.info("server"))?.[1];
    } catch (error) {
      if (error instanceof Error && /^(?:NOPERM|ERR)/u.test(error.message)) return undefined;
      throw error;
    }
  }

  async takeLease(name: string, holder: string, ms: number): Promise<boolean> {
    return (await this.#scripts.run("takeLease", name, holder, ms)) === 1;
  }

  async dropLease(name: string, holder: string): Promise<void> {
    await this.#scripts.run("dropLease", name, holder);
  }
}
