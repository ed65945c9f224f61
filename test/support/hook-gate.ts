/**
 * Stops a repository in the middle of its work: a hook waits there until the test lets it go on.
 *
 * Lines are those that git gives the hook, with the hook's name and argument before them:
 * `pre-receive OLD NEW REF`, `reference-transaction prepared OLD NEW REF`, `… committed …`.
 */

import { existsSync } from "node:fs";
import { chmod, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

export interface HookGate extends AsyncDisposable {
  /** From now on, the first hook that is given a line that matches waits. An extended regular expression of grep. */
  close(line: string): Promise<void>;
  /** Resolves when a hook waits. */
  reached(): Promise<void>;
  /** Let the hook go on, and stop none. */
  open(): Promise<void>;
}

const HOOKS = ["pre-receive", "reference-transaction"] as const;
const PATIENCE_MS = 120_000;

/** Install the gate in a bare repository; hooks of these names are replaced. */
export async function installHookGate(repository: string): Promise<HookGate> {
  const folder = join(repository, "gitsync-test-gate");
  const [wanted, reached] = [join(folder, "wanted"), join(folder, "reached")];
  await mkdir(folder, { recursive: true });
  await mkdir(join(repository, "hooks"), { recursive: true });
  for (const hook of HOOKS) {
    const path = join(repository, "hooks", hook);
    // Only one hook can move the file, so only one waits.
    await writeFile(
      path,
      `#!/bin/sh
[ -e '${wanted}' ] || exit 0
sed "s|^|${hook}\${1:+ $1} |" | grep -qE -f '${wanted}' || exit 0
mv '${wanted}' '${reached}' 2>/dev/null || exit 0
while [ -e '${reached}' ]; do sleep 0.02; done
`,
    );
    await chmod(path, 0o755);
  }
  const open = async (): Promise<void> => {
    await rm(wanted, { force: true });
    await rm(reached, { force: true });
  };
  return {
    close: async (line) => {
      await writeFile(`${wanted}.new`, `${line}\n`);
      await rename(`${wanted}.new`, wanted);
    },
    reached: async () => {
      const deadline = performance.now() + PATIENCE_MS;
      while (!existsSync(reached)) {
        if (performance.now() > deadline) throw new Error(`no hook came to the gate of ${repository}`);
        await wait(10);
      }
    },
    open,
    [Symbol.asyncDispose]: open,
  };
}
