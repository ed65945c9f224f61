/** What looks after routes that nobody hints, on both of the queue's stores. */

import { describeWith } from "../support/requirements.ts";
import { describeConfiguration } from "./configuration.conformance.ts";
import { describeProcesses } from "./processes.conformance.ts";
import { describeSchedule } from "./schedule.conformance.ts";
import { BACKENDS } from "./support/backends.ts";
import { describeSweep } from "./sweep.conformance.ts";

for (const kind of BACKENDS) {
  describeWith([kind.needs], `schedule on ${kind.name}`, () => {
    describeSchedule(kind);
    describeConfiguration(kind);
    describeProcesses(kind);
    describeSweep(kind);
  });
}
