import { join } from "node:path";
import { trace } from "@opentelemetry/api";
import { parseObjectId, type ObjectId } from "@gitsync/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AncestryCache } from "./ancestry-cache.ts";
import { askAncestry, type AncestryAnswer } from "./ancestry.ts";
import { resolveLimits, type Limits } from "./options.ts";
import { RunMeter } from "./meter.ts";
import {
  ancestryKey,
  provesFastForward,
  type AncestryPair,
  type CommitGraph,
} from "./plan/ancestry-facts.ts";
import { localService } from "./remote/local/local-service.ts";
import type { PackRequest, SourceListing, SourceRemote } from "./remote/remote.ts";
import { SmartSource } from "./remote/smart-source.ts";
import { StreamConnection } from "./remote/stream/stream-connection.ts";
import { resolveSyncRequest } from "./request.ts";
import { spansOf } from "./spans.ts";
import { bareRepository, commit, git, GIT_ENVIRONMENT, temporaryFolder } from "./testing/git.ts";
import { ScriptedTarget } from "./testing/scripted.ts";
import { id } from "./testing/values.ts";
import { TargetMemory } from "./transfer/target-memory.ts";

describe("provesFastForward()", () => {
  /** Node n has parents among 0…n-1. */
  const histories = fc
    .integer({ min: 2, max: 12 })
    .chain((size) =>
      fc.tuple(
        ...Array.from({ length: size }, (_, n) =>
          n === 0 ? fc.constant([]) : fc.uniqueArray(fc.nat(n - 1), { maxLength: 3 }),
        ),
      ),
    );
  const reachable = (history: readonly (readonly number[])[], from: number): ReadonlySet<number> => {
    const seen = new Set([from]);
    for (const node of seen) for (const parent of history[node] ?? []) seen.add(parent);
    return seen;
  };

  test("of the commits behind the new tip and not behind the old is the true answer", () => {
    fc.assert(
      fc.property(histories, (history) => {
        for (const newTip of history.keys()) {
          for (const oldTip of history.keys()) {
            if (newTip === oldTip) continue;
            const behindOld = reachable(history, oldTip);
            const behindNew = reachable(history, newTip);
            const sent: CommitGraph = new Map(
              [...behindNew]
                .filter((node) => !behindOld.has(node))
                .map((node) => [id(node), (history[node] ?? []).map(id)]),
            );
            expect(provesFastForward(sent, { oldId: id(oldTip), newId: id(newTip) })).toBe(
              behindNew.has(oldTip),
            );
          }
        }
      }),
    );
  });

  test("is never wrong when it says yes, whatever else was left out", () => {
    fc.assert(
      fc.property(histories, fc.infiniteStream(fc.boolean()), (history, coin) => {
        const sent: CommitGraph = new Map(
          [...history.keys()]
            .filter(() => coin.next().value)
            .map((node) => [id(node), (history[node] ?? []).map(id)]),
        );
        for (const newTip of history.keys()) {
          for (const oldTip of history.keys()) {
            if (newTip === oldTip || !provesFastForward(sent, { oldId: id(oldTip), newId: id(newTip) }))
              continue;
            expect(reachable(history, newTip).has(oldTip)).toBe(true);
          }
        }
      }),
    );
  });

  test("walks a long line without recursion", () => {
    const line: CommitGraph = new Map(Array.from({ length: 100_000 }, (_, n) => [id(n + 1), [id(n)]]));
    expect(provesFastForward(line, { oldId: id(0), newId: id(100_000) })).toBe(true);
  });
});

/** A source of real git that counts what it is asked. */
class Asked implements SourceRemote {
  readonly questions: PackRequest[] = [];
  readonly #source: SmartSource;

