/** Producer and worker together, on both of the queue's stores. */

import { describeWith } from "../support/requirements.ts";
import { describeCoalescing } from "./coalescing.conformance.ts";
import { describeFailures } from "./failures.conformance.ts";
import { describeSteering } from "./steering.conformance.ts";
import { BACKENDS } from "./support/backends.ts";
import { storeOfSuite } from "./support/suite-store.ts";
import { describeTrouble } from "./trouble.conformance.ts";
import { describeUrgency } from "./urgency.conformance.ts";

for (const kind of BACKENDS) {
  describeWith([kind.needs], `fleet on ${kind.name}`, () => {
    const on = storeOfSuite(kind);
    describeCoalescing(on);
    describeUrgency(on);
    describeFailures(on);
    describeSteering(on);
    describeTrouble(on);
  });
}
