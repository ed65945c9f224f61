/** `/metrics`: the fleet's figures and what this process counted, for whoever has the token. */

import { METRICS_MEDIA_TYPE, type FleetFigures, type Metrics } from "@gitsync/runtime";
import type { FastifyInstance } from "fastify";
import { inTime, WHOLE_FLEET_MS } from "../queue-deadline.ts";

export interface MetricsOptions {
  readonly metrics: Metrics;
  readonly figures: () => Promise<FleetFigures>;
}

export function addMetricsRoute(server: FastifyInstance, { metrics, figures }: MetricsOptions): void {
  server.get("/metrics", { config: { role: "api", spanName: false } }, async (_request, reply) => {
    const text = await metrics.text(await inTime(figures(), WHOLE_FLEET_MS));
    return reply.type(METRICS_MEDIA_TYPE).send(text);
  });
}
