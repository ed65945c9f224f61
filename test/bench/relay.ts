/** A child process that relays, and what each relay took. */

import { join } from "node:path";
import type { SyncRequest } from "@gitsync/engine";
import { nodeCommand, startProcess } from "../support/process.ts";
import type { RelayCost, RelayOrder } from "./relay-process.ts";

const MAX_RUN_MS = 20 * 60_000;

export interface Relay extends AsyncDisposable {
  run(request: SyncRequest): Promise<RelayCost>;
}

export function startRelay(): Relay {
  const child = startProcess(nodeCommand, [
    "--conditions=@gitsync/source",
    "--expose-gc",
    join(import.meta.dirname, "relay-process.ts"),
  ]);
  let runs = 0;
  return {
    run: async (request) => {
      runs += 1;
      const order: RelayOrder = { run: runs, request };
      child.write(`${JSON.stringify(order)}\n`);
      const line = await child.waitForLine(new RegExp(`^\\{"run":${runs},`, "u"), { timeoutMs: MAX_RUN_MS });
      const cost: RelayCost = JSON.parse(line);
      return cost;
    },
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}
