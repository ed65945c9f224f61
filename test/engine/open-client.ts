/** A client that may go anywhere, as the tests' repositories are on this machine. */

import { createClient, type Client, type ClientOptions } from "@gitsync/engine";
import { GIT_ENVIRONMENT } from "../support/git.ts";

export function openClient(options: ClientOptions = {}): Client {
  return createClient({
    egress: { addresses: "any", schemes: ["http", "file"] },
    childEnvironment: GIT_ENVIRONMENT,
    ...options,
  });
}
