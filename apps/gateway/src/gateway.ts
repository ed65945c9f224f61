/** The gateway: HTTP in front of the queue. Knows no git; what it accepts is durable before it answers. */

import type { Producer } from "@gitsync/producer";
import type { FleetConfig, FleetFigures, Logger, Metrics, Secret, SecretReference } from "@gitsync/runtime";
import { GatewayError } from "./gateway-error.ts";
import { createServer } from "./http/server.ts";
import { FleetView } from "./mirrors/fleet-view.ts";
import { requireTokenBeyondLoopback, type ListenAddress } from "./listen-address.ts";
import { addBadgeRoute } from "./routes/badge.ts";
import { addHealthRoutes } from "./routes/health.ts";
import { addHookRoutes } from "./routes/hooks.ts";
import { addJobRoutes } from "./routes/jobs.ts";
import { addMetricsRoute } from "./routes/metrics.ts";
import { addMirrorRoutes } from "./routes/mirrors.ts";
import { addPageRoutes } from "./routes/page.ts";

export interface GatewayOptions {
  readonly producer: Producer;
  readonly logger: Logger;
  /** Bearer token of the API. Without one, only this machine is served. */
  readonly token?: Secret;
  /** Whether endpoints that no configuration names may be synced now; asked with each request. */
  readonly adhoc: () => boolean;
  readonly listen: ListenAddress;
  /** The configuration that is in force now; asked for with each request. */
  readonly config: () => FleetConfig;
  /** What this process counts. */
  readonly metrics: Metrics;
  /** Reads the gauges of the whole fleet; asked with each look at the metrics. */
  readonly figures: () => Promise<FleetFigures>;
  /** Reads a secret that the configuration names. */
  readonly readSecret: (reference: SecretReference) => Promise<Secret>;
  /** Resolves when the queue can be reached. */
  readonly ready: () => Promise<void>;
}

export interface Gateway {
  /**
   * Begin to listen.
   *
   * @returns the address as a URL: `http://127.0.0.1:8080`.
   * @throws {GatewayError} `LISTEN_FAILED`.
   */
  start(): Promise<string>;
  /** Accept nothing any more, answer what is under way, and cut off what is left after `deadlineMs` (default 5,000). */
  close(deadlineMs?: number): Promise<void>;
}

/**
 * Make a gateway. Nothing listens before {@link Gateway.start}.
 *
 * @throws {GatewayError} `LISTEN_NEEDS_TOKEN` when other machines could reach it without a token.
 */
export function createGateway(options: GatewayOptions): Gateway {
  const { producer, logger, token, adhoc, listen, config, readSecret, ready, metrics, figures } = options;
  requireTokenBeyondLoopback(listen, token);
  const server = createServer({ logger, token });
  addHealthRoutes(server, ready);
  const fleet = new FleetView({ producer, config });
  addJobRoutes(server, { producer, fleet, adhoc });
  addMirrorRoutes(server, fleet);
  addBadgeRoute(server, fleet);
  addMetricsRoute(server, { metrics, figures });
  addHookRoutes(server, { fleet, logger, readSecret, metrics });
  addPageRoutes(server);
  return {
    start: async () => {
      try {
        const url = await server.listen({ host: listen.host, port: listen.port, listenTextResolver });
        logger.info({ url }, "Gateway listens");
        return url;
      } catch (cause) {
        const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
        throw new GatewayError(
          "LISTEN_FAILED",
          `Cannot listen on ${listen.host}:${listen.port} (${code})`,
          {},
          { cause },
        );
      }
    },
    close: async (deadlineMs = 5_000) => {
      const cut = setTimeout(() => server.server.closeAllConnections(), deadlineMs);
      try {
        await server.close();
      } finally {
        clearTimeout(cut);
      }
    },
  };
}

/** The framework's own line, one per address, is a detail: ours names the address in a field. */
function listenTextResolver(): string {
  return "Server bound";
}
