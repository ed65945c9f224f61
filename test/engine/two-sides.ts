/** A source, a target and a client between them, on real git: over local paths, and over HTTP behind nginx. */

import { existsSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  isSyncError,
  type Client,
  type ClientOptions,
  type Endpoint,
  type SyncError,
  type SyncRequest,
  type SyncResult,
} from "@gitsync/engine";
import { describe, expect } from "vitest";
import { startNginxGitServer, type LoggedRequest, type NginxGitServer } from "../support/git-server.ts";
import { descendantsOf } from "../support/process-tree.ts";
import {
  createRepository,
  fsck,
  leftoversOf,
  refsOf,
  type Refs,
  type RepositoryOptions,
} from "../support/repository.ts";
import { describeWith } from "../support/requirements.ts";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.ts";
import { openClient } from "./open-client.ts";

export { openClient };

/** How the engine reaches both repositories. */
export type Way = "local" | "http";

export interface TwoSidesOptions {
  readonly source?: RepositoryOptions;
  /** `missing`: there is no such folder. */
  readonly target?: RepositoryOptions | "missing";
  readonly client?: ClientOptions;
}

export type RunOptions = Pick<SyncRequest, "scope" | "policy" | "collectStats" | "includeUnchanged"> &
  NonNullable<Parameters<Client["sync"]>[1]>;

export interface TwoSides extends AsyncDisposable {
  readonly way: Way;
  readonly folder: TemporaryFolder;
  /** Paths of the bare repositories. */
  readonly source: string;
  readonly target: string;
  readonly client: Client;
  /** How the engine is told of a repository in the folder. */
  endpoint(path: string): Endpoint;
  request(options?: RunOptions): SyncRequest;
  sync(options?: RunOptions): Promise<SyncResult>;
  /** Make the target equal: replicate with heads and tags. */
  replicate(options?: RunOptions): Promise<SyncResult>;
  plan(options?: RunOptions): Promise<SyncResult>;
  /** Requests about one of the repositories; none over local paths. */
  requestsOf(path: string): Promise<readonly LoggedRequest[]>;
  forgetRequests(): Promise<void>;
}

/** Run a suite once per way. */
export function describeWays(title: string, define: (way: Way) => void): void {
  describe(`${title}, over local paths`, () => define("local"));
  describeWith(["nginx"], `${title}, over HTTP behind nginx`, () => define("http"));
}

export async function twoSides(way: Way, options: TwoSidesOptions = {}): Promise<TwoSides> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(temporaryFolder("engine"));
  const source = await createRepository(folder.join("source.git"), options.source);
  const target = folder.join("target.git");
  if (options.target !== "missing") await createRepository(target, options.target);
  const server = way === "http" ? stack.use(await startNginxGitServer({ root: folder.path })) : undefined;
  const client = stack.adopt(openClient(options.client), (opened) => opened.close());
  const endpoint = (path: string): Endpoint => ({ url: urlOf(server, folder, path) });
  const request = ({ scope, policy, collectStats, includeUnchanged }: RunOptions = {}): SyncRequest => ({
    source: endpoint(source),
    target: endpoint(target),
    ...(scope === undefined ? {} : { scope }),
    ...(policy === undefined ? {} : { policy }),
    ...(collectStats === undefined ? {} : { collectStats }),
    ...(includeUnchanged === undefined ? {} : { includeUnchanged }),
  });
  const requestsOf = async (path: string): Promise<readonly LoggedRequest[]> => {
    const all = (await server?.requests()) ?? [];
    return all.filter(({ uri }) => uri.startsWith(path.slice(folder.path.length)));
  };
  const owned = stack.move();
  return {
    way,
    folder,
    source,
    target,
    client,
    endpoint,
    request,
    sync: (run = {}) => client.sync(request(run), run),
    replicate: (run = {}) =>
      client.replicate(request({ ...run, policy: { includeTags: true, ...run.policy } }), run),
    plan: (run = {}) => client.plan(request(run), run),
    requestsOf,
    forgetRequests: async () => server?.forgetRequests(),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function urlOf(server: NginxGitServer | undefined, folder: TemporaryFolder, path: string): string {
  return server === undefined ? path : `${server.url}${path.slice(folder.path.length)}`;
}

/** Branches and tags, which is what a mirror holds by default. */
export function branchesAndTags(repository: string): Promise<Refs> {
  return refsOf(repository, "refs/heads", "refs/tags");
}

/** Nothing unfinished is left at the target, everything it names is there, and no child of ours lives on. */
export async function expectSound(sides: TwoSides): Promise<void> {
  if (existsSync(sides.target)) {
    // A receive-pack that lost its client still tidies up for a moment.
    await expect.poll(() => leftoversOf(sides.target), { timeout: 5_000 }).toEqual([]);
    await fsck(sides.target);
  }
  expect(
    descendantsOf().filter(({ command }) => command.includes(sides.folder.path) && command.startsWith("git")),
  ).toEqual([]);
}

/** The {@link SyncError} that a run ends with. */
export async function failureOf(run: Promise<unknown>): Promise<SyncError> {
  const outcome = await run.then(
    (result) => new Error(`the run succeeded: ${JSON.stringify(result)}`),
    (error: unknown) => error,
  );
  if (isSyncError(outcome)) return outcome;
  throw outcome instanceof Error ? outcome : new Error(String(outcome));
}

/** Install a hook of a bare repository: lines of shell. */
export async function installHook(repository: string, name: string, script: string): Promise<void> {
  const path = join(repository, "hooks", name);
  await mkdir(join(repository, "hooks"), { recursive: true });
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
}

/** What became of each ref, as `refs/heads/main: applied (create)`. */
export function outcomes(result: SyncResult | undefined): readonly string[] {
  return (result?.refs ?? [])
    .map(({ targetRef, outcome, code }) => `${targetRef}: ${outcome} (${code})`)
    .toSorted();
}
