/** A gateway of one test, listening on a port of its own. */

import { createGateway, type GatewayOptions } from "@gitsync/gateway";
import { createSilentLogger, DEFAULT_FLEET_CONFIG, NO_METRICS, Secret } from "@gitsync/runtime";

export interface Served extends AsyncDisposable {
  readonly url: string;
}

/** What a gateway needs that most tests do not care about. */
export function gatewayOptions(): Omit<GatewayOptions, "producer"> {
  return {
    logger: createSilentLogger(),
    adhoc: () => true,
    listen: { host: "127.0.0.1", port: 0 },
    config: () => DEFAULT_FLEET_CONFIG,
    metrics: NO_METRICS,
    figures: () => Promise.resolve({}),
    readSecret: (reference) => Promise.resolve(new Secret(JSON.stringify(reference))),
    ready: () => Promise.resolve(),
  };
}

/** Start a gateway; it is closed with the returned value. */
export async function startGateway(
  options: Partial<GatewayOptions> & Pick<GatewayOptions, "producer">,
): Promise<Served> {
  const gateway = createGateway({ ...gatewayOptions(), ...options });
  const url = await gateway.start();
  return { url, [Symbol.asyncDispose]: () => gateway.close() };
}

/** The stable code of a problem, and its status. */
export async function codeOf(response: Response): Promise<string> {
  const problem = (await response.json()) as Readonly<Record<string, unknown>>;
  return `${response.status} ${String(problem["code"])}`;
}
