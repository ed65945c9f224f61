// `npm run fuzz -w packages/protocol -- TARGET [--seconds N] [--seed N] [--corpus FOLDER]`: coverage-guided fuzzing of
// one parser, or of `all` one after the other. Exit status 1 for a bad input, which is then kept as a regression.

import { mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { contentName } from "./corpus.ts";
import { regressionFolder } from "./seeds.ts";
import type { FuzzTarget } from "./target.ts";
import { targetNamed, TARGETS } from "./targets.ts";
import type { Finding, FuzzProgress } from "./trial.ts";
import { watch } from "./watch.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    corpus: { type: "string", default: defaultCorpus() },
  },
});
const seconds = Number(values.seconds);
const seed = Number(values.seed);
const [name] = positionals;

if (name === undefined || !(seconds > 0) || !Number.isSafeInteger(seed)) {
  print("npm run fuzz -w packages/protocol -- TARGET [--seconds N] [--seed N] [--corpus FOLDER]");
  print(`TARGET is one of: all, ${TARGETS.map((target) => target.name).join(", ")}`);
  process.exitCode = 2;
} else {
  print(`seed ${seed}, corpus ${values.corpus}`);
  let found = 0;
  for (const target of name === "all" ? TARGETS : [targetNamed(name)]) found += (await fuzz(target)) ? 1 : 0;
  process.exitCode = found === 0 ? 0 : 1;
}

/** @returns true when a bad input was found. */
async function fuzz(target: FuzzTarget): Promise<boolean> {
  const outcome = await watch(
    {
      targets: new URL("targets.ts", import.meta.url).href,
      seed,
      milliseconds: seconds * 1000,
      explore: { target: target.name, corpus: values.corpus },
    },
    { onProgress: (progress) => print(`${target.name}: ${describe(progress)}`) },
  );
  if (outcome.type === "passed") {
    print(`${target.name}: passed, ${describe(outcome.progress)}`);
    return false;
  }
  const path = keep(target, outcome.finding);
  const way = Object.keys(target.ways)[outcome.finding.way] ?? "";
  print(
    `${target.name}, called for ${way}: ${outcome.finding.fault}\nkept as ${path}: rename it for what it is`,
  );
  return true;
}

function describe({ runs, inputs, covered }: FuzzProgress): string {
  return `${runs} runs, ${inputs} inputs that reach something, ${covered} characters of source reached`;
}

function keep(target: FuzzTarget, finding: Finding): string {
  const folder = regressionFolder(target);
  mkdirSync(folder, { recursive: true });
  const file = new URL(`${contentName(finding.bytes)}.bin`, folder);
  writeFileSync(file, finding.bytes);
  return fileURLToPath(file);
}

function defaultCorpus(): string {
  return join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "git-sync", "fuzz");
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
