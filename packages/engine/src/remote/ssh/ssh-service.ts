/**
 * The one place that starts ssh: a git service of another host through the `ssh` program.
 *
 * The address is looked up and checked here, and ssh is told to connect to just that one; it looks up nothing
 * unless the caller allowed every address.
 */

import { fileURLToPath } from "node:url";
import type { GitService } from "@gitsync/protocol";
import type { EndpointAuth, EndpointRole } from "../../auth.ts";
import type { AddressPolicy } from "../../egress/address-policy.ts";
import { resolveGuarded } from "../../egress/guarded-lookup.ts";
import { SyncError } from "../../errors.ts";
import { printLocation, SSH_PORT, type SshLocation } from "../../location/location.ts";
import type { ResolvedLimits } from "../../options.ts";
import { withIdleLimit } from "../idle-limit.ts";
import type { OpenChannel } from "../stream/channel.ts";
import { ServiceProcess, type ChildEnvironment } from "../stream/service-process.ts";
import { sshArguments } from "./ssh-arguments.ts";
import { sshFailure } from "./ssh-failure.ts";

/** Host keys of the big hosts, as each publishes them; comes with the package. */
const SHIPPED_KNOWN_HOSTS = fileURLToPath(new URL("../../../known_hosts", import.meta.url));

export interface SshServiceOptions {
  readonly service: GitService;
  readonly role: EndpointRole;
  readonly location: SshLocation;
  /** `version=2` or another value of `GIT_PROTOCOL`, which many servers do not accept; they then answer v0. */
  readonly gitProtocol: string | undefined;
  readonly settings: "given" | "user";
  /** Judges the address; `undefined` when any may be used, and ssh may look it up by itself. */
  readonly policy: AddressPolicy | undefined;
  readonly auth: (signal: AbortSignal) => Promise<EndpointAuth>;
  readonly environment: ChildEnvironment;
  readonly limits: ResolvedLimits;
}

export function sshService(options: SshServiceOptions): OpenChannel {
  const { service, role, location, gitProtocol, settings, environment, limits } = options;
  const label = printLocation(location);
  return async (signal) => {
    const auth = await options.auth(signal);
    const address = await checkedAddress(options, label);
    signal.throwIfAborted();
    return new ServiceProcess({
      command: "ssh",
      args: sshArguments({
        service,
        location,
        auth,
        address,
        settings,
        defaultKnownHosts: SHIPPED_KNOWN_HOSTS,
        connectTimeoutMs: limits.connectTimeoutMs,
        idleTimeoutMs: limits.idleTimeoutMs,
      }),
      environment: { ...environment, ...(gitProtocol === undefined ? {} : { GIT_PROTOCOL: gitProtocol }) },
      explain: (end) => sshFailure(end, role, label),
    });
  };
}

function checkedAddress(options: SshServiceOptions, label: string): Promise<string | undefined> {
  const { location, policy, limits, role } = options;
  if (policy === undefined) return Promise.resolve(undefined);
  const { hostname, port = SSH_PORT } = location;
  return withIdleLimit(
    resolveGuarded(hostname, port, policy),
    limits.connectTimeoutMs,
    () =>
      new SyncError("REMOTE_TIMEOUT", `Cannot look up the ${role}'s address in time: ${label}`, {
        side: role,
        url: label,
      }),
  );
}
