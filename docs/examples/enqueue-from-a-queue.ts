/**
 * A program with a queue of its own that asks for syncs: what comes out of that queue is confirmed only once
 * git-sync has it, so nothing is lost when either side goes away.
 *
 * The queue stands here as lines on standard input, `{ "id": "1", "mirror": "docs/backup" }` or
 * `{ "id": "2", "source": "https://…", "target": "https://…" }`, and confirmations as lines on standard output.
 * Put your broker's client in their place.
 */

import { createInterface } from "node:readline";
import { createProducer, isProducerError, type EnqueuedSync, type Producer } from "@gitsync/producer";

interface Message {
  readonly id: string;
  readonly mirror?: string;
  readonly source?: string;
  readonly target?: string;
}

const producer = await createProducer({ queueUrl: process.env["GITSYNC_QUEUE_URL"] ?? "embedded:" });
try {
  for await (const line of createInterface({ input: process.stdin })) {
    const message = JSON.parse(line) as Message;
    process.stdout.write(`${await handle(producer, message)}\n`);
  }
} finally {
  await producer.close();
}

/** `ack`: it is durable. `retry`: deliver it again later. `reject`: no later attempt would go better. */
async function handle(queue: Producer, message: Message): Promise<string> {
  try {
    const { route, coalesced } = await enqueue(queue, message);
    return `ack ${message.id} ${route}${coalesced ? " (asked for already)" : ""}`;
  } catch (error) {
    if (!isProducerError(error)) throw error;
    return `${error.retryable ? "retry" : "reject"} ${message.id} ${error.code}: ${error.message}`;
  }
}

function enqueue(queue: Producer, { mirror, source, target }: Message): Promise<EnqueuedSync> {
  if (mirror !== undefined) return queue.enqueueRoute(mirror, { trigger: "schedule" });
  return queue.enqueueSync({
    source: { url: source ?? "" },
    target: { url: target ?? "" },
    trigger: "schedule",
  });
}
