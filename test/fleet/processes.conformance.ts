/** What every store must know of the fleet's processes and of leases. */

import { SILENT_MS } from "@gitsync/producer";
import { describe, expect, test } from "vitest";
import type { BackendKind } from "./support/backends.ts";
import { stateOfSuite } from "./support/suite-store.ts";

/** Define the suite for one kind of store. */
export function describeProcesses(kind: BackendKind): void {
  const on = stateOfSuite(kind);

  describe("processes", () => {
    test("live as long as they say so", async () => {
      await on.fleet.beat({ id: "b", capacity: 0, configHash: "1" });
      await on.fleet.beat({ id: "a", capacity: 8, configHash: undefined });
      expect(await on.fleet.processes()).toEqual([
        { id: "a", capacity: 8, beatAt: on.time },
        { id: "b", capacity: 0, configHash: "1", beatAt: on.time },
      ]);
      on.time += SILENT_MS;
      await on.fleet.beat({ id: "a", capacity: 4, configHash: "2" });
      expect(await on.fleet.processes()).toHaveLength(2);
      on.time += 1;
      expect(await on.fleet.processes()).toEqual([
        { id: "a", capacity: 4, configHash: "2", beatAt: on.time - 1 },
      ]);
      await on.fleet.leave("a");
      expect(await on.fleet.processes()).toEqual([]);
    });

    test("a lease has one holder, until it ends or is given back", async () => {
      expect(await on.fleet.takeLease("sweep", "a", 1_000)).toBe(true);
      expect(await on.fleet.takeLease("sweep", "b", 1_000)).toBe(false);
      expect(await on.fleet.takeLease("other", "b", 1_000)).toBe(true);
      on.time += 900;
      expect(await on.fleet.takeLease("sweep", "a", 1_000)).toBe(true);
      on.time += 900;
      expect(await on.fleet.takeLease("sweep", "b", 1_000)).toBe(false);
      on.time += 100;
      expect(await on.fleet.takeLease("sweep", "b", 1_000)).toBe(true);
      await on.fleet.dropLease("sweep", "a");
      expect(await on.fleet.takeLease("sweep", "a", 1_000)).toBe(false);
      await on.fleet.dropLease("sweep", "b");
      expect(await on.fleet.takeLease("sweep", "a", 1_000)).toBe(true);
    });

    test("a life of the server is settled until the server ends without a warning or is emptied", async () => {
      const settled = async (): Promise<string> => {
        const life = await on.fleet.serverLife();
        expect(life?.isSettled).toBe(false);
        await on.fleet.settleServer(life?.id ?? "");
        expect(await on.fleet.serverLife()).toEqual({ id: life?.id, isSettled: true, isFirst: false });
        return life?.id ?? "";
      };
      expect(await on.fleet.serverLife()).toMatchObject({ isFirst: true });
      const first = await settled();
      await on.backend.crash();
      expect(await on.fleet.serverLife()).toMatchObject({ isFirst: false });
      const second = await settled();
      expect(second).not.toBe(first);
      await on.backend.reset();
      expect(await on.fleet.serverLife()).toMatchObject({ isSettled: false, isFirst: true });
      // What was begun before the server ended says nothing of what it forgot then.
      await on.fleet.settleServer(first);
      expect(await on.fleet.serverLife()).toMatchObject({ isSettled: false });
    });

    test("of many that ask at once, one gets the lease", async () => {
      const asked = await Promise.all(
        Array.from({ length: 20 }, (_, n) => on.fleet.takeLease("sweep", `p${n}`, 1_000)),
      );
      expect(asked.filter(Boolean)).toHaveLength(1);
    });
  });
}
