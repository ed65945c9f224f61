/** `git-sync worker`, `gateway` and `up`: run until a signal ends them, then close everything in order. */

import type { Producer } from "@gitsync/producer";
import {
  createLogger,
  createQueueTelemetry,
  createShutdown,
  openConfigSource,
  openQueueStore,
  parseQueueUrl,
  SecretReader,
  startMetrics,
  startTelemetry,
  throughOutage,
  type ConfigSource,
  type ListenAddress,
  type Logger,
  type Metrics,
  type QueueStore,
  type Shutdown,
} from "@gitsync/runtime";
import { CliError } from "../cli-error.ts";
import type { CommandContext } from "../command-line/command.ts";
import { EXIT, type ExitStatus } from "../exit-status.ts";
import { QuietCollector } from "../quiet-collector.ts";
import { egressPolicyOf } from "../settings/engine-client.ts";
import { openFleetClient, openFleetHttpClient } from "../settings/fleet-client.ts";
import { openFleetIdentity } from "../settings/fleet-identity.ts";
import { readSettings, type Settings } from "../settings/settings.ts";
import { VERSION } from "../version.ts";

/** What a process of the fleet is made of. */
interface Parts {
  readonly gateway: boolean;
  readonly worker: boolean;
}

const MAX_CONCURRENCY = 1_000;
const WORKER_GRACE_MS = 25_000;
/** For a worker to hand jobs back after its grace. */
const RELEASE_MS = 6_000;
const CLOSE_MS = 5_000;

export function runWorker(context: CommandContext): Promise<ExitStatus> {
  return serve(context, { gateway: false, worker: true });
}

export function runGateway(context: CommandContext): Promise<ExitStatus> {
  return serve(context, { gateway: true, worker: false });
}

export function runUp(context: CommandContext): Promise<ExitStatus> {
  return serve(context, { gateway: true, worker: true });
}

/** What every part of the process shares. */
interface Fleet extends Settings {
  readonly config: ConfigSource;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly store: QueueStore;
  readonly producer: Producer;
  /** Stages run in the reverse order of their addition: the embedded database, added first, stops last. */
  readonly shutdown: Shutdown;
}

async function serve(context: CommandContext, parts: Parts): Promise<ExitStatus> {
  const { flags, env, signal } = context;
  const settings = await readSettings(context);
  const { environment, secrets } = settings;
  const file = flags.config ?? environment.configFile;
  const url = parseQueueUrl(flags.queue ?? environment.queueUrl, env);
  const concurrency = parts.worker ? concurrencyOf(context, settings) : 0;
  const listen = parts.gateway ? await listenOf(context, settings) : undefined;

  const name =
    parts.gateway && parts.worker ? "git-sync" : parts.gateway ? "git-sync-gateway" : "git-sync-worker";
  const logger = createLogger({
    name,
    level: environment.logLevel,
    format: environment.logFormat ?? (context.terminal.interactive ? "pretty" : "json"),
    secrets,
  });
  const config = await openConfigSource({
    file,
    logger,
    accept: ({ egress }) => void egressPolicyOf(egress),
  });
  // Whoever closes a terminal means the end of what runs in it.
  if (!context.terminal.interactive) context.takeHangup(() => void config.reload());
  // Signals arrive at the command line's own watch: a terminal below npm delivers each Ctrl-C twice.
  const shutdown = createShutdown({ logger, signals: [] });
  shutdown.add("configuration", async () => config.close(), CLOSE_MS);
  try {
    const telemetry = await startTelemetry({ serviceName: name, version: VERSION, env, secrets, logger });
    const role = parts.gateway && parts.worker ? "both" : parts.gateway ? "producer" : "worker";
    const store = await openQueueStore(url, { logger, role, signal, telemetry: createQueueTelemetry() });
    shutdown.add("queue store", () => store.close(CLOSE_MS), 2 * CLOSE_MS);
    shutdown.add("telemetry", () => telemetry.shutdown(), CLOSE_MS);
    const metrics = await startMetrics({ serviceName: name, version: VERSION, env, logger });
    shutdown.add("metrics", () => metrics.shutdown(), CLOSE_MS);
    const { createProducer } = await import("@gitsync/producer");
    const producer = await throughOutage(() => createProducer({ store, logger }), { store, logger, signal });
    shutdown.add("queues", () => producer.close(), CLOSE_MS);
    const fleet: Fleet = { ...settings, config, logger, metrics, store, producer, shutdown };
    if (parts.worker) await startWorker(context, fleet, concurrency);
    else await sayAlive(context, fleet);
    if (listen !== undefined) await startGateway(context, fleet, listen);
    await ended(signal);
    await shutdown.run("signal");
    return EXIT.ok;
  } catch (error) {
    await shutdown.run("failed to start");
    throw error;
  }
}

