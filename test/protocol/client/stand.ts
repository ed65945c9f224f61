/** Stock git as a server of one repository, in each way that our sessions can reach it. */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe } from "vitest";
import {
  type Advertisement,
  CapabilityList,
  encodeRefName,
  type FetchPlan,
  type FetchResult,
  FetchSession,
  type GitService,
  type LsRefsRequest,
  type LsRefsResult,
  type ObjectId,
} from "@gitsync/protocol";
import { git, gitBytes } from "../../support/git.ts";
import { startGitDaemon } from "../../support/git-daemon.ts";
import { startNginxGitServer, startNodeGitServer } from "../../support/git-server.ts";
import { shallowOf } from "../../support/protocol-server.ts";
import { createRepository, type ObjectFormat, updateRefs } from "../../support/repository.ts";
import { describeWith } from "../../support/requirements.ts";
import { temporaryFolder, type TemporaryFolder } from "../../support/temporary-folder.ts";
import { createSource } from "../repositories.ts";
import { daemonLine, httpLine, type Line, processLine } from "./line.ts";

/**
 * What serves: upload-pack and receive-pack as child processes, `git daemon`, and http-backend: in a small host of the
 * tests, and behind nginx and fcgiwrap.
 */
export type Host = "process" | "daemon" | "backend" | "nginx";

export interface Way {
  readonly host: Host;
  /** Asked for; git's servers can do each. */
  readonly version: 0 | 1 | 2;
  readonly format: ObjectFormat;
}

const HOSTS: readonly Host[] = ["process", "daemon", "backend", "nginx"];

/** Each host in each version with each hash. */
const ALL_WAYS: readonly Way[] = HOSTS.flatMap((host) =>
  ([0, 1, 2] as const).flatMap((version) =>
    (["sha1", "sha256"] as const).map((format) => ({ host, version, format })),
  ),
);

/** Pipes and HTTP in each version, with the one hash or the other: where neither the host nor the hash plays a part. */
export const SOME_WAYS: readonly Way[] = ALL_WAYS.filter(
  ({ host, version, format }) =>
    (host === "process" || host === "backend") &&
    (format === "sha1") === ((host === "process") === (version === 1)),
);

/** Run a suite once for each way. */
export function describeWays(
  title: string,
  define: (way: Way) => void,
  ways: readonly Way[] = ALL_WAYS,
): void {
  for (const way of ways) {
    const { host, version, format } = way;
    const whole = `${title}, ${HOST_TITLES[host]} in v${version} with ${format}`;
    if (host === "nginx") describeWith(["nginx"], whole, () => define(way));
    else describe(whole, () => define(way));
  }
}

const HOST_TITLES: Readonly<Record<Host, string>> = {
  process: "as a process",
  daemon: "as a daemon",
  backend: "over HTTP",
  nginx: "behind nginx",
};

export interface Fetched {
  readonly advertisement: Advertisement;
  readonly listing: LsRefsResult;
  readonly result: FetchResult;
  readonly pack: Buffer;
  readonly progress: string;
  readonly line: Line;
}

export interface Stand extends AsyncDisposable {
  readonly way: Way;
  readonly folder: TemporaryFolder;
  /** The bare repository that is served. */
  readonly source: string;
  connect(service: GitService): Line;
  /** List and fetch in one conversation, as the server sees it from its side. */
  fetch(plan: (listing: LsRefsResult) => FetchPlan, options?: FetchOptions): Promise<Fetched>;
}

export interface FetchOptions {
  /** Default: every ref, peeled, with the targets of symbolic ones. */
  readonly list?: LsRefsRequest;
  /** Capabilities of the server that the session is not told of. */
  readonly without?: readonly string[];
}

const EVERYTHING: LsRefsRequest = { peel: true, symrefs: true, unborn: true, prefixes: [] };

/** One stand for all tests of a suite that leave it as it is. */
export function sharedStand(way: Way, options?: StandOptions): () => Stand {
  let stand: Stand | undefined;
  beforeAll(async () => {
    stand = await startStand(way, options);
  });
  afterAll(() => stand?.[Symbol.asyncDispose]());
  return () => {
    if (stand === undefined) throw new Error("the suite has not begun");
    return stand;
  };
}

export interface StandOptions {
  /** Makes the repository. Default: {@link createSource}. */
  readonly source?: (folder: TemporaryFolder, format: ObjectFormat) => Promise<string>;
  /** Of the repository, `key` to value. */
  readonly config?: Readonly<Record<string, string>>;
}

