import { describe, expect, test } from "vitest";
import { id, listed, ref } from "../testing/values.ts";
import { CommitGraph } from "./commit-graph.ts";
import { namesBehind, temporaryRefs, temporaryTips } from "./temporary-refs.ts";

describe("temporaryRefs()", () => {
  const SOURCE = "https://source.example/a.git";
  const NOTHING = listed(new Map());
  const made = temporaryRefs(SOURCE, NOTHING);

  test("finds what an earlier run of the same source left, with the size it meant to send", () => {
    const left = [made.nameOf(id(1), 30_000_000.5), made.nameOf(id(2), 20_000_000)] as const;
    const other = temporaryRefs("https://source.example/b.git", NOTHING).nameOf(id(3), 5);
    const target = listed(
      new Map([
        [left[0], id(1)],
        [left[1], id(2)],
        [other, id(3)],
        [ref("main"), id(4)],
      ]),
    );
    const { found, limitBytes } = temporaryRefs(SOURCE, target);
    expect(found).toEqual(
      new Map([
        [left[0], id(1)],
        [left[1], id(2)],
      ]),
    );
    expect(limitBytes).toBe(20_000_000);
    expect(new Set(temporaryTips(target))).toEqual(new Set([id(1), id(2), id(3)]));
  });

  test("gives an object the same name again, which names nobody's address", () => {
    expect(made.nameOf(id(1), 10)).toBe(temporaryRefs(SOURCE, NOTHING).nameOf(id(1), 10));
    expect(made.nameOf(id(1), 10)).toMatch(/^refs\/gitsync\/batch\/[0-9a-f]{12}\/10\/[0-9a-f]{40}$/u);
  });

  test("finds no limit in a name that bears none", () => {
    const name = ref(`${made.nameOf(id(1), 10).split("/").slice(0, 4).join("/")}/x/y`);
    expect(temporaryRefs(SOURCE, listed(new Map([[name, id(1)]])))).toMatchObject({ limitBytes: undefined });
  });
});

test("namesBehind() finds what a history was brought up to, on each of its lines", () => {
  const graph = new CommitGraph("sha1");
  const parents: readonly (readonly number[])[] = [[], [0], [1], [1], [2, 3], [4], [0]];
  for (const [node, of] of parents.entries())
    graph.receive(
      id(node + 1),
      of.map((each) => id(each + 1)),
    );
  const names = new Map([1, 2, 3, 7, 9].map((node) => [ref(`name${node}`), id(node)]));
  expect(namesBehind({ open: [id(6)], there: [] }, names, graph)).toEqual(
    new Set([ref("name2"), ref("name3")]),
  );
  expect(namesBehind({ open: [id(7), id(8)], there: [] }, names, graph)).toEqual(new Set([ref("name7")]));
  expect(namesBehind({ open: [id(6)], there: [id(4)] }, names, graph)).toEqual(new Set([ref("name3")]));
  expect(namesBehind({ open: [], there: [id(6)] }, names, graph).size).toBe(0);
  expect(namesBehind({ open: [id(6)], there: [] }, names, undefined).size).toBe(names.size);
});