  constructor(repository: string, filter: boolean) {
    const limits = resolveLimits();
    const meter = new RunMeter().traffic("source");
    this.#source = new SmartSource({
      connection: new StreamConnection({
        service: "git-upload-pack",
        role: "source",
        label: repository,
        openChannel: localService({
          service: "git-upload-pack",
          // As a target's, whose filter setting is left as it is.
          role: "target",
          path: repository,
          gitProtocol: "version=2",
          environment: {
            ...GIT_ENVIRONMENT,
            GIT_CONFIG_COUNT: "2",
            GIT_CONFIG_KEY_0: "uploadpack.allowFilter",
            GIT_CONFIG_VALUE_0: String(filter),
            GIT_CONFIG_KEY_1: "uploadpack.allowAnySHA1InWant",
            GIT_CONFIG_VALUE_1: "true",
          },
        }),
        isLocal: true,
        limits,
        meter,
        startSpan: () => trace.getTracer("test").startSpan("test"),
      }),
      label: repository,
      agent: "test",
      limits,
      meter,
      side: "source",
    });
  }

  list(prefixes: readonly string[], signal: AbortSignal): Promise<SourceListing> {
    return this.#source.list(prefixes, signal);
  }

  fetch(...question: Parameters<SourceRemote["fetch"]>): AsyncIterable<Uint8Array> {
    this.questions.push(question[0]);
    return this.#source.fetch(...question);
  }

  close(): Promise<void> {
    return this.#source.close();
  }
}

interface Question {
  readonly filter?: boolean;
  readonly limits?: Limits;
  readonly dryRun?: boolean;
  readonly cache?: AncestryCache;
}

async function ask(
  repository: string,
  pairs: readonly AncestryPair[],
  { filter = true, limits, dryRun = false, cache = new AncestryCache() }: Question = {},
): Promise<AncestryAnswer & { readonly questions: readonly PackRequest[] }> {
  const source = new Asked(repository, filter);
  const { signal } = new AbortController();
  try {
    const listing = await source.list(["refs/"], signal);
    const answer = await askAncestry(
      {
        request: resolveSyncRequest({ source: { url: repository }, target: { url: "/nonexistent/target" } }),
        source,
        target: new ScriptedTarget(new Map()),
        sourceLabel: repository,
        targetLabel: "target",
        limits: resolveLimits(limits),
        signal,
        meter: new RunMeter(),
        observe: () => {},
        span: spansOf(trace.getTracer("test")),
        ancestryCache: cache,
        targets: new TargetMemory(),
        spool: undefined,
        batchStrategy: "first-parent",
        heldBack: [],
        approvedPlan: undefined,
        pace: undefined,
        dryRun,
        onlyNew: false,
        packBytes: 0,
        packObjects: 0,
      },
      pairs,
      listing,
    );
    return { ...answer, questions: source.questions };
  } finally {
    await source.close();
  }
}

/** A line of commits with a side branch from its third; the ids of all. */
function history(
  repository: string,
  length: number,
): { readonly line: readonly ObjectId[]; readonly side: ObjectId } {
  const line: ObjectId[] = [];
  for (let n = 0; n < length; n += 1) {
    const parent = line.at(-1);
    line.push(parseObjectId(commit(repository, parent === undefined ? [] : [parent], `c${n}`), "sha1"));
  }
  const side = parseObjectId(commit(repository, [line[2] ?? ""], "side"), "sha1");
  git(repository, ["update-ref", "refs/heads/main", line.at(-1) ?? ""]);
  git(repository, ["update-ref", "refs/heads/side", side]);
  return { line, side };
}

