/** Repositories that the suites of both halves read from, and what is in one. */

import { expect } from "vitest";
import { FastImportText } from "../support/fast-import-text.ts";
import { git } from "../support/git.ts";
import { generateHistory, type HistoryOptions } from "../support/history.ts";
import { shallowOf } from "../support/protocol-server.ts";
import { copyRepository, type ObjectFormat, refsOf, setRef, tag } from "../support/repository.ts";
import type { TemporaryFolder } from "../support/temporary-folder.ts";

const HISTORY: HistoryOptions = { commits: 150, refs: 7, tags: 6, notes: 3 };

/** A bare repository with merges, all kinds of tags and a name beyond ASCII. Ours to change. */
export async function createSource(folder: TemporaryFolder, format: ObjectFormat): Promise<string> {
  const source = await copyRepository(
    await generateHistory({ ...HISTORY, objectFormat: format }),
    folder.join("source.git"),
  );
  for (const [key, value] of [
    ["uploadpack.allowFilter", "true"],
    ["uploadpack.allowAnySHA1InWant", "true"],
  ] as const) {
    await git(["config", key, value], { cwd: source });
  }
  await tag(source, "of-a-tag", "refs/tags/v00001", "A tag of a tag");
  await tag(source, "of-a-tree", "main:d0", "A tag of a tree");
  const blob = await git(["hash-object", "-w", "--stdin"], { cwd: source, input: "alone\n" });
  await tag(source, "of-a-blob", blob, "A tag of a blob");
  await setRef(
    source,
    Buffer.from("refs/heads/größe").toString("latin1"),
    await git(["rev-parse", "main~3"], { cwd: source }),
  );
  return source;
}

/** A chain of commits that nobody else has, on top of `parent`, or of nothing. */
export async function addOwnCommits(
  repository: string,
  ref: string,
  count: number,
  parent?: string,
): Promise<void> {
  const stream = new FastImportText();
  stream.add(`reset ${ref}\n\n`);
  for (let index = 0; index < count; index += 1) {
    stream.add(`commit ${ref}\ncommitter Cy Committer <cy@example.com> 1700000000 +0000\n`);
    stream.addData(Buffer.from(`Own ${index}`));
    if (index === 0 && parent !== undefined) stream.add(`from ${parent}\n`);
    stream.add("M 100644 inline own\n");
    stream.addData(Buffer.from(`${index}\n`));
  }
  await git(["fast-import", "--quiet", "--force"], { cwd: repository, input: stream.take() });
}

export async function expectSound(path: string): Promise<void> {
  expect(await git(["fsck", "--full", "--no-dangling", "--no-progress"], { cwd: path })).toBe("");
}

/** Every object that is in a repository on disk, reachable or not. */
export async function objectsOf(path: string): Promise<readonly string[]> {
  const listing = await git(["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"], {
    cwd: path,
  });
  return listing.split("\n");
}

/** What a clone holds, so that two can be compared. */
export async function contentOf(path: string): Promise<object> {
  return { refs: await refsOf(path), shallow: await shallowOf(path), objects: await objectsOf(path) };
}
