/** `git-sync enqueue`: put a sync on the queue for the workers of the fleet. */

import type { CommandContext } from "../command-line/command.ts";
import { EXIT, type ExitStatus } from "../exit-status.ts";
import { reportJson } from "../output/report.ts";
import { CliError } from "../cli-error.ts";
import type { FlagName } from "../command-line/flags.ts";
import { openQueueSession } from "../settings/queue-session.ts";
import { readSettings } from "../settings/settings.ts";
import { MIRROR_POLICY, syncRequestOf } from "../settings/sync-request.ts";
import { routesOfMirror } from "./mirrors-steer.ts";
import { reportRun, reportRuns, waitForQueuedRun } from "./queued-run.ts";

/** What may be said about a mirror; everything else is what its configuration says. */
const MIRROR_FLAGS: ReadonlySet<FlagName> = new Set(["wait", "json", "verbose", "queue"]);

export async function runEnqueue(context: CommandContext): Promise<ExitStatus> {
  const { flags, terminal, positionals } = context;
  const { source: named, target: written } = positionals;
  if (named !== undefined && written === undefined) return await enqueueMirror(context, named);
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

/** Every route of a mirror, or the one that is named. */
async function enqueueMirror(context: CommandContext, id: string): Promise<ExitStatus> {
  const { flags, terminal, command } = context;
  const stray = command.flags.find((name) => flags[name] !== undefined && !MIRROR_FLAGS.has(name));
  if (stray !== undefined) {
    const message = `flag --${stray} needs a source and a target: what a mirror does is configured`;
    throw new CliError("USAGE", message, { command: command.name });
  }
  await using session = await openQueueSession(context, await readSettings(context), "producer");
  const { producer } = session;
  const routes = await routesOfMirror(session, id);
  const jobs = await Promise.all(
    routes.map(({ definition }) => producer.enqueueRoute(definition.id, { trigger: "person" })),
  );
  for (const { definition, paused } of routes) {
    if (paused) terminal.note(pausedText(definition.id));
  }
  if (flags.wait) {
    const wait = jobs.map(async (job) => ({ job, report: await waitForQueuedRun(context, producer, job) }));
    return reportRuns(context, await Promise.all(wait));
  }
  const accepted = jobs.map(({ id: job, route, state, coalesced, requestedAt }) => ({
    id: job,
    route,
    state,
    coalesced,
    requestedAt,
  }));
  if (flags.json) reportJson(terminal, { jobs: accepted });
  else
    for (const { id: job, route, state, coalesced } of accepted)
      terminal.result(`job ${job} ${state} ${route}${coalesced ? " (asked for already)" : ""}\n`);
  return EXIT.ok;
}

function pausedText(route: string): string {
  return `${route} is paused: it runs once somebody resumes it, git-sync mirrors resume ${route}\n`;
}
