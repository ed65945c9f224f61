/** The route store on both of the queue's stores. */

import { describeWith } from "../support/requirements.ts";
import { describeRouteStore } from "./route-store.conformance.ts";
import { describeRuns } from "./runs.conformance.ts";
import { BACKENDS } from "./support/backends.ts";

for (const kind of BACKENDS) {
  describeWith([kind.needs], `route store on ${kind.name}`, () => {
    describeRouteStore(kind);
    describeRuns(kind);
  });
}
