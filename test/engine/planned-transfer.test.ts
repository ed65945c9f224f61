/** What a plan names is what the run then does first, and finding it out brings no content here. */

import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import type { ClientOptions, SyncRequest, SyncResult } from "@gitsync/engine";
import { expect, test } from "vitest";
import { readPackObjects, type ObjectFormat } from "@gitsync/protocol";
import { git } from "../support/git.ts";
import { startNodeGitServer, type HttpIntercept } from "../support/git-server.ts";
import { noise } from "../support/noise.ts";
import {
  commit,
  createRepository,
  deleteRef,
  refsOf,
  setRef,
  tag,
  type RepositoryOptions,
} from "../support/repository.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { failureOf, openClient } from "./two-sides.ts";
import { answerWith, packOf } from "./fetch-answers.ts";
import { fetchesOf, pushesOf } from "./pushed-packs.ts";

interface Scenario {
  readonly objectFormat?: ObjectFormat;
  readonly source?: RepositoryOptions["config"];
  readonly target?: RepositoryOptions["config"];
  readonly client?: ClientOptions;
  /** Of the plan's client and the run's: they share what one learns of a target. Default: one each. */
  readonly isOneClient?: boolean;
  readonly intercept?: HttpIntercept;
  /** The name under which the target is known. */
  readonly targetHost?: string;
  readonly scope?: SyncRequest["scope"];
  readonly policy?: SyncRequest["policy"];
  /** Brings both sides to where the plan begins; `mirror` makes the target equal. */
  readonly before?: (at: Place) => Promise<unknown>;
  readonly names: readonly [SyncResult["execution"]["transferMode"], string];
  /** The run asks for objects only to learn which way a ref moved. */
  readonly isAsked?: true;
  /** What the result says in the end when the run had to change its mind. */
  readonly ends?: readonly [string, string];
}

interface Place {
  readonly source: string;
  readonly target: string;
  readonly ends: Pick<SyncRequest, "source" | "target">;
  mirror(options?: Pick<SyncRequest, "scope" | "policy">): Promise<unknown>;
}

const FILTER = { "uploadpack.allowFilter": "true" };
const ALL = { maxDeletes: { count: 100, percent: 100 } } as const;

const advance = ({ source }: Place): Promise<string> => commit(source, "refs/heads/main", { a: "changed\n" });

/** Both sides at the same commits, then one more at the source. */
async function oneAhead(at: Place): Promise<void> {
  await at.mirror();
  await advance(at);
}

/** Both sides equal, then the source's branch rewritten. */
async function rewritten(at: Place): Promise<void> {
  await advance(at);
  await at.mirror();
  await commit(at.source, "refs/heads/main", { b: "other" }, { parents: [] });
}

const isChunked: HttpIntercept = ({ service, isListing, headers }) =>
  service === "git-receive-pack" && !isListing && headers["content-length"] === undefined
    ? { type: "answer", status: 411, afterBody: true }
    : undefined;

/** A target that cannot complete thin packs says so among what it can do. */
const noThin: HttpIntercept = ({ service, isListing }) =>
  service === "git-receive-pack" && isListing
    ? {
        type: "rewrite",
        rewrite: (body) =>
          Buffer.from(body.toString("latin1").replace(" ofs-delta ", " no-thin x "), "latin1"),
      }
    : undefined;

const BIG = { client: { limits: { targetMaxPackBytes: 100_000 } } } as const;

const grow = async ({ source }: Place): Promise<void> => {
  for (let step = 0; step < 6; step += 1) {
    await commit(source, "refs/heads/main", { [`f${step}`]: noise(30_000, `${step}`) });
  }
};

/** A run in parts that was cut short after the first of them. */
async function interrupted(at: Place): Promise<void> {
  await grow(at);
  const stop = new AbortController();
  const client = openClient(BIG.client);
  await failureOf(
    client.replicate(at.ends, {
      signal: stop.signal,
      observer: (event) => void (event.type === "batch" && event.done === 1 && stop.abort()),
    }),
  );
  await client.close();
}

