/** The soak on the embedded PostgreSQL, for half a minute. */

import { test } from "vitest";
import { describeWith } from "../support/requirements.ts";
import { soak } from "./soak.ts";
import { openPostgresSoakStore } from "./soak-stores.ts";

describeWith(["git", "postgres"], "a fleet whose workers are killed and whose PostgreSQL restarts", () => {
  test(
    "loses no hint, writes nothing it should not, and ends equal",
    { timeout: 400_000 },
    async ({ expect }) => {
      await using store = await openPostgresSoakStore();
      const report = await soak({ store, minutes: 0.5, routes: 20, say: () => undefined });
      expect(report).toMatchObject({ faults: [], storeRestarts: 2 });
      expect(report.runs).toBeLessThanOrEqual(report.runLimit);
      expect(report.kills).toBeGreaterThan(0);
      expect(report.hintsDuringRuns).toBeGreaterThan(0);
    },
  );
});
