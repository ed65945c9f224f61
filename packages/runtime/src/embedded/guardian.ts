/**
 * Stops the server when its supervisor was killed and nobody took its place.
 *
 * `kill -9` of every Node.js process of a machine takes the supervisor along, and PostgreSQL does not mind losing its
 * parent. So a shell waits beside it, without a timer: it reads from a pipe that only the supervisor holds open.
 */

import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { EmbeddedLayout } from "./layout.ts";

/** Longer than members need to start another supervisor, which then adopts the server. */
const WAIT_SECONDS = 10;

/** $1 the file that names the guardian on duty, $2 this one's name, $3 PostgreSQL's record, $4 the server's pid. */
const SCRIPT = `
  read -r _
  sleep ${WAIT_SECONDS}
  [ "$(cat "$1")" = "$2" ] && [ "$(head -n 1 "$3")" = "$4" ] && kill -INT "$4"
`;

export interface Guardian {
  /** The server is stopped, or another guardian watches it. */
  dismiss(): void;
}

/** Watch over the server from now on; guardians of earlier supervisors stand down. Needs `/bin/sh`, else does nothing. */
export function startGuardian(layout: EmbeddedLayout, serverPid: number): Guardian {
  const onDuty = join(layout.runDirectory, "guardian");
  const name = randomUUID();
  writeFileSync(onDuty, name);
  const record = join(layout.data, "postmaster.pid");
  const child = spawn(
    "/bin/sh",
    ["-c", SCRIPT, "git-sync-guardian", onDuty, name, record, String(serverPid)],
    {
      detached: true,
      env: { PATH: "/usr/bin:/bin" },
      stdio: ["pipe", "ignore", "ignore"],
    },
  );
  child.on("error", () => undefined);
  child.stdin.on("error", () => undefined);
  child.unref();
  return {
    dismiss() {
      child.kill("SIGKILL");
    },
  };
}