describe("askAncestry() of real git", () => {
  const pair = (oldId: ObjectId | undefined, newId: ObjectId | undefined): AncestryPair =>
    oldId === undefined || newId === undefined ? expect.unreachable() : { oldId, newId };
  const factsOf = (answer: AncestryAnswer, pairs: readonly AncestryPair[]): readonly unknown[] =>
    pairs.map((each) => answer.facts.get(ancestryKey(each)));

  test("one pair costs one question about commits", async () => {
    using folder = temporaryFolder();
    const repository = bareRepository(join(folder.path, "a.git"));
    const { line, side } = history(repository, 6);
    for (const [old, now, fact] of [
      [line[3], line[5], "fast-forward"],
      [line[0], line[5], "fast-forward"],
      [side, line[5], "diverged"],
      [line[5], line[3], "diverged"],
      [id(77), line[5], "diverged"],
    ] as const) {
      const answer = await ask(repository, [pair(old, now)]);
      expect(factsOf(answer, [pair(old, now)])).toEqual([fact]);
      expect(answer.questions).toMatchObject([
        { filter: { type: "tree", depth: 0 }, wants: [now], haves: [old] },
      ]);
      expect(answer.downloaded).toBeUndefined();
    }
  });

  test("many pairs are proven by one combined question", async () => {
    using folder = temporaryFolder();
    const repository = bareRepository(join(folder.path, "a.git"));
    const { line } = history(repository, 4);
    const pairs = line.slice(0, 3).map((old) => {
      const tip = parseObjectId(commit(repository, [old], `tip of ${old}`), "sha1");
      git(repository, ["update-ref", `refs/heads/t/${old}`, tip]);
      return pair(old, tip);
    });
    const answer = await ask(repository, pairs);
    expect(factsOf(answer, pairs)).toEqual(["fast-forward", "fast-forward", "fast-forward"]);
    expect(answer.questions).toHaveLength(1);
  });

  test("a few that stay open are asked alone, more of them by one graph", async () => {
    using folder = temporaryFolder();
    const repository = bareRepository(join(folder.path, "a.git"));
    const { line, side } = history(repository, 10);
    const few = [pair(line[7], line[9]), pair(line[8], line[9]), pair(side, line[9])];
    const answer = await ask(repository, few);
    // The have of the second pair cuts away what decides the first.
    expect(factsOf(answer, few)).toEqual(["fast-forward", "fast-forward", "diverged"]);
    expect(answer.questions.map((each) => each.haves.length)).toEqual([3, 1, 1]);

    const many = line.slice(0, 8).map((old) => pair(old, line[9]));
    const whole = await ask(repository, [...many, pair(side, line[9])]);
    expect(factsOf(whole, many)).toEqual(many.map(() => "fast-forward"));
    expect(factsOf(whole, [pair(side, line[9])])).toEqual(["diverged"]);
    expect(whole.questions.map((each) => each.haves.length)).toEqual([9, 0]);
  });

  test("an answer above the byte limit proves nothing, and no more is asked", async () => {
    using folder = temporaryFolder();
    const repository = bareRepository(join(folder.path, "a.git"));
    const { line, side } = history(repository, 6);
    const pairs = [pair(line[4], line[5]), pair(side, line[5])];
    const answer = await ask(repository, pairs, { limits: { maxAncestryBytes: 100 } });
    expect(factsOf(answer, pairs)).toEqual([undefined, undefined]);
    expect(answer.questions).toHaveLength(1);
  });

  test("without filters a plan asks nothing, and a run keeps what it downloaded", async () => {
    using folder = temporaryFolder();
    const repository = bareRepository(join(folder.path, "a.git"));
    const { line, side } = history(repository, 6);
    const pairs = [pair(line[3], line[5])];
    const planned = await ask(repository, pairs, { filter: false, dryRun: true });
    expect([planned.questions.length, planned.facts.size]).toEqual([0, 0]);
    const answer = await ask(repository, pairs, { filter: false });
    expect(factsOf(answer, pairs)).toEqual(["fast-forward"]);
    expect(answer.questions.map((each) => each.filter)).toEqual([undefined]);
    expect([...(answer.downloaded?.wants ?? [])]).toEqual([line[5]]);
    const many = [...line.slice(0, 5).map((old) => pair(old, line[5])), pair(side, line[5])];
    expect(factsOf(await ask(repository, many, { filter: false }), many)).toEqual([
      ...line.slice(0, 5).map(() => "fast-forward"),
      "diverged",
    ]);
  });

  test("a proof is remembered, that there was none is not", async () => {
    using folder = temporaryFolder();
    const repository = bareRepository(join(folder.path, "a.git"));
    const { line, side } = history(repository, 6);
    const cache = new AncestryCache();
    const pairs = [pair(line[3], line[5]), pair(side, line[5])];
    await ask(repository, pairs, { cache });
    const again = await ask(repository, pairs, { cache });
    expect(factsOf(again, pairs)).toEqual(["fast-forward", "diverged"]);
    expect(again.questions.map((each) => each.haves)).toEqual([[side]]);
  });
});
