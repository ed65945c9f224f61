/** Producer and worker on both stores. */

import { describeWith } from "../support/requirements.ts";
import { describeFleet } from "./fleet.conformance.ts";
import { BACKENDS } from "./support/backends.ts";

for (const kind of BACKENDS) {
  describeWith([kind.needs], `fleet on ${kind.name}`, () => describeFleet(kind));
}
