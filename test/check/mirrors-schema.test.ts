/** The JSON Schema that `git-sync mirrors schema` prints is one that editors' own validators take, and says what ours says. */

import { mirrorsFileSchema, parseConfig, RuntimeError } from "@gitsync/runtime";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { filesOf, readText } from "./repository.ts";

// Strict: a word of the schema that the draft does not know is a fault.
const validate = new Ajv2020({ strict: true, strictRequired: true, allErrors: true }).compile(
  mirrorsFileSchema,
);

/** Mirrors files of the documents: whole files, and what a text shows between its fences. */
const EXAMPLES: readonly (readonly [where: string, text: string])[] = [
  ...["docs/examples/mirrors.yaml", "infra/mirrors.yaml"].map((path) => [path, readText(path)] as const),
  ...filesOf("*.md", "docs/**/*.md", "infra/*.md", "apps/*/README.md").flatMap((path) =>
    [...readText(path).matchAll(/^```yaml\n([\s\S]*?)^```/gmu)]
      .map(([, text = ""]) => [path, text] as const)
      .filter(([, text]) => /^mirrors:/mu.test(text)),
  ),
];

test("there are examples", () => {
  expect(EXAMPLES.length).toBeGreaterThanOrEqual(4);
});

test.for(EXAMPLES)("%s validates", ([, text]) => {
  // A document may show a part of a file.
  const value = { version: 1, ...(parse(text) as object) };
  validate(value);
  expect(validate.errors).toBeNull();
});

test.for([
  "version: 1\nmirors: []\n",
  "mirrors: []\n",
  'version: "1"\n',
  "version: 1\ndefaults: { every: 5 minutes }\n",
  "version: 1\ndefaults: { prune: yes please }\n",
  "version: 1\nhosts: { a.example: { maxConcurrent: 0 } }\n",
  "version: 1\ncredentials: { a: { type: basic, origins: [], token: { env: A } } }\n",
  "version: 1\ncredentials: { a: { type: token, origins: [https://a.example], token: { env: A } } }\n",
  "version: 1\nnotify: { digest: hourly }\n",
  "version: 1\nmirrors: [{ id: a b, source: { url: https://a.example/a }, targets: [{ id: t, url: https://b.example/a }] }]\n",
  "version: 1\nmirrors: [{ id: a, source: { url: https://a.example/a }, targets: [] }]\n",
])("refuses what git-sync refuses: %j", (text) => {
  expect(validate(parse(text))).toBe(false);
  expect(() => parseConfig(text, "mirrors.yaml")).toThrow(RuntimeError);
});
