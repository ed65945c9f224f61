/** Whether an address may be used at all, judged by its scheme and path. Network addresses are judged when they are connected to. */

import type { GitService } from "@gitsync/protocol";
import type { EndpointRole } from "../auth.ts";
import { SyncError } from "../errors.ts";
import { liesIn } from "../location/local-path.ts";
import { printLocation, schemeOf, type RemoteLocation } from "../location/location.ts";
import type { EgressPolicy } from "../options.ts";

/** Schemes of a policy that names none. */
const PUBLIC_SCHEMES: readonly string[] = ["https", "ssh"];
const ANY_SCHEMES: readonly string[] = ["https", "http", "ssh", "git", "file"];

/**
 * Refuse what needs the operator's word and does not have it: a scheme, a helper, a folder, a push over `git://`.
 *
 * @throws {SyncError} `EGRESS_DENIED`, or `TRANSPORT_UNSUPPORTED` for a scheme whose helper is not allowed.
 */
export function refuseForbidden(
  egress: EgressPolicy,
  location: RemoteLocation,
  role: EndpointRole,
  service: GitService,
): void {
  const scheme = schemeOf(location);
  const label = printLocation(location);
  if (location.kind === "helper") {
    if (egress.helpers === "any" || egress.helpers?.includes(scheme) === true) return;
    throw new SyncError(
      "TRANSPORT_UNSUPPORTED",
      `Cannot reach the ${role}: ${scheme} is not spoken here, and its remote helper git-remote-${scheme} is not allowed`,
      { role, scheme },
    );
  }
  const denied = (why: string): SyncError =>
    new SyncError("EGRESS_DENIED", `The ${role} may not be reached: ${why}`, { role, scheme });
  const schemes = egress.schemes ?? (egress.addresses === "any" ? ANY_SCHEMES : PUBLIC_SCHEMES);
  if (!schemes.includes(scheme)) throw denied(`the scheme ${scheme} is not allowed (${label})`);
  if (location.kind === "daemon" && service === "git-receive-pack" && egress.gitDaemonPush !== true)
    throw denied(`git:// is for reading only, as it knows no user and encrypts nothing (${label})`);
  if (location.kind !== "path" || egress.paths === undefined) return;
  if (egress.paths.some((folder) => liesIn(location.path, folder))) return;
  throw denied(`${label} lies in no allowed folder`);
}
