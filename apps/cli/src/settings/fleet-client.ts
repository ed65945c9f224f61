/** What a fleet's process connects with: one client after the other, as what may be connected to changes. */

import { isDeepStrictEqual } from "node:util";
import { createHttpClient, type Client, type HttpClient } from "@gitsync/engine";
import type { ConfigSource, EgressConfig } from "@gitsync/runtime";
import { createFleetClient, egressPolicyOf, type SpoolSettings } from "./engine-client.ts";

/**
 * The engine. Each call goes through the client of the egress rules that are in force when it begins; a run that is
 * under way ends with those it began with.
 *
 * @throws {RuntimeError} `CONFIG_INVALID` for authorities that cannot be read.
 */
export function openFleetClient(config: ConfigSource, env: NodeJS.ProcessEnv, spool: SpoolSettings): Client {
  const { current, close } = following(config, (egress) => createFleetClient(egress, env, spool));
  return {
    probe: (...call) => current().probe(...call),
    plan: (...call) => current().plan(...call),
    sync: (...call) => current().sync(...call),
    replicate: (...call) => current().replicate(...call),
    close,
  };
}

/** For notifications and the APIs that give tokens, under the same rules. */
export function openFleetHttpClient(config: ConfigSource): HttpClient {
  const open = (egress: EgressConfig): HttpClient => createHttpClient({ egress: egressPolicyOf(egress) });
  const { current, close } = following(config, open);
  return { request: (request) => current().request(request), close };
}

interface Following<T> {
  readonly current: () => T;
  readonly close: () => Promise<void>;
}

/** One of them for each set of egress rules that came into force; all are closed together. */
function following<T extends { close(): Promise<void> }>(
  config: ConfigSource,
  open: (egress: EgressConfig) => T,
): Following<T> {
  let current = open(config.current().egress);
  const opened = [current];
  const stop = config.onChange(({ egress }, before) => {
    if (isDeepStrictEqual(egress, before.egress)) return;
    current = open(egress);
    opened.push(current);
  });
  return {
    current: () => current,
    close: async () => {
      stop();
      await Promise.all(opened.map((each) => each.close()));
    },
  };
}
