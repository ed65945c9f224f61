/** `/metrics`: the fleet's figures, for whoever has the token. */

import type { Producer } from "@gitsync/producer";
import type { FastifyInstance } from "fastify";
import type { DeliveryCount } from "../metrics/delivery-count.ts";
import { EXPOSITION_TYPE, expositionText } from "../metrics/exposition.ts";
import { fleetMetrics } from "../metrics/fleet-metrics.ts";
import type { FleetView } from "../mirrors/fleet-view.ts";
import { inTime } from "../queue-deadline.ts";

export interface MetricsOptions {
  readonly producer: Producer;
  readonly fleet: FleetView;
  readonly deliveries: DeliveryCount;
}

export function addMetricsRoute(
  server: FastifyInstance,
  { producer, fleet, deliveries }: MetricsOptions,
): void {
  server.get("/metrics", { config: { role: "api" } }, async (_request, reply) => {
    const [mirrors, jobs] = await inTime(Promise.all([fleet.all(), producer.routes.jobCounts()]));
    return reply.type(EXPOSITION_TYPE).send(expositionText(fleetMetrics({ mirrors, jobs, deliveries })));
  });
}
