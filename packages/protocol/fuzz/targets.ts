// Every parser of the package, for whoever feeds it damaged bytes.

import { answerTargets } from "./answer-targets.ts";
import { messageTargets } from "./message-targets.ts";
import { nameTargets } from "./name-targets.ts";
import { packTargets } from "./pack-targets.ts";
import { refTableTargets } from "./ref-table-targets.ts";
import { requestTargets } from "./request-targets.ts";
import { serverTargets } from "./server-targets.ts";
import { sessionTargets } from "./session-targets.ts";
import type { FuzzTarget } from "./target.ts";

/** All parsers. */
export const TARGETS: readonly FuzzTarget[] = [
  ...answerTargets,
  ...refTableTargets,
  ...requestTargets,
  ...serverTargets,
  ...sessionTargets,
  ...messageTargets,
  ...packTargets,
  ...nameTargets,
];

/** The target of that name. @throws {RangeError} when there is none. */
export function targetNamed(name: string): FuzzTarget {
  const target = TARGETS.find((candidate) => candidate.name === name);
  if (target !== undefined) return target;
  const names = TARGETS.map((candidate) => candidate.name).join(", ");
  throw new RangeError(`There is no parser called ${name}; there are: ${names}`);
}
