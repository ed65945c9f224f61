/** Notifications on both of the queue's stores. */

import { describeWith } from "../support/requirements.ts";
import { describeNotifications } from "./notify.conformance.ts";
import { BACKENDS } from "./support/backends.ts";

for (const kind of BACKENDS) {
  describeWith([kind.needs], `notifications on ${kind.name}`, () => describeNotifications(kind));
}
