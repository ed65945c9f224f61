import { expect, test } from "vitest";
import { tableText } from "./table.ts";

const ROWS = [
  ["team.repository-with-a-long-name-1000/backup-at-the-other-site", "failing", "2h", "in 12m"],
  ["docs/backup", "ok", "-", "in 3m"],
];
const TITLES = ["ROUTE", "STATE", "LAG", "NEXT"];

test("is as wide as its cells where nothing says how wide a line may be", () => {
  const lines = tableText(TITLES, ROWS).split("\n");
  expect(lines[1]).toBe(
    "team.repository-with-a-long-name-1000/backup-at-the-other-site  failing  2h   in 12m",
  );
  expect(lines[2]?.indexOf("ok")).toBe(lines[1]?.indexOf("failing"));
});

test("leaves out the middle of what is long, so that every column is seen in a narrow terminal", () => {
  expect(tableText(TITLES, ROWS, 60)).toBe(
    `ROUTE                                   STATE    LAG  NEXT
team.repository-wit…-at-the-other-site  failing  2h   in 12m
docs/backup                             ok       -    in 3m
`,
  );
});

test("keeps a column whole that is copied from", () => {
  const [, first = ""] = tableText(TITLES, ROWS, 70, new Set([0])).split("\n");
  expect(first).toContain("team.repository-with-a-long-name-1000/backup-at-the-other-site");
});

test.for([1, 10, 30, 40, 80])("keeps a row on one line of %d characters", (columns) => {
  for (const line of tableText(TITLES, ROWS, columns).split("\n"))
    expect(line.length).toBeLessThanOrEqual(columns);
});
