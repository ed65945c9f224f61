/** The queue on a PostgreSQL server that somebody else runs. */

import { errorText, RuntimeError } from "./errors.ts";
import type { OpenQueueStoreOptions } from "./queue-store.ts";
import { connectPostgresStore } from "./postgres-connection.ts";
import type { PostgresQueueStore } from "./queue-store.ts";
import type { QueueUrl } from "./queue-url.ts";
import { printQueueUrl } from "./queue-url.ts";

/**
 * Wait for the server, bring BullMQ's schema up to date, open the pool.
 *
 * @throws {RuntimeError} `QUEUE_UNAVAILABLE`, `QUEUE_ACCESS_DENIED` or `QUEUE_STORE_UNSUITABLE`.
 */
export async function openPostgresStore(
  queueUrl: QueueUrl & { readonly kind: "postgres" },
  options: Required<Pick<OpenQueueStoreOptions, "waitMs">> & OpenQueueStoreOptions,
): Promise<PostgresQueueStore> {
  const url = printQueueUrl(queueUrl);
  return connectPostgresStore(
    {
      config: { connectionString: queueUrl.url },
      embedded: false,
      unavailable: (cause) =>
        new RuntimeError(
          "QUEUE_UNAVAILABLE",
          `PostgreSQL at ${url} does not answer (${errorText(cause)}): start it, or name another queue in GITSYNC_QUEUE_URL`,
          { url },
          { cause },
        ),
      accessDenied: (cause) =>
        new RuntimeError(
          "QUEUE_ACCESS_DENIED",
          `PostgreSQL at ${url} refused (${errorText(cause)}): check user, password, database and the right to create a schema`,
          { url },
          { cause },
        ),
    },
    options,
  );
}
