/** Asks on connections that only listen whether the server is still there: nobody else would ever notice. */

import type { Client } from "pg";

const EVERY_MS = 20_000;
const ANSWER_MS = 5_000;

/** A query that may be given up: the driver knows the setting, its types do not. */
interface BoundedQuery {
  readonly text: string;
  readonly query_timeout: number;
}

const QUESTION: BoundedQuery = Object.freeze({ text: "select 1", query_timeout: ANSWER_MS });

/**
 * A worker that waits for a job hears of it on a connection on which it asks nothing. Where a firewall or a proxy has
 * forgotten that one, with the other side still acknowledging, it hears nothing and no error comes. One that does not
 * answer is broken off, and BullMQ listens on another one.
 *
 * @returns how to stop.
 */
export function watchListeners(clients: ReadonlySet<Client>): () => void {
  const asked = new Set<Client>();
  const timer = setInterval(() => {
    for (const client of clients) {
      if (client.listenerCount("notification") === 0 || asked.has(client)) continue;
      asked.add(client);
      void client
        .query(QUESTION)
        .catch((error: Error) => client.connection.stream.destroy(error))
        .finally(() => asked.delete(client));
    }
  }, EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}