async function startWorker({ env }: CommandContext, fleet: Fleet, concurrency: number): Promise<void> {
  const { config, environment, logger, metrics, store, producer, secrets, shutdown } = fleet;
  const { createWorker, startProbeServer } = await import("@gitsync/worker");
  const http = openFleetHttpClient(config);
  const identity = await openFleetIdentity(() => config.current(), { env, secrets, http });
  shutdown.add("credentials", () => identity.close(), CLOSE_MS);
  const client = openFleetClient(config, env, environment);
  shutdown.add("connections", () => client.close(), CLOSE_MS);
  const reader = new SecretReader({ env, secrets });
  const memory = new QuietCollector();
  shutdown.add("memory", async () => memory.close(), CLOSE_MS);
  const worker = createWorker({
    store,
    routes: producer.routes,
    config: () => config.current(),
    client,
    credentials: identity.credentials,
    logger,
    concurrency,
    secrets,
    metrics,
    notifyOutside: { http, readSecret: (reference) => reader.read(reference) },
    graceMs: WORKER_GRACE_MS,
    onEvent: () => memory.touch(),
  });
  if (environment.workerListen !== undefined) {
    const ready = (): Promise<void> => store.ping();
    const probes = await startProbeServer({ listen: environment.workerListen, ready, metrics, logger });
    shutdown.add("probes", () => probes.close(), CLOSE_MS);
  }
  shutdown.add("jobs", () => worker.close("shutdown"), WORKER_GRACE_MS + RELEASE_MS);
  await worker.start();
}

/** A process that takes no jobs counts all the same when it is settled what is configured. */
async function sayAlive(
  { signal }: CommandContext,
  { config, logger, store, shutdown }: Fleet,
): Promise<void> {
  const { Heartbeat, newId, openFleetStore } = await import("@gitsync/producer");
  const id = `gateway-${newId().slice(-12)}`;
  const say = () => ({ id, capacity: 0, configHash: config.current().hash });
  const patience = { store, logger, signal };
  const state = await throughOutage(() => openFleetStore(store), patience);
  const heartbeat = new Heartbeat(state, say, logger);
  shutdown.add("heartbeat", () => heartbeat.stop(), CLOSE_MS);
  await throughOutage(() => heartbeat.start(), patience);
}

async function startGateway(
  { flags, env, signal }: CommandContext,
  fleet: Fleet,
  listen: ListenAddress,
): Promise<void> {
  const { config, environment, logger, metrics, store, producer, secrets, shutdown } = fleet;
  const reader = new SecretReader({ env, secrets });
  const { createGateway } = await import("@gitsync/gateway");
  const { openFleetStore, readFleetFigures } = await import("@gitsync/producer");
  const state = await throughOutage(() => openFleetStore(store), { store, logger, signal });
  const gateway = createGateway({
    producer,
    logger,
    adhoc: () => flags.adhoc === true || config.current().adhoc,
    listen,
    config: () => config.current(),
    readSecret: (reference) => reader.read(reference),
    metrics,
    figures: () => readFleetFigures(producer.routes, state),
    ready: () => store.ping(),
    ...(environment.apiToken === undefined ? {} : { token: environment.apiToken }),
  });
  shutdown.add("hints", () => gateway.close(CLOSE_MS), CLOSE_MS);
  await gateway.start();
}

/** Where to listen, checked before anything is started. */
async function listenOf({ flags }: CommandContext, { environment }: Settings): Promise<ListenAddress> {
  const { parseListenAddress, requireTokenBeyondLoopback } = await import("@gitsync/gateway");
  const listen = flags.listen === undefined ? environment.listen : parseListenAddress(flags.listen);
  requireTokenBeyondLoopback(listen, environment.apiToken);
  return listen;
}

function concurrencyOf({ flags, command }: CommandContext, { environment }: Settings): number {
  if (flags.concurrency === undefined) return environment.workerConcurrency;
  const concurrency = /^\d{1,4}$/u.test(flags.concurrency) ? Number(flags.concurrency) : 0;
  if (concurrency >= 1 && concurrency <= MAX_CONCURRENCY) return concurrency;
  throw new CliError("USAGE", `flag --concurrency needs a number from 1 to ${MAX_CONCURRENCY}`, {
    command: command.name,
  });
}

function ended(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
