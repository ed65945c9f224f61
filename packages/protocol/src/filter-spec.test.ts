import fc from "fast-check";
import { describe, test } from "vitest";
import { git, temporaryDirectory } from "../fixtures/git.ts";
import { equalFilterSpecs } from "./equal/fetch.ts";
import { encodeFilterSpec, type FilterSpec, parseFilterSpec } from "./filter-spec.ts";
import { filterSpec } from "./testing/fetch-arbitraries.ts";

describe("filter-spec", () => {
  test.for<[string, FilterSpec]>([
    ["blob:none", { type: "blob:none" }],
    ["blob:limit=0", { type: "blob:limit", bytes: 0 }],
    ["blob:limit=2k", { type: "blob:limit", bytes: 2048 }],
    ["blob:limit=1M", { type: "blob:limit", bytes: 1_048_576 }],
    ["blob:limit=1g", { type: "blob:limit", bytes: 1_073_741_824 }],
    ["tree:0", { type: "tree", depth: 0 }],
    ["object:type=tag", { type: "object:type", objectType: "tag" }],
    ["sparse:oid=HEAD:a b", { type: "sparse:oid", blob: "HEAD:a b" }],
    [
      "combine:blob%3anone+tree:1",
      {
        type: "combine",
        filters: [{ type: "blob:none" }, { type: "tree", depth: 1 }],
      },
    ],
    [
      "combine:sparse:oid=a%2bb%25%20c",
      { type: "combine", filters: [{ type: "sparse:oid", blob: "a+b% c" }] },
    ],
  ])("reads %s", ([text, spec], { expect }) => {
    expect(parseFilterSpec(text)).toEqual(spec);
  });

  test("is read as it was written, combinations of combinations too", ({ expect }) => {
    fc.assert(
      fc.property(filterSpec, (spec) => {
        expect(equalFilterSpecs(parseFilterSpec(encodeFilterSpec(spec)), spec)).toBe(true);
      }),
    );
  });

  test("takes and refuses what git takes and refuses", ({ expect }) => {
    using scratch = temporaryDirectory();
    git(scratch.path, ["init", "-q", "."]);
    git(scratch.path, ["commit", "-q", "--allow-empty", "-m", "c"]);
    const answers = [
      "blob:none",
      "blob:none ",
      "blob:limit=1k",
      "blob:limit=",
      "blob:limit=-1",
      "blob:limit=1x",
      "tree:3",
      "tree:",
      "tree:x",
      "object:type=blob",
      "object:type=",
      "object:type=branch",
      "sparse:path=x",
      "combine:",
      "combine:+",
      "combine:blob:none",
      "combine:tree:1+blob:none",
      "combine:tree:1+nonsense",
      "combine:tree:1+blob:none~",
      "combine:combine:tree:1%2bblob:none+blob:none",
      "auto-something",
      "",
    ].map((text) => {
      const said = git(scratch.path, ["rev-list", "--objects", `--filter=${text}`, "HEAD"], {
        mayFail: true,
      });
      const git_ = said.length > 0;
      try {
        parseFilterSpec(text);
        return [text, git_, true];
      } catch {
        return [text, git_, false];
      }
    });
    expect(answers.filter(([, git_, ours]) => git_ !== ours)).toEqual([]);
  });

  test.for<FilterSpec>([
    { type: "combine", filters: [] },
    { type: "blob:limit", bytes: -1 },
    { type: "tree", depth: 1.5 },
    { type: "sparse:oid", blob: "" },
    { type: "sparse:oid", blob: "a\nb" },
  ])("does not write %j", (spec, { expect }) => {
    expect(() => encodeFilterSpec(spec)).toThrow(expect.objectContaining({ code: "FILTER_INVALID" }));
  });

  test("a combination nested without end is refused", ({ expect }) => {
    let text = "tree:1";
    for (let depth = 0; depth < 20; depth += 1) text = `combine:${text.replaceAll("%", "%25")}`;
    expect(() => parseFilterSpec(text)).toThrow(expect.objectContaining({ code: "FILTER_INVALID" }));
  });
});
