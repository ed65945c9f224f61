/** Whether the process lives (`/healthz`) and whether it can do its work (`/readyz`). */

import type { FastifyInstance } from "fastify";
import { Problem } from "../http/problem.ts";
import { inTime } from "../queue-deadline.ts";

/** `ready` rejects while the gateway cannot work. */
export function addHealthRoutes(server: FastifyInstance, ready: () => Promise<void>): void {
  const config = { role: "probe", spanName: false } as const;
  server.get("/healthz", { config }, () => ({ status: "ok" }));
  server.get("/readyz", { config }, async () => {
    try {
      await inTime(ready());
    } catch (cause) {
      throw new Problem("queue-unavailable", "The gateway is up and cannot reach its queue", [], { cause });
    }
    return { status: "ready" };
  });
}
