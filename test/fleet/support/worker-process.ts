/**
 * A worker in a process of its own: `worker-process.ts QUEUE_URL_JSON`. Its runs last until they are aborted,
 * its lines say what happens, SIGTERM ends it in good order. With CLOCK_AHEAD_MS its clock is wrong by that much.
 */

import { createSilentLogger, openQueueStore } from "@gitsync/runtime";
import { createWorker } from "@gitsync/worker";
import { createGate, scriptedClient } from "./scripted-client.ts";
import { convergedResult } from "./routes.ts";

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const ahead = Number(process.env["CLOCK_AHEAD_MS"] ?? "0");
const { now } = Date;
Date.now = () => now() + ahead;
const logger = createSilentLogger();
const store = await openQueueStore(JSON.parse(process.argv[2] ?? ""), { logger, role: "worker" });
const gate = createGate();
const client = scriptedClient(async (request, { signal }) => {
  say(`run ${request.target.url}`);
  signal?.addEventListener("abort", () => say(`stopped ${String(signal.reason)}`));
  await gate.wait(signal);
  return convergedResult();
});
const worker = createWorker({ store, client, logger, graceMs: 300 });
process.once("SIGTERM", () => {
  void worker
    .close("shutdown")
    .then(() => store.close())
    .then(() => process.exit(0));
});

await worker.start();
say("ready");
