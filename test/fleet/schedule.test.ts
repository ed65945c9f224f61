/** What looks after routes that nobody hints, on both of the queue's stores. */

import { describeWith } from "../support/requirements.ts";
import { describeSchedule } from "./schedule.conformance.ts";
import { describeSweep } from "./sweep.conformance.ts";
import { BACKENDS } from "./support/backends.ts";

for (const kind of BACKENDS) {
  describeWith([kind.needs], `schedule on ${kind.name}`, () => {
    describeSchedule(kind);
    describeSweep(kind);
  });
}
