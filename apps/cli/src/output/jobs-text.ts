/** Jobs as text: a table of many, or everything about one. */

import type { JobView } from "@gitsync/producer";
import { resultText } from "./result-text.ts";
import { factsText, tableText, timeText } from "./table.ts";

/** One line per job, the newest first; every line ends with a line feed. */
export function jobsText(jobs: readonly JobView[], columns?: number): string {
  if (jobs.length === 0) return "no jobs\n";
  const rows = jobs.map((job) => [
    job.id,
    job.state,
    job.trigger,
    timeText(job.createdAt),
    outcomeOf(job),
    // Routes that no configuration names have a hash for a name.
    job.route.includes("/") ? job.route : job.target,
  ]);
  return tableText(["ID", "STATE", "BY", "SINCE", "OUTCOME", "ROUTE"], rows, columns, new Set([0]));
}

/** Everything about one job. */
export function jobText(job: JobView, options: { readonly verbose: boolean }): string {
  const error = job.error ?? job.report?.error;
  const facts: readonly (readonly [name: string, value: string | undefined])[] = [
    ["job", job.id],
    ["state", job.state],
    ["outcome", job.report?.outcome],
    ["route", job.route],
    ["target", job.target],
    ["asked by", job.trigger],
    ["attempt", String(job.attempt)],
    ["created", timeText(job.createdAt)],
    ["started", job.startedAt === undefined ? undefined : timeText(job.startedAt)],
    ["finished", job.finishedAt === undefined ? undefined : timeText(job.finishedAt)],
    [
      "progress",
      job.progress &&
        `${job.progress.phase}, ${job.progress.sourceBytes} bytes read, ${job.progress.targetBytes} written`,
    ],
    ["trace", job.report?.traceId],
    ["error", error && `${error.message} [${error.code}]`],
    ["remedy", error?.remedy],
  ];
  return (
    factsText(facts) +
    (job.report?.result === undefined ? "" : resultText(job.report.result, { ...options, stats: false }))
  );
}

function outcomeOf(job: JobView): string {
  return job.report?.error?.code ?? job.error?.code ?? job.report?.outcome ?? "-";
}
