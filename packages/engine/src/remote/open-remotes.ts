/** From a resolved endpoint to a remote: the one place that chooses a transport, and that asks whether it may. */

import type { GitService } from "@gitsync/protocol";
import type { Tracer } from "@opentelemetry/api";
import type { AuthProvider, EndpointRole } from "../auth.ts";
import type { AddressPolicy } from "../egress/address-policy.ts";
import { refuseForbidden } from "../egress/permission.ts";
import {
  credentialOrigin,
  printLocation,
  type HttpLocation,
  type RemoteLocation,
} from "../location/location.ts";
import type { EgressPolicy, ResolvedLimits } from "../options.ts";
import type { ResolvedEndpoint } from "../request.ts";
import type { ProtocolMode } from "../schema/index.ts";
import { exchangeSpansOf } from "../spans.ts";
import type { GitConnection, TrafficMeter } from "./connection.ts";
import { Credentials } from "./credentials.ts";
import { daemonService } from "./daemon/daemon-service.ts";
import { helperService } from "./remote-helper/helper-service.ts";
import type { GuardedDispatchers } from "./http/guarded-dispatcher.ts";
import { HttpConnection } from "./http/http-connection.ts";
import { localService } from "./local/local-service.ts";
import { LocalTarget } from "./local/local-target.ts";
import type { SourceRemote, TargetRemote } from "./remote.ts";
import { SmartSource } from "./smart-source.ts";
import { SmartTarget } from "./smart-target.ts";
import { sshService } from "./ssh/ssh-service.ts";
import type { OpenChannel } from "./stream/channel.ts";
import type { ChildEnvironment } from "./stream/service-process.ts";
import { StreamConnection } from "./stream/stream-connection.ts";

/** What every remote of a client shares. */
export interface RemoteContext {
  readonly egress: EgressPolicy;
  readonly policy: AddressPolicy;
  readonly dispatchers: GuardedDispatchers;
  readonly auth: AuthProvider;
  readonly agent: string;
  readonly limits: ResolvedLimits;
  readonly environment: ChildEnvironment;
  readonly helperEnvironment: ChildEnvironment;
  readonly ssh: "given" | "user";
  readonly tracer: Tracer;
}

/** One side of a run, as all connections to it share it. */
interface Side {
  readonly context: RemoteContext;
  readonly role: EndpointRole;
  readonly endpoint: ResolvedEndpoint["endpoint"];
  readonly location: RemoteLocation;
  readonly label: string;
  readonly credentials: Credentials;
  readonly meter: TrafficMeter;
}

/** Open the source; nothing is contacted before its first listing. */
export function openSource(
  context: RemoteContext,
  endpoint: ResolvedEndpoint,
  protocol: ProtocolMode,
  meter: TrafficMeter,
): SourceRemote {
  return uploadPackOf(sideOf(context, endpoint, "source", meter), protocol);
}

/** Open the target; nothing is contacted or created before it is asked to. */
export function openTarget(
  context: RemoteContext,
  endpoint: ResolvedEndpoint,
  meter: TrafficMeter,
): TargetRemote {
  const side = sideOf(context, endpoint, "target", meter);
  const { location, label } = side;
  const target = new SmartTarget({
    connection: connectionTo(side, "git-receive-pack", undefined),
    uploadPack: () => uploadPackOf(side, "auto"),
    label,
    agent: context.agent,
    meter,
  });
  return location.kind === "path" ? new LocalTarget(location.path, context.environment, target) : target;
}

function sideOf(
  context: RemoteContext,
  { endpoint, location }: ResolvedEndpoint,
  role: EndpointRole,
  meter: TrafficMeter,
): Side {
  const credentials = new Credentials(context.auth, endpoint, role, credentialOrigin(location));
  return { context, role, endpoint, location, label: printLocation(location), credentials, meter };
}

function uploadPackOf(side: Side, protocol: ProtocolMode): SmartSource {
  const { context, role, label, meter } = side;
  return new SmartSource({
    connection: connectionTo(side, "git-upload-pack", protocol),
    label,
    agent: context.agent,
    limits: context.limits,
    meter,
    side: role,
  });
}

function connectionTo(side: Side, service: GitService, protocol: ProtocolMode | undefined): GitConnection {
  const { context, role, endpoint, location, label, credentials, meter } = side;
  const { limits, egress } = context;
  const gitProtocol = protocol === undefined ? undefined : protocol === "v1" ? "version=1" : "version=2";
  refuseForbidden(egress, location, role, service);
  if (location.kind === "http") {
    return new HttpConnection({
      service,
      role,
      location,
      gitProtocol,
      followRedirect: endpoint.followInfoRefsRedirect ?? false,
      dispatchers: context.dispatchers,
      credentials,
      userAgent: `git/2.39.5 (${context.agent})`,
      limits,
      meter,
    });
  }
  return new StreamConnection({
    service,
    role,
    label,
    openChannel: channelTo(side, location, service, gitProtocol),
    isLocal: location.kind === "path",
    limits,
    meter,
    startSpan: exchangeSpansOf(context.tracer, service, location),
  });
}

function channelTo(
  { context, role, credentials }: Side,
  location: Exclude<RemoteLocation, HttpLocation>,
  service: GitService,
  gitProtocol: string | undefined,
): OpenChannel {
  const { egress, policy, limits, environment, helperEnvironment, ssh } = context;
  switch (location.kind) {
    case "path":
      return localService({ service, role, path: location.path, gitProtocol, environment });
    case "ssh":
      return sshService({
        service,
        role,
        location,
        gitProtocol,
        settings: ssh,
        policy: egress.addresses === "any" ? undefined : policy,
        auth: (signal) => credentials.current(credentialOrigin(location), signal),
        environment,
        limits,
      });
    case "daemon":
      return daemonService({ service, location, gitProtocol, policy, limits });
    case "helper":
      return helperService({ service, role, location, gitProtocol, environment: helperEnvironment, limits });
  }
}