/** A source that says of the first packs that it is asked for that they have three million objects. */
function claimsMillions(times: number): HttpIntercept {
  let claimed = 0;
  return ({ path, isListing }) =>
    path === "/source.git/git-upload-pack" && !isListing
      ? {
          type: "rewrite",
          rewrite: (body) => {
            const pack = packOf(body);
            if (pack === undefined || claimed === times) return body;
            claimed += 1;
            pack.writeUInt32BE(3_000_000, 8);
            return answerWith(pack);
          },
        }
      : undefined;
}

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  "a first mirror": { names: ["relay", "target-empty"] },
  "nothing to do": { before: (at) => at.mirror(), names: ["nothing", "already-converged"] },
  "a fast-forward": { source: FILTER, before: oneAhead, names: ["relay", "objects-missing"] },
  "a fast-forward from a source that cannot filter": {
    before: oneAhead,
    names: ["relay", "objects-missing"],
  },
  "a fast-forward to a commit that the target has, from a source that cannot filter": {
    before: async (at) => {
      const next = await commit(at.source, "refs/heads/next", { n: "1" }, { parents: [await mainOf(at)] });
      await at.mirror();
      await setRef(at.source, "refs/heads/main", next);
    },
    names: ["refs-only", "objects-present"],
    isAsked: true,
  },
  "a forced update": {
    source: FILTER,
    policy: { force: "with-lease" },
    before: rewritten,
    names: ["relay", "objects-missing"],
  },
  "a forced update whose old tip is kept": {
    source: FILTER,
    policy: { force: "with-lease", destructive: "archive" },
    before: rewritten,
    names: ["relay", "objects-missing"],
  },
  "an update that may lose nothing, from a source that cannot filter": {
    policy: { mode: "replicate", destructive: "block" },
    before: oneAhead,
    names: ["relay", "objects-missing"],
  },
  "a branch that diverged": { source: FILTER, before: rewritten, names: ["nothing", "all-blocked"] },
  "a branch that went back": {
    source: FILTER,
    policy: { force: "with-lease" },
    before: async (at) => {
      const old = await mainOf(at);
      await advance(at);
      await at.mirror();
      await setRef(at.source, "refs/heads/main", old);
    },
    names: ["relay", "objects-missing"],
  },
  "unrelated histories": {
    source: FILTER,
    policy: { force: "with-lease" },
    before: ({ target }) => commit(target, "refs/heads/main", { z: "1" }),
    names: ["relay", "objects-missing"],
  },
  "a prune and nothing else": {
    policy: { prune: true, ...ALL },
    before: async (at) => {
      await setRef(at.source, "refs/heads/gone", await mainOf(at));
      await at.mirror();
      await deleteRef(at.source, "refs/heads/gone");
    },
    names: ["refs-only", "deletes-only"],
  },
  "a prune beside a fast-forward": {
    source: FILTER,
    policy: { prune: true, ...ALL },
    before: async (at) => {
      await setRef(at.source, "refs/heads/gone", await mainOf(at));
      await oneAhead(at);
      await deleteRef(at.source, "refs/heads/gone");
    },
    names: ["relay", "objects-missing"],
  },
  "a tag that moved": {
    policy: { includeTags: true, force: "with-lease" },
    before: async (at) => {
      await tag(at.source, "v1", await mainOf(at), "One");
      await at.mirror({ policy: { includeTags: true } });
      await tag(at.source, "v1", await mainOf(at), "One, again");
    },
    names: ["relay", "objects-missing"],
  },
  "notes that moved forward": {
    source: FILTER,
    scope: { allRefs: true },
    before: async (at) => {
      const notes = (verb: string): Promise<string> =>
        git(["notes", verb, "--message=x", "refs/heads/main"], { cwd: at.source });
      await notes("add");
      await at.mirror({ scope: { allRefs: true } });
      await notes("append");
    },
    names: ["relay", "objects-missing"],
  },
  "mapped refs": {
    source: FILTER,
    scope: { mappings: [{ source: "main", target: "copy" }] },
    before: async (at) => {
      await at.mirror({ scope: { mappings: [{ source: "main", target: "copy" }] } });
      await advance(at);
    },
    names: ["relay", "objects-missing"],
  },
  "a new name for what is there": {
    before: async (at) => {
      await at.mirror();
      await setRef(at.source, "refs/heads/same", await mainOf(at));
    },
    names: ["refs-only", "objects-present"],
  },
  replicate: { policy: { mode: "replicate" }, before: rewritten, names: ["relay", "objects-missing"] },
  "one ref blocked beside one that goes": {
    source: FILTER,
    policy: { bestEffort: true },
    before: async (at) => {
      await rewritten(at);
      await commit(at.source, "refs/heads/new", { n: "1" }, { parents: [] });
    },
    names: ["relay", "objects-missing"],
  },
  "all refs or none": { policy: { atomic: true }, names: ["relay", "target-empty"] },
  "SHA-256": {
    objectFormat: "sha256",
    source: FILTER,
    before: oneAhead,
    names: ["relay", "objects-missing"],
  },
  "a target that wants whole packs": {
    source: FILTER,
    intercept: noThin,
    before: oneAhead,
    names: ["relay", "objects-missing"],
  },
  "a target that demands a length": {
    client: { limits: { memoryBytes: 4_096 } },
    intercept: isChunked,
    before: grow,
    names: ["relay", "target-empty"],
  },
  "a source that is collected first": {
    client: { limits: { memoryBytes: 4_096 }, spool: { use: "always" } },
    before: grow,
    names: ["relay", "target-empty"],
  },
  "a limit that is given": { ...BIG, before: grow, names: ["batched", "limit-configured"] },
  "a limit that an earlier run met": {
    target: { "receive.maxInputSize": "100000" },
    isOneClient: true,
    before: async (at) => {
      await grow(at);
      await at.mirror();
      await advance(at);
    },
    source: FILTER,
    names: ["batched", "limit-learned"],
  },
  "more than its host publishes to take": {
    source: FILTER,
    targetHost: "github.com",
    // Of commits to the plan, and of all objects to the run, which does not push them at once then.
    intercept: claimsMillions(2),
    before: grow,
    names: ["batched", "limit-published"],
  },
  "more than its host publishes to take, from a source that cannot filter": {
    targetHost: "github.com",
    intercept: claimsMillions(1),
    before: grow,
    names: ["relay", "target-empty"],
    ends: ["batched", "limit-published"],
  },
  "less than its host publishes to take": {
    source: FILTER,
    targetHost: "github.com",
    before: grow,
    names: ["relay", "target-empty"],
  },
  "what a run left that was cut short": {
    before: interrupted,
    names: ["batched", "batches-unfinished"],
  },
  "what is left when somebody else brought the rest": {
    before: async (at) => {
      await interrupted(at);
      await git(["push", "--quiet", at.target, "refs/heads/main"], { cwd: at.source });
    },
    names: ["refs-only", "leftovers-only"],
  },
  "a limit that only the push reveals": {
    target: { "receive.maxInputSize": "100000" },
    before: grow,
    names: ["relay", "target-empty"],
    ends: ["batched", "limit-met"],
  },
};

