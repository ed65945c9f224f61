/** From a resolved endpoint to a remote: the one place that chooses a transport, and that asks whether it may. */

import type { GitService } from "@gitsync/protocol";
import type { AuthProvider, EndpointRole } from "../auth.ts";
import { SyncError } from "../errors.ts";
import { liesIn, printLocation } from "../location.ts";
import type { EgressPolicy, ResolvedLimits } from "../options.ts";
import type { ResolvedEndpoint } from "../request.ts";
import type { ProtocolMode } from "../schema/index.ts";
import type { GitConnection, TrafficMeter } from "./connection.ts";
import type { GuardedDispatchers } from "./http/guarded-dispatcher.ts";
import { HttpConnection } from "./http/http-connection.ts";
import type { ChildEnvironment } from "./process/git-child.ts";
import { LocalTarget } from "./process/local-target.ts";
import { ProcessConnection } from "./process/process-connection.ts";
import type { SourceRemote, TargetRemote } from "./remote.ts";
import { SmartSource } from "./smart-source.ts";
import { SmartTarget } from "./smart-target.ts";

/** What every remote of a client shares. */
export interface RemoteContext {
  readonly egress: EgressPolicy;
  readonly dispatchers: GuardedDispatchers;
  readonly auth: AuthProvider;
  readonly agent: string;
  readonly limits: ResolvedLimits;
  readonly environment: ChildEnvironment;
}

/** Open the source; nothing is contacted before its first listing. */
export function openSource(
  context: RemoteContext,
  side: ResolvedEndpoint,
  protocol: ProtocolMode,
  meter: TrafficMeter,
): SourceRemote {
  return smartSource(context, side, "source", protocol, meter);
}

/** Open the target; nothing is contacted or created before it is asked to. */
export function openTarget(
  context: RemoteContext,
  side: ResolvedEndpoint,
  meter: TrafficMeter,
): TargetRemote {
  const target = new SmartTarget({
    connection: connectionTo(context, side, "target", "git-receive-pack", undefined, meter),
    uploadPack: () => smartSource(context, side, "target", "auto", meter),
    label: printLocation(side.location),
    agent: context.agent,
    meter,
  });
  return side.location.kind === "path"
    ? new LocalTarget(side.location.path, context.environment, target)
    : target;
}

function smartSource(
  context: RemoteContext,
  side: ResolvedEndpoint,
  role: EndpointRole,
  protocol: ProtocolMode,
  meter: TrafficMeter,
): SmartSource {
  return new SmartSource({
    connection: connectionTo(context, side, role, "git-upload-pack", protocol, meter),
    label: printLocation(side.location),
    agent: context.agent,
    limits: context.limits,
    meter,
    side: role,
  });
}

function connectionTo(
  context: RemoteContext,
  side: ResolvedEndpoint,
  role: EndpointRole,
  service: GitService,
  protocol: ProtocolMode | undefined,
  meter: TrafficMeter,
): GitConnection {
  const { location, endpoint } = side;
  const { limits, environment } = context;
  const gitProtocol = protocol === undefined ? undefined : protocol === "v1" ? "version=1" : "version=2";
  refuseForbidden(context.egress, side, role);
  if (location.kind === "http") {
    return new HttpConnection({
      service,
      role,
      location,
      gitProtocol,
      followRedirect: endpoint.followInfoRefsRedirect ?? false,
      dispatchers: context.dispatchers,
      auth: async (_refused, signal) => {
        try {
          return await context.auth.authFor(endpoint, role, signal);
        } catch (cause) {
          signal.throwIfAborted();
          throw new SyncError(
            "AUTH_PROVIDER_FAILED",
            `Cannot get credentials for the ${role}`,
            { role },
            { cause },
          );
        }
      },
      userAgent: `git/2.39.5 (${context.agent})`,
      limits,
      meter,
    });
  }
  // A source of our own is asked with filters on: the answer to "is it a fast-forward" is then commits only.
  const filter = role === "source" ? ["-c", "uploadpack.allowFilter=true"] : [];
  return new ProcessConnection({
    service,
    role,
    label: location.path,
    args: [...filter, service.slice("git-".length), "--", location.path],
    environment: { ...environment, ...(gitProtocol === undefined ? {} : { GIT_PROTOCOL: gitProtocol }) },
    limits,
    meter,
  });
}

/** Paths need the operator's word; addresses are judged when they are connected to. */
function refuseForbidden(egress: EgressPolicy, side: ResolvedEndpoint, role: EndpointRole): void {
  const { location } = side;
  const scheme = location.kind === "http" ? location.origin.slice(0, location.origin.indexOf(":")) : "file";
  const schemes = egress.schemes ?? (egress.addresses === "any" ? ["https", "http", "file"] : ["https"]);
  const label = printLocation(location);
  if (!schemes.includes(scheme)) {
    throw new SyncError(
      "EGRESS_DENIED",
      `The ${role} may not be reached: the scheme ${scheme} is not allowed (${label})`,
      {
        role,
        scheme,
      },
    );
  }
  if (location.kind !== "path" || egress.paths === undefined) return;
  if (egress.paths.some((folder) => liesIn(location.path, folder))) return;
  throw new SyncError("EGRESS_DENIED", `The ${role} may not be reached: ${label} lies in no allowed folder`, {
    role,
  });
}
