/** A source repository on disk, the same one in memory behind our server, and stock git as client of both. */

import { afterAll, afterEach, beforeAll, describe, expect } from "vitest";
import { GIT_ENVIRONMENT } from "../../support/git.ts";
import { outcomeOf, startProcess } from "../../support/process.ts";
import {
  exportRepository,
  importRepository,
  refreshRepository,
  type ProtocolServer,
  type RepositoryPolicy,
  type ServedRepository,
  type ServiceOptions,
  startProtocolServer,
} from "../../support/protocol-server.ts";
import { type ObjectFormat, refsOf } from "../../support/repository.ts";
import { temporaryFolder, type TemporaryFolder } from "../../support/temporary-folder.ts";
import { createSource, expectSound } from "../repositories.ts";

/** How a client reaches the server, in which version, and with which hash. */
export interface Way {
  readonly transport: "http" | "git";
  readonly version: 0 | 1 | 2;
  readonly format: ObjectFormat;
}

/** Each transport in each version with each hash. */
const ALL_WAYS: readonly Way[] = (["http", "git"] as const).flatMap((transport) =>
  ([0, 1, 2] as const).flatMap((version) =>
    (["sha1", "sha256"] as const).map((format) => ({ transport, version, format })),
  ),
);

/** Each transport in each version, with the one hash or the other: for scenarios in which the hash plays no part. */
export const SOME_WAYS: readonly Way[] = ALL_WAYS.filter(
  ({ transport, version, format }) => (format === "sha1") === ((transport === "http") === (version !== 1)),
);

/** Run a suite once for each way. */
export function describeWays(
  title: string,
  define: (way: Way) => void,
  ways: readonly Way[] = ALL_WAYS,
): void {
  for (const way of ways) {
    const { transport, version, format } = way;
    describe(`${title}, over ${transport} in v${version} with ${format}`, () => define(way));
  }
}

/** One stand for all tests of a suite that leave it as it is. */
export function sharedStand(way: Way, options?: StandOptions): () => Stand {
  let stand: Stand | undefined;
  beforeAll(async () => {
    stand = await startStand(way, options);
  });
  afterEach(() => expect(stand?.server.failures).toEqual([]));
  afterAll(() => stand?.[Symbol.asyncDispose]());
  return () => {
    if (stand === undefined) throw new Error("the suite has not begun");
    return stand;
  };
}

export interface Stand extends AsyncDisposable {
  readonly way: Way;
  readonly folder: TemporaryFolder;
  /** The bare repository on disk that `repository` was read from. */
  readonly source: string;
  readonly repository: ServedRepository;
  readonly server: ProtocolServer;
  /** Of the repository, as the way has it. */
  readonly url: string;
  /** Run git in the way's version. Throws unless it succeeds. */
  git(args: readonly string[], cwd?: string): Promise<string>;
  /** Run git in the way's version, and say how it went. */
  tryGit(args: readonly string[], cwd?: string): Promise<GitOutcome>;
  /** Make a bare clone in the folder. */
  clone(...options: readonly string[]): Promise<string>;
  /** The same from git's own server, for comparison. */
  cloneOfSource(...options: readonly string[]): Promise<string>;
  /** Serve what `source` has become. */
  refresh(): Promise<void>;
  /** That what the server holds is sound, and that a repository on disk has the same refs and is sound, too. */
  expectEqual(path: string): Promise<void>;
}

export interface GitOutcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StandOptions {
  readonly policy?: RepositoryPolicy;
  readonly service?: ServiceOptions;
  /** Makes the source. Default: {@link createSource}. */
  readonly source?: (folder: TemporaryFolder, format: ObjectFormat) => Promise<string>;
}

export async function startStand(way: Way, options: StandOptions = {}): Promise<Stand> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(temporaryFolder("protocol"));
  const source = await (options.source ?? createSource)(folder, way.format);
  const repository = await importRepository(source, options.policy ?? { filter: true });
  const server = stack.use(await startProtocolServer({ "/a.git": repository }, options.service));
  const url = `${way.transport === "http" ? server.httpUrl : server.gitUrl}/a.git`;
  const versioned = ["-c", `protocol.version=${way.version}`];
  const run = (args: readonly string[], cwd?: string): Promise<GitOutcome> =>
    runGit([...versioned, ...args], cwd);
  const must = async (args: readonly string[], cwd?: string): Promise<string> => {
    const { code, stdout, stderr } = await run(args, cwd);
    if (code !== 0) throw new Error(`git ${args.join(" ")} ended with ${code}: ${stderr}`);
    return stdout.replace(/\n$/, "");
  };
  let clones = 0;
  const clone = async (from: string, flags: readonly string[]): Promise<string> => {
    clones += 1;
    const to = folder.join(`clone-${clones}.git`);
    await must(["clone", "--bare", ...flags, from, to]);
    return to;
  };
  const owned = stack.move();
  return {
    way,
    folder,
    source,
    repository,
    server,
    url,
    git: must,
    tryGit: run,
    clone: (...flags) => clone(url, flags),
    cloneOfSource: (...flags) => clone(`file://${source}`, flags),
    refresh: () => refreshRepository(repository, source),
    async expectEqual(path) {
      await expectSound(path);
      const held = await exportRepository(
        repository,
        folder.join(`held-${clones}-${server.requests.length}.git`),
      );
      await expectSound(held);
      expect(await refsOf(path)).toEqual(await refsOf(held));
      expect(server.failures).toEqual([]);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Run git, and say how it went. */
async function runGit(args: readonly string[], cwd?: string): Promise<GitOutcome> {
  await using running = startProcess("git", args, {
    env: GIT_ENVIRONMENT,
    ...(cwd === undefined ? {} : { cwd }),
  });
  return await outcomeOf(running);
}

/** Requests of one kind that the server was asked, oldest first. */
export function asked<Type extends string>(
  server: ProtocolServer,
  type: Type,
): readonly Extract<ProtocolServer["requests"][number]["request"], { readonly type: Type }>[] {
  return server.requests.flatMap(({ request }) => (isOfType(request, type) ? [request] : []));
}

function isOfType<Request extends { readonly type: string }, Type extends string>(
  request: Request,
  type: Type,
): request is Extract<Request, { readonly type: Type }> {
  return request.type === type;
}

/** What the server said to the user, line by line. */
export function remoteLines(stderr: string): readonly string[] {
  return stderr.split("\n").flatMap((line) => {
    const said = /^remote: (.*?)\s*$/.exec(line)?.[1];
    return said === undefined ? [] : [said];
  });
}
