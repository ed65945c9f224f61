/** What runs on real git report has the shape that the schemas promise, well or not. */

import * as schema from "@gitsync/engine/schema";
import { createUnstableClient } from "@gitsync/engine/unstable";
import { expect, test } from "vitest";
import { GIT_ENVIRONMENT } from "../support/git.ts";
import { commit, refsOf, setRef } from "../support/repository.ts";
import { describeWays, failureOf, installHook, twoSides, type TwoSides } from "./two-sides.ts";

/** Faults of a value as a program gets it that reads JSON. */
function faultsOf(of: schema.JsonSchema, value: unknown): readonly schema.SchemaFault[] {
  expect(value).toBeDefined();
  return schema.validateAgainst(of, JSON.parse(JSON.stringify(value)));
}

async function diverge(sides: TwoSides): Promise<void> {
  const first = await commit(sides.source, "refs/heads/main", { a: "1" });
  await sides.sync();
  await commit(sides.target, "refs/heads/main", { b: "1" });
  await commit(sides.source, "refs/heads/main", { a: "2" });
  await setRef(sides.source, "refs/heads/new", first);
}

describeWays("a result", (way) => {
  const told = { collectStats: true, measure: true, includeUnchanged: true } as const;

  test("of every kind of run fits its schema", async () => {
    await using sides = await twoSides(way);
    await commit(sides.source, "refs/heads/main", { a: "1" });
    const results = [
      await sides.plan(told),
      await sides.sync(told),
      await sides.sync(told),
      await sides.replicate({ ...told, policy: { prune: true } }),
    ];
    for (const result of results) expect(faultsOf(schema.syncResultSchema, result)).toEqual([]);
    expect(results.map(({ execution }) => execution.transferMode)).toEqual([
      "relay",
      "relay",
      "nothing",
      "nothing",
    ]);
    // What is not there is an empty text, and no list is null.
    expect(results[0]?.refs).toMatchObject([
      { targetHash: "", sourceHash: expect.stringMatching(/^[0-9a-f]{40}$/u) },
    ]);
  });

  test("of a run that fails fits its schema, too, and tells what is left", async () => {
    await using sides = await twoSides(way);
    await diverge(sides);
    const blocked = await failureOf(sides.sync(told));
    expect(blocked.code).toBe("REFS_BLOCKED");
    await installHook(sides.target, "update", "exit 1");
    const refused = await failureOf(sides.sync({ ...told, policy: { force: "with-lease" } }));
    expect(refused.code).toBe("REFS_REFUSED");
    for (const { result } of [blocked, refused]) {
      expect(faultsOf(schema.syncResultSchema, result)).toEqual([]);
      expect(result?.refs.map(({ targetRef }) => targetRef)).toEqual(["refs/heads/main", "refs/heads/new"]);
      expect(result?.counts.applied).toBe(0);
    }
  });

  test("of a probe and of a fetch fits its schema", async () => {
    await using sides = await twoSides(way);
    await commit(sides.source, "refs/heads/main", { a: "1" });
    const { source, target } = sides.request();
    const options = { measure: true };
    for (const request of [{ source }, { source, target, collectStats: true }]) {
      const result = await sides.client.probe(request, options);
      expect(faultsOf(schema.probeResultSchema, result)).toEqual([]);
      expect(result.refs).toEqual([...(await refsOf(sides.source))].map(([name, hash]) => ({ name, hash })));
    }
    const client = createUnstableClient({
      egress: { addresses: "any", schemes: ["http", "file"] },
      childEnvironment: GIT_ENVIRONMENT,
    });
    expect(faultsOf(schema.fetchResultSchema, await client.fetch({ source }, options))).toEqual([]);
    expect(faultsOf(schema.syncResultSchema, await client.bootstrap({ source, target }, options))).toEqual(
      [],
    );
    await client.close();
  });
});
