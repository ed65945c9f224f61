/** `npm run bench`: measure against git in the same minute, print the figures, and fail when a limit is broken. */

import { requirement } from "../support/requirement.ts";
import { measureBurst } from "./burst.ts";
import { measureDivided } from "./divided.ts";
import { measureEveryPlan } from "./every-plan.ts";
import { measureFastForward } from "./fast-forward.ts";
import { holds, printTable, type Figure } from "./figure.ts";
import { measureFirstMirror } from "./first-mirror.ts";
import { measureIdleLanes } from "./idle-lanes.ts";
import { measureIdleRoutes } from "./idle-routes.ts";
import { measureKill } from "./kill.ts";
import { measureMillionRefs } from "./million-refs.ts";
import { measureNothingToDo } from "./nothing-to-do.ts";
import { measureWebhookRate } from "./webhook-rate.ts";
import { measureWebhookToRef } from "./webhook-to-ref.ts";
import { measureWorkers } from "./workers.ts";
import { parseSettings, USAGE, type BenchSettings } from "./settings.ts";

interface Benchmark {
  /** For the list of them. */
  readonly about: string;
  readonly measure: (settings: BenchSettings) => Promise<readonly Figure[]>;
}

const BENCHMARKS: Readonly<Record<string, Benchmark>> = {
  "first-mirror": { about: "a whole history into an empty target, against git", measure: measureFirstMirror },
  "fast-forward": { about: "one commit more, against git", measure: measureFastForward },
  "every-plan": { about: "memory of one large pack behind each kind of plan", measure: measureEveryPlan },
  divided: { about: "memory of a history that goes in parts", measure: measureDivided },
  "nothing-to-do": { about: "a thousand equal refs, against git ls-remote", measure: measureNothingToDo },
  "million-refs": { about: "a million refs, listed and compared", measure: measureMillionRefs },
  "webhook-to-ref": { about: "from a delivery until the target's ref moved", measure: measureWebhookToRef },
  "webhook-rate": { about: "200 deliveries a second for a minute", measure: measureWebhookRate },
  burst: { about: "10,000 hints over 1,000 routes while workers are killed", measure: measureBurst },
  kill: { about: "a killed worker until its jobs run again", measure: measureKill },
  "idle-lanes": { about: "an idle worker at 100 target hosts", measure: measureIdleLanes },
  "idle-routes": { about: "5,000 routes at every: 15m with nothing to do", measure: measureIdleRoutes },
  workers: { about: "1, 2, 4 and 8 workers on remotes that cost 200 ms", measure: measureWorkers },
};

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  let settings: BenchSettings;
  if (args.includes("--help")) {
    process.stdout.write(USAGE + listOfBenchmarks());
    return 0;
  }
  try {
    settings = parseSettings(args);
    const unknown = settings.names.find((name) => BENCHMARKS[name] === undefined);
    if (unknown !== undefined) throw new TypeError(`no benchmark is called ${unknown}`);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    process.stderr.write(listOfBenchmarks());
    return 2;
  }
  const { present, looked } = requirement("nginx");
  if (!present) {
    process.stderr.write(`The benchmark ${looked}\n`);
    return 2;
  }
  const figures: Figure[] = [];
  const failed: string[] = [];
  for (const [name, { measure }] of Object.entries(BENCHMARKS)) {
    if (settings.names.length > 0 && !settings.names.includes(name)) continue;
    process.stderr.write(`${name} …\n`);
    try {
      figures.push(...(await measure(settings)));
    } catch (error) {
      // What the others found is worth no less.
      process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
      failed.push(name);
    }
  }
  const broken = figures.filter((figure) => !holds(figure));
  process.stdout.write(
    settings.json
      ? `${JSON.stringify({ figures, broken: broken.length, failed }, undefined, 2)}\n`
      : `${printTable(figures)}\n`,
  );
  return broken.length + failed.length > 0 ? 1 : 0;
}

function listOfBenchmarks(): string {
  const lines = Object.entries(BENCHMARKS).map(([name, { about }]) => `  ${name.padEnd(16)} ${about}\n`);
  return `\n${lines.join("")}`;
}
