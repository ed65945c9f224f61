/** The one place that starts git on repositories of this machine: fixed arguments, and `--` before the path. */

import type { GitService } from "@gitsync/protocol";
import type { EndpointRole } from "../../auth.ts";
import { SyncError } from "../../errors.ts";
import type { OpenChannel } from "../stream/channel.ts";
import { ServiceProcess, type ChildEnvironment, type ProcessEnd } from "../stream/service-process.ts";

export interface LocalServiceOptions {
  readonly service: GitService;
  readonly role: EndpointRole;
  readonly path: string;
  /** `version=2` or another value of `GIT_PROTOCOL`. */
  readonly gitProtocol: string | undefined;
  readonly environment: ChildEnvironment;
}

/** Serve a repository of this machine with git's own upload-pack or receive-pack. */
export function localService(options: LocalServiceOptions): OpenChannel {
  const { service, role, path, gitProtocol, environment } = options;
  // A source of our own is asked with filters on: the answer to "is it a fast-forward" is then commits only.
  const filter = role === "source" ? ["-c", "uploadpack.allowFilter=true"] : [];
  return () =>
    Promise.resolve(
      new ServiceProcess({
        command: "git",
        args: [...filter, service.slice("git-".length), "--", path],
        environment: { ...environment, ...(gitProtocol === undefined ? {} : { GIT_PROTOCOL: gitProtocol }) },
        explain: (end) => openingFailure(end, role, path),
      }),
    );
}

const NO_REPOSITORY = /does not appear to be a git repository|not a git repository|invalid gitfile format/u;

/** Later failures are told by the answer that is cut short. */
function openingFailure(end: ProcessEnd, role: EndpointRole, path: string): SyncError | undefined {
  const details = { side: role, url: path };
  if (end.startError !== undefined) {
    return new SyncError("LOCAL_FAILED", `Cannot run git for the ${role}: ${end.startError}`, details);
  }
  if (end.when !== "opening" || end.said === "") return undefined;
  const code = NO_REPOSITORY.test(end.said) ? "NOT_A_REPOSITORY" : "LOCAL_FAILED";
  return new SyncError(code, `Cannot open the ${role} ${path}: ${end.said}`, details);
}

/**
 * Run git to its end for its effect.
 *
 * @throws {SyncError} `LOCAL_FAILED` with what git said.
 */
export async function runGit(
  args: readonly string[],
  environment: ChildEnvironment,
  signal: AbortSignal,
): Promise<void> {
  const child = new ServiceProcess({
    command: "git",
    args,
    environment,
    explain: ({ startError }) =>
      startError === undefined ? undefined : new SyncError("LOCAL_FAILED", `Cannot run git: ${startError}`),
  });
  const stop = (): void => void child.stop();
  signal.addEventListener("abort", stop, { once: true });
  child.input.end();
  child.output.resume();
  const status = await child.exit();
  signal.removeEventListener("abort", stop);
  signal.throwIfAborted();
  if (status === 0) return;
  throw (
    child.failure("talking") ??
    new SyncError("LOCAL_FAILED", `git ${args[0] ?? ""} failed: ${child.said() || "no message"}`, {
      status: status ?? "killed",
    })
  );
}
