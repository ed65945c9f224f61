/** Which queue a target's jobs wait in. */

import { laneOf, type TargetKey } from "@gitsync/jobs";
import type { QueueStore } from "@gitsync/runtime";

/** The one lane of a store where each worker of a lane costs a connection. */
export const SINGLE_LANE = "sync";

/** On Redis a lane for each target host, on Postgres one for all. */
export function laneFor(store: Pick<QueueStore, "kind">, target: TargetKey): string {
  return store.kind === "redis" ? laneOf(target) : SINGLE_LANE;
}
