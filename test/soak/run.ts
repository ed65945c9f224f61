/**
 * `npm run soak -- [--minutes N] [--routes N] [--store redis|postgres]`: prints what happened as JSON; status 1 when
 * something must not have.
 */

import { parseArgs } from "node:util";
import { soak } from "./soak.ts";
import { openPostgresSoakStore, openRedisSoakStore } from "./soak-stores.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "3" },
    routes: { type: "string", default: "200" },
    store: { type: "string", default: "redis" },
  },
});
const startedAt = performance.now();
await using store = await (values.store === "postgres" ? openPostgresSoakStore() : openRedisSoakStore());
const report = await soak({
  store,
  minutes: Number(values.minutes),
  routes: Number(values.routes),
  say: (line) => {
    process.stderr.write(`${((performance.now() - startedAt) / 1_000).toFixed(1)} s  ${line}\n`);
  },
});
process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
const { faults, runs, runLimit } = report;
process.exitCode = faults.length > 0 || runs > runLimit ? 1 : 0;
