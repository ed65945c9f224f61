/** `npm run docs`: writes the generated parts of the documents. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { generatedSections, withSection } from "./generated-sections.ts";
import { readText, ROOT } from "./repository.ts";
import { print } from "./step.ts";

for (const section of generatedSections()) {
  const before = readText(section.document);
  const after = withSection(before, section);
  if (after === before) continue;
  writeFileSync(join(ROOT, section.document), after);
  print(`wrote ${section.name} in ${section.document}`);
}
