/** The soak on Redis, as long as `GITSYNC_SOAK_MINUTES` says; half a minute when it says nothing. */

import { test } from "vitest";
import { describeWith } from "../support/requirements.ts";
import { soak } from "./soak.ts";
import { openRedisSoakStore } from "./soak-stores.ts";

const MINUTES = Number(process.env["GITSYNC_SOAK_MINUTES"] ?? "0.6");
const ROUTES = MINUTES >= 3 ? 200 : 30;

describeWith(["git", "redis"], "a fleet whose workers are killed and whose Redis restarts", () => {
  test(
    "loses no hint, writes nothing it should not, and ends equal",
    { timeout: MINUTES * 60_000 + 400_000 },
    async ({ expect }) => {
      await using store = await openRedisSoakStore();
      const report = await soak({ store, minutes: MINUTES, routes: ROUTES, say: () => undefined });
      expect(report).toMatchObject({ faults: [], storeRestarts: 2 });
      expect(report.runs).toBeLessThanOrEqual(report.runLimit);
      expect(report.kills).toBeGreaterThan(0);
      expect(report.hintsDuringRuns).toBeGreaterThan(0);
    },
  );
});
