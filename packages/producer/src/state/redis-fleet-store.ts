/** The fleet store in Redis: changed by scripts only. */

import type { FleetStore, HostBlock, LiveProcess, ProcessBeat } from "./fleet-store.ts";
import type { ScriptRunner } from "./redis-script-runner.ts";

interface KnownHost extends Omit<HostBlock, "until"> {
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
    return (await this.#hosts()).flatMap(({ host, until, reason }) =>
      until === undefined ? [] : [{ host, until, reason }],
    );
  }

  async hostsInFlight(): Promise<ReadonlyMap<string, number>> {
    return new Map((await this.#hosts()).map(({ host, inFlight }) => [host, inFlight]));
  }

  async #hosts(): Promise<readonly KnownHost[]> {
    const reply = await this.#scripts.run("hosts");
    if (!Array.isArray(reply)) return [];
    return reply
      .map(([host, until, reason, inFlight]: readonly [string, string, HostBlock["reason"], number]) => ({
        host,
        until: until === "" ? undefined : Number(until),
        reason,
        inFlight,
      }))
      .toSorted((a, b) => (a.host < b.host ? -1 : 1));
  }

  async takeLease(name: string, holder: string, ms: number): Promise<boolean> {
    return (await this.#scripts.run("takeLease", name, holder, ms)) === 1;
  }

  async dropLease(name: string, holder: string): Promise<void> {
    await this.#scripts.run("dropLease", name, holder);
  }
}
