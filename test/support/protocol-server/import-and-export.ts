/** Between a repository in memory and one on disk: in and out through stock git, so that its word is the authority. */

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  encodePack,
  encodeRefName,
  isObjectId,
  type ObjectId,
  type ObjectType,
  parseObjectId,
  parseRefName,
} from "@gitsync/protocol";
import { git, gitBytes } from "../git.ts";
import { createRepository, refsOf, updateRefs } from "../repository.ts";
import { type RepositoryPolicy, ServedRepository } from "./served-repository.ts";

const TYPES: readonly ObjectType[] = ["commit", "tree", "blob", "tag"];

/** Everything that a bare repository on disk holds. Ref names must be UTF-8. */
export async function importRepository(
  path: string,
  policy: RepositoryPolicy = {},
): Promise<ServedRepository> {
  const format = await git(["rev-parse", "--show-object-format"], { cwd: path });
  const repository = new ServedRepository(format === "sha256" ? "sha256" : "sha1", policy);
  await refreshRepository(repository, path);
  return repository;
}

/** Make a repository in memory what the one on disk has become. Objects that are gone there stay here. */
export async function refreshRepository(repository: ServedRepository, path: string): Promise<void> {
  const objects = await gitBytes(["cat-file", "--batch", "--batch-all-objects", "--unordered"], {
    cwd: path,
  });
  for (let at = 0; at < objects.length;) {
    const end = objects.indexOf(0x0a, at);
    const [, kind = "", size = ""] = objects.toString("latin1", at, end).split(" ");
    const type = TYPES.find((candidate) => candidate === kind);
    if (type === undefined) throw new Error(`git cat-file says ${kind}`);
    at = end + 1 + Number(size);
    repository.objects.add(type, objects.subarray(end + 1, at));
    at += 1;
  }
  for (const [name] of repository.refs()) repository.deleteRef(name);
  for (const [name, oid] of await refsOf(path)) {
    repository.setRef(parseRefName(Buffer.from(name, "latin1").toString("utf8")), parseObjectId(oid));
  }
  const head = await git(["symbolic-ref", "--quiet", "HEAD"], { cwd: path }).catch(() => undefined);
  repository.head =
    head === undefined
      ? { detachedAt: parseObjectId(await git(["rev-parse", "HEAD"], { cwd: path })) }
      : parseRefName(head);
  repository.shallow = new Set(await shallowOf(path));
}

/** Make a bare repository on disk that holds the same. git checks every object on the way. */
export async function exportRepository(repository: ServedRepository, path: string): Promise<string> {
  await createRepository(path, { objectFormat: repository.format });
  if (repository.shallow.size > 0) {
    await writeFile(join(path, "shallow"), [...repository.shallow].map((oid) => `${oid}\n`).join(""));
  }
  const objects = Array.from(repository.objects.entries(), ([, object]) => object);
  await git(["index-pack", "--stdin", "--strict"], {
    cwd: path,
    input: encodePack(objects, repository.format),
  });
  await updateRefs(
    path,
    repository.refs().map(([name, oid]) => [Buffer.from(encodeRefName(name)).toString("latin1"), oid]),
  );
  const { head } = repository;
  if (typeof head === "string") await git(["symbolic-ref", "HEAD", head], { cwd: path });
  else await git(["update-ref", "--no-deref", "HEAD", head.detachedAt], { cwd: path });
  return path;
}

/** The boundary of a repository on disk, bare or not. */
export async function shallowOf(path: string): Promise<ObjectId[]> {
  const file = await git(["rev-parse", "--git-path", "shallow"], { cwd: path });
  const text = await readFile(join(path, file), "latin1").catch(() => "");
  return text
    .split("\n")
    .filter((line) => isObjectId(line))
    .toSorted();
}
