import { describe, test } from "vitest";
import { judge } from "../fuzz/judge.ts";
import { seededRandom } from "../fuzz/random.ts";
import { regressionsOf, regressionTargets } from "../fuzz/seeds.ts";
import { targetNamed, TARGETS } from "../fuzz/targets.ts";

// What once broke a parser: one file each in fixtures/regressions, in a folder named for the parser.

const regressions = TARGETS.flatMap((target) =>
  regressionsOf(target).map(({ name, bytes }) => ({ parser: target.name, name, bytes })),
);

describe("inputs that once broke a parser", () => {
  test.for(regressions)("$parser: $name", ({ parser, bytes }, { expect }) => {
    for (const make of Object.values(targetNamed(parser).ways)) {
      for (let seed = 0; seed < 20; seed += 1) {
        expect(() => judge(make, bytes, seededRandom(seed))).not.toThrow();
      }
    }
  });

  test("are kept for parsers that exist", ({ expect }) => {
    for (const name of regressionTargets()) expect(() => targetNamed(name)).not.toThrow();
  });
});
