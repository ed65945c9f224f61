import { parseObjectId, type ObjectId } from "@gitsync/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  advanceBatches,
  beginBatches,
  continueBatches,
  type BatchEvent,
  type BatchPlan,
  type BatchTurn,
} from "./batch-machine.ts";
import { CommitGraph, type NodeIndex } from "./commit-graph.ts";
import type { Part } from "./division.ts";
import { toldLimit, type SizeEvidence, type SizeLimit } from "./size-limit.ts";

/** A repository to be brought: node n has parents among 0…n-1 and adds so many bytes. */
interface History {
  readonly parents: readonly (readonly number[])[];
  readonly bytes: readonly number[];
  readonly tips: readonly number[];
  /** What the target listed from the start. */
  readonly listed: readonly number[];
}

/** How the target takes pushes. */
interface Manners {
  /** It takes no pack above this. */
  readonly limit: number;
  /** What it lets know of that. */
  readonly says: "size" | "nothing" | "the limit";
  /** Whether temporary refs stay; `no, unsaid`: that shows only when one is refused. */
  readonly keepsNames: "yes" | "no" | "no, unsaid";
  /** Refs of the user's that its hooks refuse. */
  readonly refuses: ReadonlySet<number>;
}

const idOf = (node: number): ObjectId =>
  parseObjectId((node + 1).toString(16).padStart(8, "0").padEnd(40, "0"), "sha1");
const numberOf = (graph: CommitGraph, node: NodeIndex): number =>
  Number.parseInt(graph.idOf(node).slice(0, 8), 16) - 1;

function graphOf({ parents }: History): CommitGraph {
  const graph = new CommitGraph("sha1");
  // As a source sends them: children first.
  for (let node = parents.length - 1; node >= 0; node -= 1) {
    graph.receive(idOf(node), parents[node]?.map(idOf) ?? []);
  }
  return graph;
}

function closureOf(history: History, nodes: Iterable<number>): Set<number> {
  const closure = new Set<number>();
  const open = [...nodes];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (closure.has(node)) continue;
    closure.add(node);
    open.push(...(history.parents[node] ?? []));
  }
  return closure;
}

/** A target that holds what its refs reach, and nothing else, as after a garbage collection. */
class Target {
  readonly #history: History;
  readonly #manners: Manners;
  readonly #graph: CommitGraph;
  /** Objects under a name. */
  readonly named: Set<number>;
  readonly temporary = new Set<number>();
  /** Values that refs of the user's took, by tip. */
  readonly userRefs = new Set<number>();
  readonly packs: number[] = [];

  constructor(history: History, manners: Manners, graph: CommitGraph) {
    this.#graph = graph;
    this.#history = history;
    this.#manners = manners;
    this.named = new Set(history.listed);
  }