/** Reasons for which the first push of these scenarios names refs that hold parts. */
const IN_PARTS = new Set(["limit-configured", "limit-published", "batches-unfinished", "leftovers-only"]);

const mainOf = ({ source }: Pick<Place, "source">): Promise<string> =>
  git(["rev-parse", "refs/heads/main"], { cwd: source });

test.for(Object.entries(SCENARIOS))("%s is planned as it is done", async ([, scenario]) => {
  const { objectFormat = "sha1", names, ends = names } = scenario;
  await using folder = temporaryFolder("planned");
  const at = async (name: string, config: Scenario["source"] = {}): Promise<string> =>
    createRepository(folder.join(name), { objectFormat, config });
  const [source, target] = [await at("source.git", scenario.source), await at("target.git", scenario.target)];
  await commit(source, "refs/heads/main", { a: "1" });
  await using server = await startNodeGitServer(folder.path);
  await using proxy = await startTunnels(server.port);
  const options: ClientOptions = {
    ...scenario.client,
    egress: { addresses: "any", schemes: ["http", "file"], proxy: { url: proxy.url, bypass: ["127.0.0.1"] } },
  };
  const planning = openClient(options);
  const running = scenario.isOneClient === true ? planning : openClient(options);
  const { targetHost } = scenario;
  const ask = {
    source: { url: `${server.url}/source.git` },
    target: { url: `${targetHost === undefined ? server.url : `http://${targetHost}`}/target.git` },
  };
  await scenario.before?.({
    source,
    target,
    ends: ask,
    mirror: (options = {}) => running.replicate({ ...ask, ...options }),
  });
  const { scope, policy } = scenario;
  const request: SyncRequest = { ...ask, ...(scope && { scope }), ...(policy && { policy }) };
  const before = await refsOf(target);

  const answers: Buffer[] = [];
  await server.idle();
  server.forgetRequests();
  server.intercept(async (asked) => {
    const fault = await scenario.intercept?.(asked);
    if (fault || asked.isListing || asked.service !== "git-upload-pack") return fault;
    return { type: "rewrite", rewrite: (body) => (answers.push(body), body) };
  });
  const { execution } = await planning.plan(request);
  await server.idle();
  expect([execution.transferMode, execution.reason]).toEqual(names);
  expect(execution.dryRun).toBe(true);
  expect(answers.flatMap((answer) => contentOf(answer, objectFormat))).toEqual([]);
  expect(fetchesOf(server).filter((text) => !text.includes("filter tree:0"))).toEqual([]);
  expect(pushesOf(server)).toEqual([]);
  expect(await refsOf(target)).toEqual(before);

  server.forgetRequests();
  server.intercept(scenario.intercept);
  const done = await running.sync(request).catch(async (error: unknown) => {
    const failure = await failureOf(Promise.reject(error as Error));
    return failure.result ?? expect.unreachable(failure.message);
  });
  await server.idle();
  expect([done.execution.transferMode, done.execution.reason]).toEqual(ends);
  // What went over the wire says the same.
  const [push] = pushesOf(server);
  expect({
    asksForObjects: fetchesOf(server).some((text) => !text.includes("filter tree:0")),
    pushes: push !== undefined,
    namesParts: push?.body.includes("refs/gitsync/batch/") === true,
  }).toEqual({
    asksForObjects: scenario.isAsked ?? (names[0] === "relay" || names[0] === "batched"),
    pushes: names[0] !== "nothing",
    namesParts: IN_PARTS.has(ends[1]),
  });
  await planning.close();
  await running.close();
});

/** A proxy that connects whoever asks to a port of this machine. */
async function startTunnels(port: number): Promise<{ readonly url: string } & AsyncDisposable> {
  const proxy = createServer();
  proxy.on("connect", (_request: IncomingMessage, socket: Socket) => {
    const there = connect(port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      socket.pipe(there).pipe(socket);
    });
    for (const end of [socket, there]) end.on("error", () => end.destroy());
    socket.once("close", () => there.destroy());
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const address = proxy.address();
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return {
    url: `http://127.0.0.1:${address.port}`,
    [Symbol.asyncDispose]: async () => {
      proxy.close();
      proxy.closeAllConnections();
      await once(proxy, "close");
    },
  };
}

/** Trees and files among what a source answered. */
function contentOf(answer: Buffer, format: ObjectFormat): readonly string[] {
  const pack = packOf(answer);
  if (pack === undefined) return [];
  return [...readPackObjects(pack, { format })].map(({ type }) => type).filter((type) => type !== "commit");
}
