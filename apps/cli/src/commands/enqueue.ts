/** `git-sync enqueue`: put a sync on the queue for the workers of the fleet. */

import type { CommandContext } from "../command-line/command.ts";
import { EXIT, type ExitStatus } from "../exit-status.ts";
import { reportJson } from "../output/report.ts";
import { openQueueSession } from "../settings/queue-session.ts";
import { readSettings } from "../settings/settings.ts";
import { MIRROR_POLICY, syncRequestOf } from "../settings/sync-request.ts";
import { reportRun, waitForQueuedRun } from "./queued-run.ts";

export async function runEnqueue(context: CommandContext): Promise<ExitStatus> {
  const { flags, terminal } = context;
  const { source, target, scope, policy } = syncRequestOf(context, MIRROR_POLICY);
  await using session = await openQueueSession(context, await readSettings(context), "producer");
  const enqueued = await session.producer.enqueueSync({
    source,
    target,
    ...(scope === undefined ? {} : { scope }),
    ...(policy === undefined ? {} : { policy }),
    trigger: "person",
  });
  if (flags.wait)
    return reportRun(context, enqueued, await waitForQueuedRun(context, session.producer, enqueued));
  const { id, route, state, coalesced, requestedAt } = enqueued;
  if (flags.json) reportJson(terminal, { id, route, state, coalesced, requestedAt });
  else terminal.result(`job ${id} ${state}${coalesced ? " (asked for already)" : ""}\n`);
  return EXIT.ok;
}
