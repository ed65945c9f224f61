/**
 * Ends what this process started when it dies without a chance to tidy up: a shell of its own reads the ids of
 * process groups from a pipe, and kills those that are left once the pipe closes.
 */

import { spawn, type ChildProcess } from "node:child_process";

const SCRIPT = `
trap '' INT TERM HUP
groups=' '
while read -r change group; do
  case $change in
    add) groups="$groups$group " ;;
    forget) groups="\${groups%% $group *} \${groups#* $group }" ;;
  esac
done
for group in $groups; do kill -KILL "-$group" 2>/dev/null; done
`;

let shell: ChildProcess | undefined;

/** Kill this process group when the present process ends, however it does. */
export function reapLater(group: number): void {
  shell ??= startShell();
  shell.stdin?.write(`add ${group}\n`);
}

/** The group has ended; its id may soon be another's. */
export function forgetGroup(group: number): void {
  shell?.stdin?.write(`forget ${group}\n`);
}

function startShell(): ChildProcess {
  const started = spawn("/bin/sh", ["-c", SCRIPT], { stdio: ["pipe", "ignore", "ignore"], detached: true });
  started.unref();
  // Neither the shell nor its pipe keeps this process alive.
  const { stdin } = started;
  if (stdin && "unref" in stdin && typeof stdin.unref === "function") stdin.unref();
  stdin?.on("error", () => undefined);
  return started;
}
