/** What a run says of the hosts it spoke to. Pure. */

import { isSyncError } from "@gitsync/engine";
import { hostOf, type RouteDefinition } from "@gitsync/jobs";
import type { HostFindings } from "@gitsync/producer";

/** The host's own failures, not the repository's. */
const HOST_FAILURES = new Set(["REMOTE_UNREACHABLE", "REMOTE_TIMEOUT", "REMOTE_UNAVAILABLE"]);

/** `thrown` is what ended the run, `undefined` when it came back with a result; `blockMs` how long a host asked to wait. */
export function hostFindings(
  { source, target, sourceCredential, targetCredential }: RouteDefinition,
  thrown: unknown,
  blockMs: number | undefined,
): HostFindings {
  const hosts = { source: nameOf(source.url), target: nameOf(target.url) };
  if (thrown === undefined) return { answered: Object.values(hosts).filter((host) => host !== "") };
  if (!isSyncError(thrown)) return {};
  const { side } = thrown.details;
  // Pushes are what hosts limit first; without a word about the side it is the target that is spared.
  const [host, credential] =
    side === "source" ? [hosts.source, sourceCredential] : [hosts.target, targetCredential];
  if (host === "") return {};
  // Hosts count the requests of an account; only who shows none is counted by its address, like everybody else here.
  if (blockMs !== undefined)
    return { blocked: { host, ...(credential !== undefined && { credential }), ms: blockMs } };
  if (side === undefined) return {};
  return HOST_FAILURES.has(thrown.code) ? { failed: host } : { answered: [host] };
}

/** An address that is none has no host. */
function nameOf(url: string): string {
  try {
    return hostOf(url);
  } catch {
    return "";
  }
}
