/** Stock `git daemon` on a free port of the loopback address. */

import { freePort, hostIn } from "./free-port.ts";
import { GIT_ENVIRONMENT } from "./git.ts";
import { startProcess } from "./process.ts";

export interface GitDaemon extends AsyncDisposable {
  readonly port: number;
  /** `git://127.0.0.1:port`, no slash at the end. */
  readonly url: string;
  /** What it logged so far: one line and more for each connection. */
  readonly log: string;
}

/** Serve every repository below `root`: `<root>/a.git` is `<url>/a.git`. */
export async function startGitDaemon(
  root: string,
  options: { readonly receivePack?: boolean; readonly address?: "127.0.0.1" | "::1" } = {},
): Promise<GitDaemon> {
  await using stack = new AsyncDisposableStack();
  const port = await freePort();
  const { address = "127.0.0.1" } = options;
  const daemon = stack.use(
    startProcess(
      "git",
      [
        "daemon",
        "--verbose",
        "--export-all",
        "--reuseaddr",
        `--listen=${address}`,
        `--port=${port}`,
        `--base-path=${root}`,
        `--${options.receivePack === false ? "disable" : "enable"}=receive-pack`,
        "--",
        root,
      ],
      { env: GIT_ENVIRONMENT },
    ),
  );
  await daemon.waitForLine(/Ready to rumble/);
  const owned = stack.move();
  return {
    port,
    url: `git://${hostIn(address)}:${port}`,
    get log() {
      return daemon.output.stderr;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
