import { expect, test } from "vitest";
import { listedTests, titlesOf } from "./listed-tests.ts";
import { exists, readText } from "./repository.ts";

test.for([
  ["Scenarios of a mirror, and the tests that hold them", 70],
  ["What the fleet's queue holds, and the tests that show it", 40],
  ["What the Go library got wrong, and the tests that hold it here", 25],
  ["What peers may try, and the tests that nothing comes of it", 40],
  ["The tests that hold these answers", 30, "docs/operations.md"],
] as const)(
  "each row of %j names a test that its file holds",
  ([heading, atLeast, document = "docs/testing.md"]) => {
    const rows = listedTests(readText(document), heading);
    expect(rows.length).toBeGreaterThan(atLeast);
    const missing = rows.filter(({ title, file }) => {
      const path = /^(?:apps|packages)\//u.test(file) ? file : `test/${file}`;
      return !exists(path) || !titlesOf(readText(path)).has(title);
    });
    expect(missing).toEqual([]);
  },
);

test("every habit of a host in docs/transports.md names the test that replays it", () => {
  const [, table = ""] = readText("docs/transports.md").split(
    "\n### What hosts do that stock git does not\n",
  );
  const [, ...rows] = (table.split("\n## ")[0] ?? "").match(/^\| .*\|$/gmu) ?? [];
  expect(rows.length).toBeGreaterThan(30);
  const missing = rows.filter((row) => {
    const [, title = "", file = "engine/remotes/forge-quirks.test.ts"] =
      /\| `([^`|]+)`(?: `([^`|]+)`)? \|$/u.exec(row) ?? [];
    return !exists(`test/${file}`) || !titlesOf(readText(`test/${file}`)).has(title);
  });
  expect(missing).toEqual([]);
});

test("a row without a test is noticed", () => {
  const table = "\n## A part\n\n| a | b | c |\n|---|---|---|\n| **x** | | |\n| what | `title` | `file` |\n";
  expect(listedTests(table, "A part")).toEqual([{ title: "title", file: "file" }]);
  expect(() => listedTests(`${table}| nothing | | |\n`, "A part")).toThrow("names no test: | nothing");
  expect(() => listedTests(table, "Another")).toThrow("no part Another");
});
