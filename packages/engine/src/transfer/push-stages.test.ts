import { describe, expect, test } from "vitest";
import type { RefName } from "@gitsync/protocol";
import { id, listed, ref, refs } from "../testing/values.ts";
import type { PlannedChange } from "../plan/plan.ts";
import { archiveRef, expiredArchives, pushGroups, type PushGroup, type StagesInput } from "./push-stages.ts";

const base = { kind: "branch", code: "x", reason: "x" } as const;
const create = (name: string): PlannedChange => ({
  ...base,
  action: "create",
  targetRef: ref(name),
  sourceRef: ref(name),
  newId: id(1),
});
const update: PlannedChange = {
  ...base,
  action: "update",
  targetRef: ref("up"),
  sourceRef: ref("up"),
  oldId: id(2),
  newId: id(3),
  destructive: true,
};
const remove = (name: string, clearsTheWay = false): PlannedChange => ({
  ...base,
  action: "delete",
  targetRef: ref(name),
  oldId: id(4),
  clearsTheWay,
});

function groups(input: Partial<StagesInput>): readonly PushGroup[] {
  return pushGroups({
    changes: [],
    maxRefUpdates: 5_000,
    archives: new Map(),
    expired: new Map(),
    headUnknown: false,
    ...input,
  });
}
const shape = (made: readonly PushGroup[]): readonly string[] =>
  made.map(
    ({ purpose, commands }) => `${purpose}: ${commands.map((each) => `${each.type} ${each.ref}`).join(", ")}`,
  );

describe("pushGroups()", () => {
  test("sends one request in the plan's order", () => {
    expect(shape(groups({ changes: [create("b"), update, create("a"), remove("z")] }))).toEqual([
      "refs: create refs/heads/b, update refs/heads/up, create refs/heads/a, delete refs/heads/z",
    ]);
    expect(groups({ changes: [update] })[0]?.commands).toEqual([
      { type: "update", ref: ref("up"), oldId: id(2), newId: id(3) },
    ]);
  });

  test("makes old tips safe first, room second, and tidies up last", () => {
    const made = groups({
      changes: [create("a/b"), update, remove("a", true), remove("z")],
      archives: new Map([[update, archiveRef(ref("up"), new Date("2026-01-02T03:04:05.678Z"))]]),
      expired: refs({ "refs/gitsync/archive/20200101T000000Z/heads/old": 7 }),
    });
    expect(shape(made)).toEqual([
      "archive: create refs/gitsync/archive/20260102T030405Z/heads/up",
      "clear: delete refs/heads/a",
      "refs: create refs/heads/a/b, update refs/heads/up, delete refs/heads/z",
      "expire: delete refs/gitsync/archive/20200101T000000Z/heads/old",
    ]);
    expect(made[0]?.commands).toEqual([{ type: "create", ref: made[0]?.commands[0]?.ref, newId: id(2) }]);
  });

  test("holds requests to their size", () => {
    const changes = Array.from({ length: 11 }, (_, n) => create(`b${n}`));
    const sizes = groups({ changes, maxRefUpdates: 5 }).map((group) => group.commands.length);
    expect(sizes).toEqual([5, 5, 1]);
  });

  test("sends a delete alone that might be the default branch", () => {
    const tag: PlannedChange = { ...remove("refs/tags/v1"), kind: "tag" };
    const changes = [create("a"), remove("x"), remove("y"), tag];
    expect(shape(groups({ changes, headUnknown: true }))).toEqual([
      "refs: create refs/heads/a, delete refs/tags/v1",
      "refs: delete refs/heads/x",
      "refs: delete refs/heads/y",
    ]);
  });
});

describe("archiveRef()", () => {
  test.for([
    ["refs/heads/a/b", "refs/gitsync/archive/20261231T235959Z/heads/a/b"],
    ["refs/tags/v1", "refs/gitsync/archive/20261231T235959Z/tags/v1"],
    ["refs/notes/commits", "refs/gitsync/archive/20261231T235959Z/notes/commits"],
  ] as const)("keeps %s at %s", ([name, expected]) => {
    expect(archiveRef(ref(name), new Date("2026-12-31T23:59:59.999Z"))).toBe(expected);
  });
});

describe("expiredArchives()", () => {
  test("finds what is older than its days by its name alone", () => {
    const now = new Date("2026-04-01T00:00:00Z");
    const kept = [archiveRef(ref("a"), new Date("2026-01-01T00:00:00Z")), archiveRef(ref("a"), now)];
    const old = [
      archiveRef(ref("a"), new Date("2025-12-31T23:59:59Z")),
      archiveRef(ref("b/c"), new Date("2020-01-01T00:00:00Z")),
    ];
    const others = [
      "refs/heads/20200101T000000Z",
      "refs/gitsync/archive/x/heads/a",
      "refs/gitsync/archive/2020/heads/a",
      "refs/gitsync/archive/20200101T000000Zx/a",
    ];
    const target = listed(
      new Map([...kept, ...old, ...others.map(ref)].map((name: RefName) => [name, id(1)])),
    );
    expect([...expiredArchives(target, now, 90).keys()]).toEqual(old.toSorted());
  });
});
