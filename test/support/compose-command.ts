/** Docker Compose, as a plugin of Docker or as the program of its own that Debian has. */

import { spawnSync } from "node:child_process";
import { findCommand } from "./commands.ts";

/** The words that start it; `undefined` when this machine lacks it. What only reads files needs no engine. */
export function composeCommand(): readonly [program: string, ...args: string[]] | undefined {
  const docker = findCommand("docker");
  const options = { timeout: 10_000, stdio: "ignore" } as const;
  if (docker !== undefined && spawnSync(docker, ["compose", "version"], options).status === 0)
    return [docker, "compose"];
  const compose = findCommand("docker-compose");
  return compose === undefined ? undefined : [compose];
}
