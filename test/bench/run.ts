/** `npm run bench`: measure against git in the same minute, print the figures, and fail when a limit is broken. */

import { requirement } from "../support/requirement.ts";
import { measureEveryPlan } from "./every-plan.ts";
import { measureFastForward } from "./fast-forward.ts";
import { holds, printTable, type Figure } from "./figure.ts";
import { measureFirstMirror } from "./first-mirror.ts";
import { measureMillionRefs } from "./million-refs.ts";
import { measureNothingToDo } from "./nothing-to-do.ts";
import { measureWebhookRate } from "./webhook-rate.ts";
import { measureWebhookToRef } from "./webhook-to-ref.ts";
import { parseSettings, USAGE, type BenchSettings } from "./settings.ts";

const BENCHMARKS: Readonly<Record<string, (settings: BenchSettings) => Promise<readonly Figure[]>>> = {
  "first-mirror": measureFirstMirror,
  "fast-forward": measureFastForward,
  "every-plan": measureEveryPlan,
  "nothing-to-do": measureNothingToDo,
  "million-refs": measureMillionRefs,
  "webhook-to-ref": measureWebhookToRef,
  "webhook-rate": measureWebhookRate,
};

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  let settings: BenchSettings;
  try {
    settings = parseSettings(args);
    const unknown = settings.names.find((name) => BENCHMARKS[name] === undefined);
    if (unknown !== undefined) throw new TypeError(`no benchmark is called ${unknown}`);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    process.stderr.write(`\nBenchmarks: ${Object.keys(BENCHMARKS).join(", ")}\n`);
    return 2;
  }
  const { present, looked } = requirement("nginx");
  if (!present) {
    process.stderr.write(`The benchmark ${looked}\n`);
    return 2;
  }
  const figures: Figure[] = [];
  for (const [name, measure] of Object.entries(BENCHMARKS)) {
    if (settings.names.length > 0 && !settings.names.includes(name)) continue;
    process.stderr.write(`${name} …\n`);
    figures.push(...(await measure(settings)));
  }
  const broken = figures.filter((figure) => !holds(figure));
  process.stdout.write(
    settings.json
      ? `${JSON.stringify({ figures, broken: broken.length }, undefined, 2)}\n`
      : `${printTable(figures)}\n`,
  );
  return broken.length > 0 ? 1 : 0;
}
