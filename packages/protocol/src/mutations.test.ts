import { describe, test } from "vitest";
import { TARGETS as BROKEN } from "../fuzz/broken-parsers.ts";
import { judge } from "../fuzz/judge.ts";
import { minimise } from "../fuzz/minimise.ts";
import { mutate, splitPackets } from "../fuzz/mutate.ts";
import { seededRandom } from "../fuzz/random.ts";
import { TARGETS } from "../fuzz/targets.ts";
import { watch } from "../fuzz/watch.ts";
import { concat, packets, wire } from "./testing/bytes.ts";

// Damaged recordings, to every parser. `GITSYNC_MUTATION_SEED` tries others, `GITSYNC_MUTATION_MS` prolongs the run.

const seed = Number(process.env["GITSYNC_MUTATION_SEED"] ?? 1);
const budgetMs = Number(process.env["GITSYNC_MUTATION_MS"] ?? 1500);
process.stdout.write(`mutations: GITSYNC_MUTATION_SEED=${seed} GITSYNC_MUTATION_MS=${budgetMs}\n`);

const moduleOf = (name: string): string => new URL(`../fuzz/${name}.ts`, import.meta.url).href;

describe("damaged bytes", () => {
  test(
    "give a value or a typed error, the same however they are cut, soon, and in little memory",
    { timeout: budgetMs + 60_000 },
    async ({ expect }) => {
      const outcome = await watch({ targets: moduleOf("targets"), seed, milliseconds: budgetMs });
      const fault = outcome.type === "found" ? describeFinding(outcome.finding) : "";
      expect(fault).toBe("");
    },
  );
});

function describeFinding({
  target,
  way,
  bytes,
  fault,
}: {
  readonly target: number;
  readonly way: number;
  readonly bytes: Uint8Array;
  readonly fault: string;
}): string {
  const parser = TARGETS[target];
  const called = Object.keys(parser?.ways ?? {})[way] ?? "";
  return `${parser?.name ?? ""} (${called}): ${fault}\ninput in hex: ${Buffer.from(bytes).toString("hex")}`;
}

describe("the fuzzer", () => {
  const random = seededRandom(1);

  test.for(BROKEN.slice(1, -3))("notices a parser that $name", ({ ways }, { expect }) => {
    const make = ways["any"];
    expect(make).toBeDefined();
    if (make !== undefined) expect(() => judge(make, wire("0006a\n0000"), random)).toThrow();
  });

  test.for([
    ["is sound", "passed", 10_000],
    ["leaves a rejection behind", /too late/, 10_000],
    ["fills the heap", /memory/, 20_000],
    ["hangs", /did not come back/, 700],
  ] as const)(
    "in a thread of its own, notices a parser that %s",
    async ([only, fault, hangMs], { expect }) => {
      const outcome = await watch(
        { targets: moduleOf("broken-parsers"), only, seed: 1, milliseconds: 100 },
        { hangMs, heapMegabytes: 64 },
      );
      const said = outcome.type === "found" ? outcome.finding.fault : outcome.type;
      expect(said).toMatch(fault);
      if (outcome.type === "found") expect(BROKEN[outcome.finding.target]?.name).toBe(only);
    },
  );

  test("repeats a run from its seed", ({ expect }) => {
    const recording = packets("unpack ok\n", "ok refs/heads/a\n", "0000");
    const mutants = (from: number): string[] => {
      const numbers = seededRandom(from);
      return Array.from({ length: 200 }, () => Buffer.from(mutate(recording, numbers)).toString("hex"));
    };
    expect(mutants(7)).toEqual(mutants(7));
    expect(mutants(7)).not.toEqual(mutants(8));
    expect(new Set(mutants(7)).size).toBeGreaterThan(150);
  });

  test("knows packets, and what is none", ({ expect }) => {
    const stream = concat(packets("one", "0000", "0001"), wire("0004"), packets("two"), wire("fff0short"));
    const pieces = splitPackets(stream).map((piece) => String.fromCharCode(...piece));
    expect(pieces).toEqual(["0007one", "0000", "0001", "0004", "0007two", "fff0short"]);
  });

  test("shortens what it found", ({ expect }) => {
    const found = minimise(wire("aaaaaaaaXbbbbbbbbbbbbYccccc"), (bytes) => {
      const text = String.fromCharCode(...bytes);
      return text.includes("X") && text.includes("Y");
    });
    expect(String.fromCharCode(...found)).toBe("XY");
  });
});
