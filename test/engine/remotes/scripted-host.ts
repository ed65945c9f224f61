/** A source and a target with one commit between them, a host of stock git whose answers a test can alter, and runs. */

import type { CallOptions, ClientOptions, SyncRequest, SyncResult } from "@gitsync/engine";
import {
  startNodeGitServer,
  type NodeGitServer,
  type NodeGitServerOptions,
} from "../../support/git-server.ts";
import { commit, createRepository } from "../../support/repository.ts";
import { temporaryFolder, type TemporaryFolder } from "../../support/temporary-folder.ts";
import { openClient } from "../two-sides.ts";

/** Of one run: what is asked for, and a client that is made for it. */
export type HostRun = Pick<SyncRequest, "policy" | "scope"> &
  Pick<CallOptions, "observer"> &
  ClientOptions & {
    /** Default: replicate. */
    readonly mode?: "sync" | "replicate";
  };

export interface ScriptedHost extends AsyncDisposable {
  readonly folder: TemporaryFolder;
  readonly host: NodeGitServer;
  /** Paths of the bare repositories, which are `/source.git` and `/target.git` at the host. */
  readonly source: string;
  readonly target: string;
  /** From the host to a path. */
  fetch(run?: HostRun): Promise<SyncResult>;
  /** From a path to the host. */
  push(run?: HostRun): Promise<SyncResult>;
  /** From the host to the host. */
  relay(run?: HostRun): Promise<SyncResult>;
  /** From one address to another; ends when the host has nothing left to do. */
  run(from: string, to: string, run?: HostRun): Promise<SyncResult>;
}

/** `always` is the policy of every run, before its own. */
export async function openScriptedHost(
  options: NodeGitServerOptions = {},
  always: SyncRequest["policy"] = {},
): Promise<ScriptedHost> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(temporaryFolder("host"));
  const source = await createRepository(folder.join("source.git"));
  const target = await createRepository(folder.join("target.git"));
  await commit(source, "refs/heads/main", { a: "1" });
  const host = stack.use(await startNodeGitServer(folder.path, options));
  const run: ScriptedHost["run"] = async (from, to, asked = {}) => {
    const { policy, scope, observer, mode = "replicate", ...more } = asked;
    const client = openClient({ egress: { addresses: "any" }, ...more });
    try {
      return await client[mode](
        {
          source: { url: from },
          target: { url: to },
          policy: { ...always, ...policy },
          ...(scope && { scope }),
        },
        observer === undefined ? {} : { observer },
      );
    } finally {
      await client.close();
      await host.idle();
    }
  };
  const owned = stack.move();
  return {
    folder,
    host,
    source,
    target,
    run,
    fetch: (asked) => run(`${host.url}/source.git`, target, asked),
    relay: (asked) => run(`${host.url}/source.git`, `${host.url}/target.git`, asked),
    push: (asked) => run(source, `${host.url}/target.git`, asked),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
