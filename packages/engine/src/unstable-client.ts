/** A client with what is not promised to stay: filling a target for the first time, and fetching alone. */

import { openCore } from "./client-core.ts";
import { clientOf, type Client } from "./client.ts";
import type { CallOptions, ClientOptions } from "./options.ts";
import { resolveBootstrapRequest, resolveFetchRequest } from "./request.ts";
import type { BootstrapRequest, FetchRequest, FetchResult, SyncResult } from "./schema/index.ts";

export interface UnstableClient extends Client {
  /**
   * Fill a target for the first time: makes refs and changes none. A ref that the target has with another value is
   * blocked with the code `already-exists`; one that is as it should be does not matter, so that a run that was cut
   * short can be repeated.
   */
  bootstrap(request: BootstrapRequest, options?: CallOptions): Promise<SyncResult>;
  /** Download what a target with some haves would be sent, check it, count it and forget it. */
  fetch(request: FetchRequest, options?: CallOptions): Promise<FetchResult>;
}

/**
 * Make a client; see `createClient()`.
 *
 * @throws {TypeError} for an egress rule or a limit that is not one.
 */
export function createUnstableClient(options: ClientOptions = {}): UnstableClient {
  const core = openCore(options);
  return {
    ...clientOf(core),
    bootstrap: async (request, call = {}) =>
      core.sync(resolveBootstrapRequest(request), call, { dryRun: false, onlyNew: true }),
    fetch: async (request, call = {}) => core.fetch(resolveFetchRequest(request), call),
  };
}
