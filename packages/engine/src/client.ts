/** The library's front door: a client holds connections and limits; each call carries its own request. */

import { openCore, type ClientCore } from "./client-core.ts";
import type { CallOptions, ClientOptions } from "./options.ts";
import { resolveProbeRequest, resolveSyncRequest } from "./request.ts";
import type {
  PlanRequest,
  PlanResult,
  ProbeRequest,
  ProbeResult,
  SyncRequest,
  SyncResult,
} from "./schema/index.ts";

export interface Client {
  /** List a source, and a target when one is named. Changes nothing. */
  probe(request: ProbeRequest, options?: CallOptions): Promise<ProbeResult>;
  /** Say what {@link Client.sync} would do, without changing anything or downloading file content. */
  plan(request: PlanRequest, options?: CallOptions): Promise<PlanResult>;
  /** Make the target equal to the source under the request's policy. */
  sync(request: SyncRequest, options?: CallOptions): Promise<SyncResult>;
  /** {@link Client.sync} with `policy.mode` `replicate`: the target's own history does not count. */
  replicate(request: SyncRequest, options?: CallOptions): Promise<SyncResult>;
  /** Close idle connections. Runs that are under way are not ended; cancel them by their signal. */
  close(): Promise<void>;
}

/**
 * Make a client. Cheap; connections are opened when needed and shared by its calls.
 *
 * @throws {TypeError} for an egress rule or a limit that is not one.
 */
export function createClient(options: ClientOptions = {}): Client {
  return clientOf(openCore(options));
}

export function clientOf(core: ClientCore): Client {
  const kind = { dryRun: false, onlyNew: false };
  return {
    probe: async (request, call = {}) => core.probe(resolveProbeRequest(request), call),
    plan: async (request, call = {}) =>
      core.sync(resolveSyncRequest(request), call, { ...kind, dryRun: true }),
    sync: async (request, call = {}) => core.sync(resolveSyncRequest(request), call, kind),
    replicate: async (request, call = {}) =>
      core.sync(
        resolveSyncRequest({ ...request, policy: { ...request.policy, mode: "replicate" } }),
        call,
        kind,
      ),
    close: () => core.close(),
  };
}
