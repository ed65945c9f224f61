/** What is known of hosts, on both of the queue's stores. */

import { describeWith } from "../support/requirements.ts";
import { describeHosts } from "./hosts.conformance.ts";
import { BACKENDS } from "./support/backends.ts";

for (const kind of BACKENDS) {
  describeWith([kind.needs], `hosts on ${kind.name}`, () => describeHosts(kind));
}
