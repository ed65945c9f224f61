/** `git-sync mirror`: one job through the queue, run by a worker in this process or by whoever takes it first. */

import { createWorker } from "@gitsync/worker";
import type { CommandContext } from "../command-line/command.ts";
import type { ExitStatus } from "../exit-status.ts";
import { formatBytes } from "../output/result-text.ts";
import { createProgressLine, progressOptionsOf } from "../output/progress-line.ts";
import { createCommandLineClient } from "../settings/engine-client.ts";
import { recordResults } from "../settings/recording-client.ts";
import { openQueueSession } from "../settings/queue-session.ts";
import { readSettings } from "../settings/settings.ts";
import { MIRROR_POLICY, syncRequestOf } from "../settings/sync-request.ts";
import { reportRun, waitForQueuedRun } from "./queued-run.ts";

/** Ctrl-C should end within seconds; what the run did is decided by the next one, from the target. */
const GRACE_MS = 1_000;

export async function runMirror(context: CommandContext): Promise<ExitStatus> {
  const { flags, terminal, signal } = context;
  const settings = await readSettings(context);
  const { source, target, scope, policy } = syncRequestOf(
    context,
    MIRROR_POLICY,
    settings.environment.runNow,
  );
  const progress = createProgressLine(terminal, progressOptionsOf(flags));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => progress.end());
  const client = stack.adopt(createCommandLineClient(context, settings), (open) => open.close());
  const recording = recordResults(client, {
    includeUnchanged: flags.verbose === true,
    measure: flags["measure-memory"] === true,
  });
  progress.say("opening the queue");
  const { store, producer, logger } = stack.use(await openQueueSession(context, settings, "both"));
  signal.throwIfAborted();

  const enqueued = await producer.enqueueSync({
    source,
    target,
    ...(scope === undefined ? {} : { scope }),
    ...(policy === undefined ? {} : { policy }),
    trigger: "person",
  });
  let runsHere = false;
  const worker = createWorker({
    store,
    routes: producer.routes,
    client: recording.client,
    logger,
    concurrency: 1,
    only: enqueued.target,
    secrets: settings.secrets,
    graceMs: GRACE_MS,
    onEvent: (route, event) => {
      if (route !== enqueued.route) return;
      runsHere = true;
      progress.observe(event);
    },
  });
  stack.defer(() => worker.close("done"));
  await worker.start();
  const report = await waitForQueuedRun(context, producer, enqueued, {
    onProgress: ({ phase, sourceBytes, bytesPerSecond }) => {
      // Another process took the job: all that is known is what it wrote down.
      if (!runsHere) progress.say(`${phase}  ${formatBytes(sourceBytes)}  ${formatBytes(bytesPerSecond)}/s`);
    },
  });
  progress.end();
  return reportRun(context, enqueued, report, recording.resultOf(report));
}
