/** A process with one stage that takes as many milliseconds as its argument says. */

import { setTimeout as sleep } from "node:timers/promises";
import { createLogger, createShutdown } from "@gitsync/runtime";

const shutdown = createShutdown({ logger: createLogger({ name: "script" }) });
shutdown.add("database", () => void process.stdout.write("database closed\n"));
shutdown.add(
  "worker",
  async () => {
    process.stdout.write("worker drains\n");
    await sleep(Number(process.argv[2]));
    process.stdout.write("worker drained\n");
  },
  Number(process.argv[3] ?? 25_000),
);
setInterval(() => undefined, 1_000);
process.stdout.write("ready\n");
