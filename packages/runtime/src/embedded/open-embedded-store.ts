/** The queue on the embedded server. */

import type { OpenQueueStoreOptions } from "../queue-store.ts";
import { connectPostgresStore } from "../postgres-connection.ts";
import type { PostgresQueueStore } from "../queue-store.ts";
import type { QueueUrl } from "../queue-url.ts";
import { errorText, RuntimeError } from "../errors.ts";
import { joinEmbeddedServer } from "./join-embedded-server.ts";

/** Join the embedded server of a directory, starting it when nobody did, and open the queue on it. */
export async function openEmbeddedStore(
  queueUrl: QueueUrl & { readonly kind: "embedded" },
  options: Required<Pick<OpenQueueStoreOptions, "waitMs">> & OpenQueueStoreOptions,
): Promise<PostgresQueueStore> {
  const { directory } = queueUrl;
  const membership = await joinEmbeddedServer(directory, options);
  const failed = (cause: unknown): RuntimeError =>
    new RuntimeError(
      "QUEUE_UNAVAILABLE",
      `The embedded queue in ${directory} does not answer (${errorText(cause)}): its log is ${membership.logFile}`,
      { directory },
      { cause },
    );
  try {
    return await connectPostgresStore(
      {
        config: membership.config,
        embedded: true,
        unavailable: failed,
        accessDenied: failed,
        leave: async (deadlineMs) => membership.leave(deadlineMs),
      },
      options,
    );
  } catch (error) {
    await membership.leave(2_000);
    throw error;
  }
}
