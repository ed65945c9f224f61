import { SYNC_ERRORS } from "@gitsync/engine";
import { expect, test } from "vitest";
import { readText } from "./repository.ts";

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
