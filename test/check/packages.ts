/**
 * `npm run check:packages`: builds every package and looks at what would be published.
 *
 * For each one: publint, are-the-types-wrong, and the list of files that `npm pack` would send.
 */

import { posix } from "node:path";
import { availableParallelism } from "node:os";
import { readJson, workspaces, type Manifest, type Workspace } from "./repository.ts";
import { print, runStep, runSteps, type Step } from "./step.ts";

interface SourceMap {
  readonly sources: readonly string[];
}

interface PackReport {
  readonly files: readonly { readonly path: string }[];
}

const published = workspaces().filter(({ manifest }) => manifest.private !== true);

process.exitCode = (await check()) ? 0 : 1;

async function check(): Promise<boolean> {
  const built = await runSteps([{ name: "build", command: ["turbo", "run", "build", "--ui=stream"] }], 1);
  if (built > 0) return false;
  const failed = await runSteps(published.flatMap(linters), Math.max(2, availableParallelism()));
  const faults: string[] = [];
  for (const workspace of published) faults.push(...(await contentFaults(workspace)));
  for (const fault of faults) print(`FAIL  contents  ${fault}`);
  return failed === 0 && faults.length === 0;
}

function linters({ folder, manifest }: Workspace): Step[] {
  return [
    { name: `publint ${manifest.name}`, folder, command: ["publint", "--strict"] },
    { name: `attw ${manifest.name}`, folder, command: ["attw", "--pack", ".", "--profile", "esm-only"] },
  ];
}

/** What is wrong with the files that would be published. */
async function contentFaults({ folder, manifest }: Workspace): Promise<string[]> {
  const { status, output } = await runStep({
    name: "pack",
    folder,
    command: ["npm", "pack", "--dry-run", "--json", "--ignore-scripts", "--silent"],
  });
  if (status !== 0) return [`${manifest.name}: npm pack failed: ${output}`];
  const reports = Object.values(JSON.parse(output) as Record<string, PackReport>);
  const files = new Set(reports.flatMap((report) => report.files.map((file) => file.path)));
  return [
    ...missingEntries(files, manifest),
    ...[...files].filter(isForeign),
    ...[...files].flatMap((file) => danglingSources(file, files, folder)),
  ].map((fault) => `${manifest.name}: ${fault}`);
}

function missingEntries(files: ReadonlySet<string>, manifest: Manifest): string[] {
  const exported = Object.values(manifest.exports ?? {}).flatMap((entry) =>
    typeof entry === "string" ? [entry] : Object.values(entry),
  );
  return [...exported, ...Object.values(manifest.bin ?? {}), "LICENSE", "README.md"]
    .map((entry) => posix.normalize(entry))
    .filter((entry) => !files.has(entry))
    .map((entry) => `${entry} is not in the package`);
}

function isForeign(file: string): boolean {
  return /\.test\.|(?:^|\/)(?:testing|fixtures|node_modules)\/|\.tsbuildinfo$|(?:^|\/)\.env/u.test(file);
}

/** A map whose source is not in the package leads a debugger nowhere. */
function danglingSources(file: string, files: ReadonlySet<string>, folder: string): string[] {
  if (!file.endsWith(".map")) return [];
  return readJson<SourceMap>(posix.join(folder, file))
    .sources.map((source) => posix.join(posix.dirname(file), source))
    .filter((source) => !files.has(source))
    .map((source) => `${file} names ${source}, which is not in the package`);
}