export async function startStand(way: Way, options: StandOptions = {}): Promise<Stand> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(temporaryFolder("protocol-client"));
  const source = await (options.source ?? createSource)(folder, way.format);
  for (const [key, value] of Object.entries(options.config ?? {})) {
    await git(["config", key, value], { cwd: source });
  }
  const connect = await startHost(stack, way, folder.path, source);
  const owned = stack.move();
  return {
    way,
    folder,
    source,
    connect,
    fetch: (plan, fetchOptions) => fetchOver(connect("git-upload-pack"), way, plan, fetchOptions),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function startHost(
  stack: AsyncDisposableStack,
  { host, version }: Way,
  root: string,
  source: string,
): Promise<Stand["connect"]> {
  const path = source.slice(root.length);
  switch (host) {
    case "process":
      return (service) => processLine(service, source, version);
    case "daemon": {
      const daemon = stack.use(await startGitDaemon(root));
      return (service) => daemonLine(service, daemon.url + path, version);
    }
    case "backend": {
      const server = stack.use(await startNodeGitServer(root));
      return () => httpLine(server.url + path, "length");
    }
    case "nginx": {
      const server = stack.use(await startNginxGitServer({ root }));
      return () => httpLine(server.url + path, "chunked");
    }
  }
}

async function fetchOver(
  line: Line,
  { version }: Way,
  plan: (listing: LsRefsResult) => FetchPlan,
  { list = EVERYTHING, without = [] }: FetchOptions = {},
): Promise<Fetched> {
  const { transport } = line;
  const greeted = new FetchSession({ transport, version });
  await line.converse(greeted);
  const advertisement = mask(advertisementOf(greeted), without);
  const session = new FetchSession({ transport, advertisement, agent: "git/2.39.5" });
  session.listRefs(list);
  await line.converse(session);
  if (session.status.state !== "request" || session.status.listing === undefined) {
    throw new Error(`nothing was listed: ${session.state}`);
  }
  const { listing } = session.status;
  const pack: Uint8Array[] = [];
  let progress = "";
  session.fetch(plan(listing), {
    onPack: (view) => pack.push(view.slice()),
    onProgress: (view) => (progress += Buffer.from(view).toString("utf8")),
  });
  await line.converse(session);
  const result = resultOf(session);
  await line.hangUp();
  return { advertisement, listing, result, pack: Buffer.concat(pack), progress, line };
}

function resultOf({ status }: FetchSession): FetchResult {
  if (status.state === "done" && status.result !== undefined) return status.result;
  throw new Error(`the fetch has not ended: ${status.state}`);
}

function advertisementOf({ status }: FetchSession): Advertisement {
  if (status.state !== "request") throw new Error(`there is no advertisement: ${status.state}`);
  return status.advertisement;
}

function mask(advertisement: Advertisement, names: readonly string[]): Advertisement {
  const capabilities = new CapabilityList(
    advertisement.capabilities.entries().filter(({ name }) => !names.includes(name)),
  );
  return { ...advertisement, capabilities };
}

/** Every object that refs of a listing lead to. */
export function tipsOf({ refs }: LsRefsResult): ObjectId[] {
  return [...new Set(refs.map(({ oid }) => oid))];
}

/** Make a bare repository of what was fetched. git looks at every object. */
export async function storeNew(stand: Stand, fetched: Fetched, check?: PackCheck): Promise<string> {
  const path = await createRepository(stand.folder.join(`${crypto.randomUUID()}.git`), {
    objectFormat: stand.way.format,
  });
  await store(path, fetched, check);
  return path;
}

/** `links`: what is in the pack leads to what is there, too. */
export type PackCheck = "objects" | "links";

/** Add what was fetched to a bare repository, and set its refs. git looks at every object. */
export async function store(path: string, fetched: Fetched, check: PackCheck = "links"): Promise<void> {
  const { result, pack, listing, advertisement } = fetched;
  const { shallow, unshallow } = result.shallowInfo;
  const theirs = advertisement.version === 2 ? [] : advertisement.shallow;
  const boundary = new Set([...(await shallowOf(path)), ...shallow, ...theirs]);
  for (const oid of unshallow) boundary.delete(oid);
  await writeFile(join(path, "shallow"), [...boundary].map((oid) => `${oid}\n`).join(""));
  await gitBytes(["index-pack", "--stdin", "--fix-thin", check === "links" ? "--strict" : "--fsck-objects"], {
    cwd: path,
    input: pack,
  });
  await updateRefs(
    path,
    listing.refs
      .filter(({ name }) => name !== "HEAD")
      .map(({ name, oid }) => [Buffer.from(encodeRefName(name)).toString("latin1"), oid]),
  );
}
