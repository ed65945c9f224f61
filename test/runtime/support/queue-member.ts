/**
 * A process that uses a queue, steered by lines on its standard input:
 * `add KEY [hang]` (`hang`: the first run never ends), `work`, `ping`, `close`. Every answer is one line. Run as `queue-member.ts QUEUE_URL`.
 */

import { createInterface } from "node:readline";
import { createLogger, openQueueStore, parseQueueUrl, RuntimeError } from "@gitsync/runtime";
import type { QueueStore } from "@gitsync/runtime";

const LANE = "sync.example.com";
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const startedAt = performance.now();
const store = await openQueueStore(parseQueueUrl(process.argv[2], process.env), {
  logger: createLogger({ name: "member", level: "debug" }),
  role: "both",
}).catch((error: unknown) => {
  say(error instanceof RuntimeError ? `refused ${error.code} ${error.message}` : `failed ${String(error)}`);
  process.exit(3);
});
const close = serve(store);

// What a worker does with Ctrl-C: it drains for a while, and needs its queue for that.
process.on("SIGINT", () => {
  setTimeout(() => void close("interrupted"), 1_000);
});
say(`opened ${Math.round(performance.now() - startedAt)}`);

function serve(queueStore: QueueStore): (word: string) => Promise<void> {
  const queue = queueStore.createQueue(LANE);
  let closeWorker = async (): Promise<void> => undefined;
  const commands: Record<string, (words: readonly string[]) => Promise<void>> = {
    async add([key = "k", mode]) {
      const job = await queue.add(
        "sync",
        { key, mode },
        { deduplication: { id: key, keepLastIfActive: true } },
      );
      say(`added ${job.id}`);
    },
    async work() {
      const worker = queueStore.createWorker(
        LANE,
        async (job, _token, _signal) => {
          say(`active ${job.data.key} ${job.id}`);
          if (job.data.mode === "hang" && job.attemptsStarted <= 1) await new Promise(() => undefined);
        },
        { lockDuration: 20_000, stalledInterval: 5_000, maxStalledCount: 1_000 },
      );
      worker.on("completed", (job) => say(`completed ${job.data.key}`));
      closeWorker = async () => worker.close();
      await worker.waitUntilReady();
      say("working");
    },
    async ping() {
      await queueStore.ping();
      say("pong");
    },
    async close() {
      await end("closed");
    },
  };
  const end = async (word: string): Promise<void> => {
    await closeWorker();
    // Whoever drains still needs the queue.
    if (word === "interrupted") await queue.add("sync", { key: "last" });
    await queue.close();
    const at = performance.now();
    await queueStore.close();
    say(`${word} ${Math.round(performance.now() - at)}`);
    process.exit(0);
  };
  createInterface(process.stdin).on("line", (line) => {
    const [command = "", ...words] = line.split(" ");
    commands[command]?.(words).catch((error: unknown) => {
      say(`error ${error instanceof Error ? error.message : String(error)}`);
    });
  });
  return end;
}
