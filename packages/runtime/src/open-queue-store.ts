/** From an address to a store that answers. */

import { openEmbeddedStore } from "./embedded/open-embedded-store.ts";
import { openPostgresStore } from "./postgres-store.ts";
import type { OpenQueueStoreOptions, QueueStore } from "./queue-store.ts";
import type { QueueUrl } from "./queue-url.ts";
import { openRedisStore } from "./redis-store.ts";

const WAIT_MS = 5_000;

/**
 * Open the store and wait until it answers. With `embedded` this starts the server, or joins the one that another
 * process of the same directory started; `close()` leaves it, and the last one to leave stops it.
 *
 * @throws {RuntimeError} `QUEUE_UNAVAILABLE`, `QUEUE_ACCESS_DENIED`, `QUEUE_STORE_UNSUITABLE` or one of the
 * `EMBEDDED_…` codes; never hangs.
 */
export async function openQueueStore(url: QueueUrl, options: OpenQueueStoreOptions): Promise<QueueStore> {
  const resolved = { waitMs: WAIT_MS, ...options };
  switch (url.kind) {
    case "redis":
      return openRedisStore(url, resolved);
    case "postgres":
      return openPostgresStore(url, resolved);
    case "embedded":
      return openEmbeddedStore(url, resolved);
  }
}