  get held(): Set<number> {
    return closureOf(this.#history, this.named);
  }

  /** Take a part as a push: what it would bring, and what becomes of it. */
  push(part: Part, tips: readonly number[], claimed: readonly number[], mostBytes: number): Answer {
    const { limit, says, keepsNames, refuses } = this.#manners;
    const held = this.held;
    for (const node of claimed) if (!held.has(node)) throw new Error(`${node} is claimed and not there`);
    const wanted =
      part.type === "tips" ? tips.slice(0, part.tips) : part.heads.map((head) => numberOf(this.#graph, head));
    const common = closureOf(this.#history, claimed);
    const pack = [...closureOf(this.#history, part.commits === 0 ? [] : wanted)].filter(
      (node) => !common.has(node),
    );
    const bytes = pack.reduce((sum, node) => sum + (this.#history.bytes[node] ?? 0), 0);
    if (bytes > mostBytes) return { type: "declined", bytes: mostBytes + 1, objects: pack.length };
    if (bytes > limit) {
      const evidence: SizeEvidence = {
        kind: says === "nothing" ? "suspected" : "refused",
        bytes,
        isStreamed: false,
        announcedBytes: says === "the limit" ? limit : undefined,
      };
      return { type: "too-large", evidence, objects: pack.length };
    }
    const complete = new Set([...held, ...pack]);
    for (const node of closureOf(this.#history, wanted))
      if (!complete.has(node)) throw new Error(`${node} would be missing`);
    const taken = wanted.filter((node) => (part.type === "tips" ? !refuses.has(node) : keepsNames === "yes"));
    for (const node of taken) {
      this.named.add(node);
      (part.type === "tips" ? this.userRefs : this.temporary).add(node);
    }
    this.packs.push(bytes);
    return { type: "answered", bytes, objects: pack.length, taken };
  }
}

type Answer =
  | Exclude<BatchEvent, { readonly type: "answered" }>
  | {
      readonly type: "answered";
      readonly bytes: number;
      readonly objects: number;
      readonly taken: readonly number[];
    };

interface Run {
  readonly target: Target;
  readonly turns: number;
  readonly lost: readonly { readonly tip: number; readonly why: string }[];
  readonly end: string;
}

function runThrough(history: History, manners: Manners, plan: Partial<BatchPlan>, limit: SizeLimit): Run {
  const graph = graphOf(history);
  const target = new Target(history, manners, graph);
  const nodeOf = (node: number): NodeIndex => graph.intern(idOf(node));
  const full: BatchPlan = {
    graph,
    strategy: "first-parent",
    maxTips: 50,
    ceilingBytes: Number.POSITIVE_INFINITY,
    together: false,
    ...plan,
  };
  let tips = [...history.tips];
  const lost: { tip: number; why: string }[] = [];
  let turn: BatchTurn = beginBatches(full, {
    limit,
    tips: tips.map((tip) => nodeOf(tip)),
    proven: history.listed.map((node) => nodeOf(node)),
    objects: undefined,
    keepsNames: manners.keepsNames !== "no",
  });
  for (let turns = 1; ; turns += 1) {
    // Twice for each commit and each halving at each commit is far more than it takes.
    expect(turns).toBeLessThan(40 * (history.parents.length + history.tips.length + 2));
    const { state, action } = turn;
    if (action.type === "finish" || action.type === "stop") {
      return { target, turns, lost, end: action.type === "stop" ? action.why : "finish" };
    }
    if (action.type === "give-up") {
      lost.push(
        ...tips.filter((_, index) => action.tips[index] === true).map((tip) => ({ tip, why: action.why })),
      );
      expect(action.tips.some(Boolean)).toBe(true);
      tips = tips.filter((_, index) => action.tips[index] !== true);
      turn = continueBatches(full, state);
      continue;
    }
    if (action.type !== "carry") return expect.unreachable(action.type);
    const { part, mostBytes } = action;
    const claimed = state.proven.map((node) => numberOf(graph, node));
    const answer = target.push(part, tips, claimed, mostBytes);
    if (answer.type !== "answered") {
      turn = advanceBatches(full, state, answer);
      continue;
    }
    if (part.type === "tips") tips = tips.slice(part.tips);
    const proven = answer.taken.map((node) => nodeOf(node));
    const { bytes, objects } = answer;
    turn = advanceBatches(full, state, { type: "answered", bytes, objects, proven });
    expect(turn.state.planned).toBeGreaterThanOrEqual(turn.action.type === "finish" ? 0 : turn.state.done);
  }
}

const histories: fc.Arbitrary<History> = fc.integer({ min: 1, max: 60 }).chain((size) =>
  fc.record({
    parents: fc.tuple(
      ...Array.from({ length: size }, (_, node) =>
        node === 0
          ? fc.constant([])
          : fc.oneof(
              { weight: 4, arbitrary: fc.constant([node - 1]) },
              {
                weight: 2,
                arbitrary: fc.uniqueArray(fc.integer({ min: 0, max: node - 1 }), { maxLength: 3 }),
              },
            ),
      ),
    ),
    bytes: fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: size, maxLength: size }),
    tips: fc.array(fc.integer({ min: 0, max: size - 1 }), { minLength: 1, maxLength: 8 }),
    listed: fc.uniqueArray(fc.integer({ min: 0, max: size - 1 }), { maxLength: 3 }),
  }),
);

const mannersOf = (limit: fc.Arbitrary<number>): fc.Arbitrary<Manners> =>
  fc.record({
    limit,
    says: fc.constantFrom("size", "nothing", "the limit"),
    keepsNames: fc.constantFrom("yes", "no", "no, unsaid"),
    refuses: fc.constant(new Set<number>()),
  });

const plans = fc.record({
  strategy: fc.constantFrom("first-parent" as const, "topo" as const),
  together: fc.boolean(),
  maxTips: fc.integer({ min: 1, max: 5 }),
});

const unlimited = toldLimit(1e12, "met");

describe("a divided transfer", () => {
  test("always ends, claims only what the target shows, and leaves no ref without its history", () => {
    fc.assert(
      fc.property(
        histories,
        mannersOf(fc.integer({ min: 1, max: 2_000_000 })),
        plans,
        (history, manners, plan) => {
          const { target, lost, end } = runThrough(history, manners, plan, unlimited);
          const left = new Set(lost.map(({ tip }) => tip));
          if (end === "finish") {
            for (const tip of history.tips) expect(target.userRefs.has(tip) || left.has(tip)).toBe(true);
          } else {
            expect([end, manners.says]).toEqual(["not-size", "nothing"]);
          }
          for (const tip of target.userRefs) expect(history.tips).toContain(tip);
          if (plan.together && target.userRefs.size > 0) expect(left.size).toBe(0);
        },
      ),
      { numRuns: 1_500 },
    );
  });

  test("reaches every ref when no commit is larger than the limit", () => {
    fc.assert(
      fc.property(histories, fc.integer({ min: 100_000, max: 1_000_000 }), plans, (history, limit, plan) => {
        for (const says of ["size", "the limit"] as const) {
          const manners: Manners = { limit, says, keepsNames: "yes", refuses: new Set() };
          const { target, lost, end } = runThrough(history, manners, plan, unlimited);
          expect([end, lost]).toEqual(["finish", []]);
          expect(history.tips.every((tip) => target.userRefs.has(tip))).toBe(true);
          expect(Math.max(0, ...target.packs)).toBeLessThanOrEqual(limit);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("sends nothing that is larger than a limit that was told", () => {
    fc.assert(
      fc.property(histories, fc.integer({ min: 4_096, max: 500_000 }), plans, (history, limit, plan) => {
        const manners: Manners = { limit: 1e12, says: "size", keepsNames: "yes", refuses: new Set() };
        const { target, lost } = runThrough(history, manners, plan, toldLimit(limit, "configured"));
        expect(Math.max(0, ...target.packs)).toBeLessThanOrEqual(limit);
        for (const { tip } of lost) {
          const heaviest = Math.max(
            ...[...closureOf(history, plan.together ? history.tips : [tip])].map(
              (node) => history.bytes[node] ?? 0,
            ),
          );
          expect(heaviest).toBeGreaterThan(limit);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("goes on past refs that the target refuses", () => {
    fc.assert(
      fc.property(histories, fc.integer({ min: 100_000, max: 400_000 }), fc.nat(), (history, limit, seed) => {
        const refused = history.tips[seed % history.tips.length] ?? 0;
        const manners: Manners = { limit, says: "size", keepsNames: "yes", refuses: new Set([refused]) };
        const { target, end } = runThrough(history, manners, {}, unlimited);
        expect(end).toBe("finish");
        for (const tip of history.tips) expect(target.userRefs.has(tip)).toBe(tip !== refused);
      }),
    );
  });

  test("needs temporary refs only where a history is cut between refs", () => {
    const parents = Array.from({ length: 100 }, (_, node) => (node === 0 ? [] : [node - 1]));
    const bytes = parents.map(() => 10_000);
    const line: History = { parents, bytes, tips: [9, 19, 29, 39, 49, 59, 69, 79, 89, 99], listed: [] };
    const manners: Manners = { limit: 250_000, says: "the limit", keepsNames: "yes", refuses: new Set() };
    const whole = runThrough(line, manners, {}, toldLimit(250_000, "configured"));
    expect([whole.target.temporary.size, whole.target.userRefs.size]).toEqual([0, 10]);
    const cut = runThrough({ ...line, tips: [99] }, manners, {}, toldLimit(250_000, "configured"));
    expect(cut.target.temporary.size).toBeGreaterThan(2);
  });

  test("cuts on the line of first parents, and beside it only where one merge is too much", () => {
    // A trunk of even nodes; every tenth of them merges the nine odd ones since the last.
    const parents: number[][] = [[]];
    for (let node = 1; node < 200; node += 1) {
      const trunk = node - (node % 20);
      if (node % 20 === 0) parents.push([node - 20, node - 1]);
      else parents.push([node % 20 === 1 ? trunk : node - 1]);
    }
    const bytes = parents.map(() => 10_000);
    const history: History = { parents, bytes, tips: [180], listed: [] };
    const manners: Manners = { limit: 1e9, says: "size", keepsNames: "yes", refuses: new Set() };
    const heads = (limit: number): number[] =>
      [...runThrough(history, manners, {}, toldLimit(limit, "configured")).target.temporary].map(
        (node) => node % 20,
      );
    expect(new Set(heads(500_000))).toEqual(new Set([0]));
    expect(new Set(heads(120_000)).size).toBeGreaterThan(1);
  });

  test("takes it for no matter of size when ever smaller pushes break off", () => {
    const parents = Array.from({ length: 5_000 }, (_, node) => (node === 0 ? [] : [node - 1]));
    const history: History = { parents, bytes: parents.map(() => 10_000), tips: [4_999], listed: [] };
    const manners: Manners = { limit: 1, says: "nothing", keepsNames: "yes", refuses: new Set() };
    const { end, turns } = runThrough(
      history,
      manners,
      {},
      { basis: "inferred", mostBytes: 5e7, aimBytes: 2e7 },
    );
    expect([end, turns < 8]).toEqual(["not-size", true]);
  });

  test.for([
    ["an earlier run's limit holds for what can be divided only", {}, []],
    ["but never lets more go than the operator allows", { ceilingBytes: 40_000 }, ["indivisible"]],
  ] as const)("%s", ([, plan, why]) => {
    const parents = [[], [0], [1]];
    const history: History = { parents, bytes: [10_000, 50_000, 10_000], tips: [0, 2], listed: [] };
    const manners: Manners = { limit: 1e9, says: "size", keepsNames: "yes", refuses: new Set() };
    const { lost, end } = runThrough(history, manners, plan, toldLimit(20_000, "learned"));
    expect([lost.map((each) => each.why), end]).toEqual([why, "finish"]);
  });

  test("needs few more pushes than the size asks for, and fetches next to nothing in vain", () => {
    const parents = Array.from({ length: 20_000 }, (_, node) => (node === 0 ? [] : [node - 1]));
    // Ever denser, and lumpy.
    const bytes = parents.map((_, node) => 200 + node + (node % 97 === 0 ? 200_000 : 0));
    const total = bytes.reduce((sum, each) => sum + each, 0);
    const history: History = { parents, bytes, tips: [19_999], listed: [] };
    const limit = total / 10;
    const manners: Manners = { limit, says: "size", keepsNames: "yes", refuses: new Set() };
    const run = runThrough(history, manners, {}, unlimited);
    expect(run.end).toBe("finish");
    expect(run.target.packs.length).toBeLessThanOrEqual(21);
    expect(run.turns - run.target.packs.length).toBeLessThanOrEqual(3);
  });

  test("learns from a part that was too large how dense the rest of it is", () => {
    const parents = Array.from({ length: 20_000 }, (_, node) => (node === 0 ? [] : [node - 1]));
    const bytes = parents.map((_, node) => Math.floor(100 * 1.0002 ** node));
    const limit = bytes.reduce((sum, each) => sum + each, 0) / 10;
    const history: History = { parents, bytes, tips: [19_999], listed: [] };
    const manners: Manners = { limit, says: "size", keepsNames: "yes", refuses: new Set() };
    const { end, turns } = runThrough(history, manners, {}, unlimited);
    expect(end).toBe("finish");
    expect(turns).toBeLessThanOrEqual(31);
  });
});
