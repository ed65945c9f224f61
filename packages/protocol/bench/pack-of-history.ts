/** A pack to read: the largest of a repository, or one that `git fast-import` makes of a generated history. */

import { copyFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { git } from "../fixtures/git.ts";

const FILES = 320;
const FOLDERS = 16;
/** As long as the files that real histories change: some twenty kilobytes. */
const LINES = 700;
/** Commits in a row that change the same file: fast-import makes deltas of what came just before. */
const RUN = 8;

/** Put a pack at `path`. `commits` counts where `repository` is not given: each makes four objects. */
export function packOfHistory(path: string, repository: string | undefined, commits: number): void {
  if (repository !== undefined) {
    copyFileSync(largestPack(repository), path);
    return;
  }
  const made = `${path}.git`;
  git(".", ["init", "--quiet", "--bare", made]);
  git(made, ["fast-import", "--quiet", "--done"], { input: Buffer.from(historyText(commits)) });
  copyFileSync(largestPack(made), path);
  rmSync(made, { recursive: true });
}

function largestPack(repository: string): string {
  const folder = join(repository, "objects/pack");
  const packs = readdirSync(folder)
    .filter((name) => name.endsWith(".pack"))
    .map((name) => join(folder, name));
  const [largest] = packs.toSorted((a, b) => statSync(b).size - statSync(a).size);
  if (largest === undefined) throw new Error(`${repository} has no pack`);
  return largest;
}

/** Each commit changes a line of one file. The same text every time. */
function historyText(commits: number): string {
  const files = Array.from({ length: FILES }, (_, file) =>
    Array.from({ length: LINES }, (_line, line) => `${scattered(file * LINES + line)} of file ${file}`),
  );
  const pieces: string[] = [];
  for (let commit = 1; commit <= commits; commit += 1) {
    const file = scattered(Math.floor(commit / RUN)) % FILES;
    const lines = files[file] ?? [];
    lines[scattered(commit * 7) % LINES] = `${scattered(commit * 13)} since commit ${commit}`;
    const content = `${lines.join("\n")}\n`;
    const message = `Change file ${file}\n\nFor the ${commit}th time.\n`;
    pieces.push(
      `commit refs/heads/main\ncommitter A <a@example.com> ${1_600_000_000 + commit * 60} +0000\n`,
      `data ${message.length}\n${message}\n`,
      `M 100644 inline folder-${file % FOLDERS}/file-${file}.txt\ndata ${content.length}\n${content}\n`,
    );
  }
  return `${pieces.join("")}done\n`;
}

/** A number that follows from another, and looks as if it did not. */
function scattered(number: number): number {
  let mixed = Math.imul(number ^ (number >>> 15), 0x2c1b_3c6d);
  mixed = Math.imul(mixed ^ (mixed >>> 12), 0x297a_2d39);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
