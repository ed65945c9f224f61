/** A command's way to the queue: opened late, because most mistakes show before; closed in the right order. */

import type { Producer } from "@gitsync/producer";
import type { Logger, OpenQueueStoreOptions, QueueStore } from "@gitsync/runtime";
import type { CommandContext } from "../command-line/command.ts";
import { VERSION } from "../version.ts";
import type { Settings } from "./settings.ts";

/** How long a command that only asks waits for the queue's store. */
const ANSWER_MS = 2_000;

export interface QueueSession extends AsyncDisposable {
  readonly store: QueueStore;
  readonly producer: Producer;
  readonly logger: Logger;
}

/**
 * Open the queue that `--queue` or `GITSYNC_QUEUE_URL` names, the embedded one by default. Traces are sent if the
 * environment asks for that; what is left of them goes out when the session ends.
 *
 * @throws {RuntimeError} `QUEUE_URL_INVALID` before anything is started, or why the store cannot be used.
 */
export async function openQueueSession(
  { flags, env, signal }: CommandContext,
  { environment, secrets }: Settings,
  role: OpenQueueStoreOptions["role"],
): Promise<QueueSession> {
  const runtime = await import("@gitsync/runtime");
  const url = runtime.parseQueueUrl(flags.queue ?? environment.queueUrl, env);
  // A person looks at standard error here: log lines only when asked for.
  const level =
    environment.logLevel === "debug" || environment.logLevel === "trace" ? environment.logLevel : "silent";
  const logger = runtime.createLogger({ name: "git-sync", level, secrets });
  await using stack = new AsyncDisposableStack();
  const telemetry = await runtime.startTelemetry({
    serviceName: "git-sync",
    version: VERSION,
    env,
    secrets,
    logger,
  });
  // A person waits for an answer; a process that is to run for long may wait for its queue.
  const waits = role === "producer" ? { waitMs: ANSWER_MS } : {};
  const options = { logger, role, signal, telemetry: runtime.createQueueTelemetry(), ...waits };
  const store = stack.adopt(await runtime.openQueueStore(url, options), (open) => open.close());
  stack.defer(() => telemetry.shutdown());
  const { createProducer } = await import("@gitsync/producer");
  const producer = stack.adopt(await createProducer({ store, logger }), (open) => open.close());
  const owned = stack.move();
  return { store, producer, logger, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
