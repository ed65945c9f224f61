import { test } from "vitest";
import * as api from "./index.ts";

test("what the package exports", ({ expect }) => {
  expect(Object.keys(api).toSorted()).toMatchInlineSnapshot(`
    [
      "COMMANDS",
      "CliError",
      "EXIT",
      "FLAGS",
      "commandHelp",
      "exitStatusOfCode",
      "exitStatusOfResult",
      "main",
      "overviewHelp",
    ]
  `);
});
