/**
 * `npm run bench -w packages/protocol`: measures each part against a peer in the same process, prints the figures, and
 * ends with 1 when one breaks its limit, with 2 when the command line is wrong.
 */

import type { Bench } from "./bench.ts";
import { holds, printTable, type FoundFigure } from "./figure.ts";
import { packIndex } from "./pack-index.ts";
import { packScan } from "./pack-scan.ts";
import { refs } from "./refs.ts";
import { parseSettings, USAGE, type BenchSettings } from "./settings.ts";
import { sideband } from "./sideband.ts";

const BENCHES: readonly Bench[] = [sideband, refs, packScan, packIndex];

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  let settings: BenchSettings;
  try {
    settings = parseSettings(args);
    const unknown = settings.names.find((wanted) => BENCHES.every(({ name }) => name !== wanted));
    if (unknown !== undefined) throw new TypeError(`no benchmark is called ${unknown}`);
  } catch (error) {
    const known = BENCHES.map(({ name, about }) => `  ${name.padEnd(17)}  ${about}\n`).join("");
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}\n${known}`);
    return 2;
  }
  const figures: FoundFigure[] = [];
  for (const { name, measure } of BENCHES) {
    if (settings.names.length > 0 && !settings.names.includes(name)) continue;
    process.stderr.write(`${name} …\n`);
    figures.push(...(await measure(settings)).map((figure) => ({ benchmark: name, ...figure })));
  }
  const broken = figures.filter((figure) => !holds(figure));
  process.stdout.write(
    settings.json
      ? `${JSON.stringify({ figures, broken: broken.length }, undefined, 2)}\n`
      : `${printTable(figures)}\n`,
  );
  return broken.length > 0 ? 1 : 0;
}
