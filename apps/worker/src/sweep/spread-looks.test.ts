import { describe, expect, test } from "vitest";
import { spreadLooks } from "./spread-looks.ts";

const route = (id: string, source: string, target: string, lastChangeAt?: number) => ({
  id,
  source: `https://${source}/${id}.git`,
  target: `ssh://git@${target}/${id}.git`,
  lastChangeAt,
});

describe("looks at many routes", () => {
  test("no host, as source or as target, gets more than two a second; different hosts do not wait", () => {
    const routes = [route("1", "a", "b"), route("2", "c", "a"), route("3", "d", "e"), route("4", "a", "e")];
    expect(spreadLooks(routes, 1_000)).toEqual([
      { route: "1", at: 1_000 },
      { route: "3", at: 1_000 },
      { route: "2", at: 1_500 },
      { route: "4", at: 2_000 },
    ]);
  });

  test("what changed last comes first", () => {
    const routes = [route("old", "a", "b", 1), route("never", "a", "b"), route("new", "a", "b", 2)];
    expect(spreadLooks(routes, 0).map((look) => look.route)).toEqual(["new", "old", "never"]);
  });

  test("local paths count as one host", () => {
    const local = (id: string) => ({
      id,
      source: `/srv/${id}`,
      target: `/backup/${id}`,
      lastChangeAt: undefined,
    });
    expect(spreadLooks([local("a"), local("b")], 0).map(({ at }) => at)).toEqual([0, 500]);
  });
});
