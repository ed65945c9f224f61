/** The engine of a fleet's process: one client after the other, as what may be connected to changes. */

import { isDeepStrictEqual } from "node:util";
import type { Client } from "@gitsync/engine";
import type { ConfigSource } from "@gitsync/runtime";
import { createFleetClient } from "./engine-client.ts";

/**
 * Each call goes through the client of the egress rules that are in force when it begins; a run that is under way
 * ends with those it began with.
 *
 * @throws {RuntimeError} `CONFIG_INVALID` for authorities that cannot be read.
 */
export function openFleetClient(
  config: ConfigSource,
  env: NodeJS.ProcessEnv,
  spoolDirectory: string | undefined,
): Client {
  let current = createFleetClient(config.current().egress, env, spoolDirectory);
  const opened = [current];
  const stop = config.onChange(({ egress }, before) => {
    if (isDeepStrictEqual(egress, before.egress)) return;
    current = createFleetClient(egress, env, spoolDirectory);
    opened.push(current);
  });
  return {
    probe: (...call) => current.probe(...call),
    plan: (...call) => current.plan(...call),
    sync: (...call) => current.sync(...call),
    replicate: (...call) => current.replicate(...call),
    close: async () => {
      stop();
      await Promise.all(opened.map((client) => client.close()));
    },
  };
}
