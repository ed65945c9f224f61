import { describe, expect, test } from "vitest";
import { exportedNames, generatedSections, withSection } from "./generated-sections.ts";
import { readText } from "./repository.ts";

describe("generated parts of the documents", () => {
  test.for(generatedSections())("$name in $document is what npm run docs writes", (section) => {
    const document = readText(section.document);
    expect(document).toBe(withSection(document, section));
  });
});

describe("exportedNames()", () => {
  test("tells values from types, and takes the name that is seen from outside", () => {
    const source = [
      'export { a, type B, c as d } from "./a.ts";',
      "export type {",
      "  E,",
      "  F as G,",
      '} from "./e.ts";',
      "export const h = 1;",
      "export interface I {}",
    ].join("\n");
    expect(exportedNames(source)).toEqual({ values: ["a", "d", "h"], types: ["B", "E", "G", "I"] });
  });
});
