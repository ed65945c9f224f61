/** A worker's own small server: does it live, can it work, what did it count. Nothing here can be changed. */

import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { METRICS_MEDIA_TYPE, type ListenAddress, type Logger, type Metrics } from "@gitsync/runtime";

const TIMEOUT_MS = 5_000;

export interface ProbeServerOptions {
  readonly listen: ListenAddress;
  /** Rejects while the worker cannot work. */
  readonly ready: () => Promise<void>;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

export interface ProbeServer {
  /** `http://host:port` of where it listens. */
  readonly url: string;
  /** End every connection. */
  close(): Promise<void>;
}

/** Serve `/healthz`, `/readyz` and `/metrics`. @throws the system's error when the address cannot be listened on. */
export async function startProbeServer(options: ProbeServerOptions): Promise<ProbeServer> {
  const { listen, ready, metrics, logger } = options;
  const server = createServer(
    { requestTimeout: TIMEOUT_MS, headersTimeout: TIMEOUT_MS },
    (request, response) => {
      const answer = async (): Promise<void> => {
        if (request.method !== "GET" && request.method !== "HEAD") return send(response, 405, "only GET\n");
        switch ((request.url ?? "").split("?", 1)[0] ?? "") {
          case "/healthz":
            return send(response, 200, "ok\n");
          case "/readyz":
            return await ready().then(
              () => send(response, 200, "ready\n"),
              () => send(response, 503, "the queue does not answer\n"),
            );
          case "/metrics":
            return send(response, 200, await metrics.text(), METRICS_MEDIA_TYPE);
          default:
            return send(response, 404, "only /healthz, /readyz and /metrics\n");
        }
      };
      answer().catch((error: unknown) => {
        logger.error({ err: error }, "Cannot answer a probe");
        send(response, 500, "internal\n");
      });
    },
  );
  server.listen(listen.port, listen.host === "" ? undefined : listen.host);
  await once(server, "listening");
  // A server that listens on a port has an address of this kind.
  const { address, port, family } = server.address() as AddressInfo;
  const url = `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
  logger.info({ url }, "Worker shows its health and metrics");
  return {
    url,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function send(
  response: ServerResponse,
  status: number,
  text: string,
  type = "text/plain; charset=utf-8",
): void {
  if (response.headersSent) return;
  response.writeHead(status, {
    "content-type": type,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  response.end(text);
}
