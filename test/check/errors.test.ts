import { SYNC_ERRORS } from "@gitsync/engine";
import { expect, test } from "vitest";
import { filesOf, readText } from "./repository.ts";

test("docs/refusals.md explains every code that the planner and the report give, and no other", () => {
  const sources = [...filesOf("packages/engine/src/plan/*.ts"), "packages/engine/src/report.ts"]
    .filter((path) => !path.endsWith(".test.ts"))
    .map(readText)
    .join("\n");
  const given = sources.matchAll(/(?:code: |block\(|update\()"([a-z-]+)"/gu);
  const [explained = ""] = readText("docs/refusals.md").split("\n## Refused by the target\n");
  const outcomes = new Set(["refused", "unknown", "block", "warn"]);
  const named = [...explained.matchAll(/`([a-z]+(?:-[a-z]+)*)`/gu)].map(([, name = ""]) => name);
  const codes = named.filter((name) => !outcomes.has(name));
  expect(new Set(codes)).toEqual(new Set([...given].map(([, code]) => code)));
});

test("docs/transfer.md lists every reason for a transfer mode, and no other", () => {
  const [, union = ""] =
    /readonly reason:\n([^;]+);/u.exec(readText("packages/engine/src/transfer/choose.ts")) ?? [];
  const reasons = [...union.matchAll(/"([a-z-]+)"/gu)].map(([, reason]) => reason);
  const rows = readText("docs/transfer.md").matchAll(
    /^\| `(?:nothing|refs-only|relay|batched)` \| (.*) \|$/gmu,
  );
  const listed = [...rows].flatMap(([, cell = ""]) => cell.replaceAll("`", "").split(", "));
  expect(listed.length).toBeGreaterThan(8);
  expect(new Set(listed)).toEqual(new Set(reasons));
});

test("docs/errors.md lists every error code with its class and its remedy, and nothing else", () => {
  const rows = [
    ...readText("docs/errors.md").matchAll(/^\| `([A-Z_]+)` \| ([a-z-]+) \| [^|]+ \| ([^|]+) \|$/gmu),
  ];
  const documented = rows.map(([, code, kind, remedy]) => [
    code,
    { class: kind, remedy: remedy?.replaceAll("`", "") },
  ]);
  expect(Object.fromEntries(documented)).toEqual(SYNC_ERRORS);
});
