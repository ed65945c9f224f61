/**
 * `npm run check`: everything that can be said about the sources without a server, in about a minute.
 *
 * `npm run check -- types lint` runs only the named steps. Exit status 1 when a step failed, 2 for a name
 * that is no step. The long ones come first, so that the short ones fill the gaps.
 */

import { availableParallelism } from "node:os";
import { print, runSteps, type Step } from "./step.ts";

const STEPS: readonly Step[] = [
  { name: "unit", command: ["vitest", "run", "--project", "unit", "--reporter=dot"] },
  { name: "lint", command: ["oxlint", "--type-aware", "packages", "apps", "test"] },
  { name: "unused", command: ["knip", "--treat-config-hints-as-errors"] },
  { name: "types", command: ["tsc", "-p", "tsconfig.json"] },
  { name: "build", command: ["turbo", "run", "build", "--output-logs=errors-only"] },
  { name: "boundaries", command: ["turbo", "boundaries"] },
  { name: "format", command: ["oxfmt", "--check", "."] },
  { name: "versions", command: ["sherif"] },
];

const wanted = process.argv.slice(2);
const strangers = wanted.filter((name) => STEPS.every((step) => step.name !== name));

if (strangers.length > 0) {
  print(`no such step: ${strangers.join(", ")}; there are: ${STEPS.map((step) => step.name).join(", ")}`);
  process.exitCode = 2;
} else {
  const steps = wanted.length === 0 ? STEPS : STEPS.filter((step) => wanted.includes(step.name));
  const failed = await runSteps(steps, Math.max(2, availableParallelism()));
  process.exitCode = failed === 0 ? 0 : 1;
}
