/** `git-sync jobs`: look at the jobs of the queue and steer them. */

import type { JobQuery } from "@gitsync/producer";
import { CliError } from "../cli-error.ts";
import { chooseAction } from "../command-line/choose-action.ts";
import type { CommandContext } from "../command-line/command.ts";
import { JOB_STATES } from "@gitsync/jobs";
import { EXIT, type ExitStatus } from "../exit-status.ts";
import { jobsText, jobText } from "../output/jobs-text.ts";
import { reportJson } from "../output/report.ts";
import { readSettings } from "../settings/settings.ts";
import { openQueueSession, type QueueSession } from "../settings/queue-session.ts";

const ACTIONS = ["list", "show", "cancel", "retry"] as const;
type JobsAction = (typeof ACTIONS)[number];

export async function runJobs(context: CommandContext): Promise<ExitStatus> {
  const action = chooseAction(context, ACTIONS);
  const { id } = context.positionals;
  if (action === "list") {
    if (id !== undefined) throw usage(context, `unexpected argument ${JSON.stringify(id)}: list takes none`);
    const query = queryOf(context);
    await using session = await openQueueSession(context, await readSettings(context), "producer");
    return await list(context, session, query);
  }
  if (id === undefined) throw usage(context, `jobs ${action} needs the ID of a job`);
  await using session = await openQueueSession(context, await readSettings(context), "producer");
  return await steer(context, session, action, id);
}

function queryOf(context: CommandContext): JobQuery {
  const { state: stateText, limit: limitText } = context.flags;
  const state = JOB_STATES.find((known) => known === stateText);
  const limit = Number(limitText ?? 50);
  if (!Number.isInteger(limit) || limit < 1 || limit > 200) {
    throw usage(context, "flag --limit needs a number from 1 to 200");
  }
  return { limit, ...(state === undefined ? {} : { state }) };
}

async function list(
  { flags, terminal }: CommandContext,
  session: QueueSession,
  query: JobQuery,
): Promise<ExitStatus> {
  const page = await session.producer.jobs(query);
  if (flags.json) reportJson(terminal, page);
  else terminal.result(jobsText(page.jobs, terminal.columns));
  return EXIT.ok;
}

async function steer(
  { flags, terminal }: CommandContext,
  { producer }: QueueSession,
  action: Exclude<JobsAction, "list">,
  id: string,
): Promise<ExitStatus> {
  if (action === "retry") {
    const accepted = await producer.retry(id);
    if (flags.json) reportJson(terminal, accepted);
    else terminal.result(`job ${accepted.id} ${accepted.state}\n`);
    return EXIT.ok;
  }
  const job = action === "cancel" ? await producer.cancel(id) : await producer.job(id);
  if (job === undefined) throw new CliError("JOB_NOT_FOUND", `Cannot find the job ${JSON.stringify(id)}`);
  if (flags.json) reportJson(terminal, job);
  else if (action === "cancel")
    terminal.result(`job ${job.id} ${job.state === "active" ? "is stopping" : job.state}\n`);
  else terminal.result(jobText(job, { verbose: flags.verbose === true }));
  return EXIT.ok;
}

function usage(context: CommandContext, message: string): CliError {
  return new CliError("USAGE", message, { command: context.command.name });
}
