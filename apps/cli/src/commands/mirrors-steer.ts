/** `git-sync mirrors list|show|pause|resume`: the fleet as its store knows it, and a hand on its brake. */

import { mirrorIdOf, mirrorViews, type MirrorView } from "@gitsync/producer";
import type { RouteStatus, RunReport } from "@gitsync/jobs";
import { CliError } from "../cli-error.ts";
import type { CommandContext } from "../command-line/command.ts";
import { EXIT, type ExitStatus } from "../exit-status.ts";
import { mirrorsText, mirrorText } from "../output/mirrors-text.ts";
import { reportJson } from "../output/report.ts";
import { openQueueSession, type QueueSession } from "../settings/queue-session.ts";
import { readSettings } from "../settings/settings.ts";

/** Runs that `show` tells of. */
const RUNS = 10;

export async function listMirrors(context: CommandContext): Promise<ExitStatus> {
  const { flags, terminal } = context;
  await using session = await openQueueSession(context, await readSettings(context), "producer");
  const routes: RouteStatus[] = [];
  for await (const route of session.producer.allRoutes()) routes.push(route);
  const moment = await session.producer.moment();
  const { now } = moment;
  const mirrors = mirrorViews(routes, moment);
  if (flags.json) reportJson(terminal, { now, mirrors });
  else terminal.result(mirrorsText(mirrors, now, terminal.columns));
  return EXIT.ok;
}

/** Everything about one mirror, or about one route of it. */
export async function showMirror(context: CommandContext, id: string): Promise<ExitStatus> {
  const { flags, terminal } = context;
  await using session = await openQueueSession(context, await readSettings(context), "producer");
  const { mirror, now } = await look(session, id);
  const runs = await runsOf(session, mirror);
  if (flags.json) reportJson(terminal, { now, ...mirror, runs });
  else terminal.result(mirrorText(mirror, runs, now));
  return EXIT.ok;
}

/** Pause or resume a mirror, or one route of it. */
export async function pauseMirror(context: CommandContext, id: string, paused: boolean): Promise<ExitStatus> {
  const { flags, terminal } = context;
  await using session = await openQueueSession(context, await readSettings(context), "producer");
  const { mirror: before } = await look(session, id);
  for (const route of before.routes) {
    if (paused) await session.producer.pause(route.id);
    else await session.producer.resume(route.id);
  }
  const { mirror, now } = await look(session, id);
  if (flags.json) reportJson(terminal, { now, ...mirror });
  else for (const route of mirror.routes) terminal.result(`${route.id} ${paused ? "paused" : "resumed"}\n`);
  return EXIT.ok;
}

/** Let a route carry out the deletes that its last run found to be too many. */
export async function approvePlan(context: CommandContext, route: string, plan: string): Promise<ExitStatus> {
  const { flags, terminal } = context;
  await using session = await openQueueSession(context, await readSettings(context), "producer");
  const { id, requestedAt } = await session.producer.approve(route, plan);
  if (flags.json) reportJson(terminal, { route, plan, job: id, requestedAt });
  else terminal.result(`${route}: plan ${plan} is approved for the next run, job ${id}\n`);
  return EXIT.ok;
}

/**
 * The ids of a mirror's routes, in their order; or of the one route that is named.
 *
 * @throws {CliError} `MIRROR_NOT_FOUND`.
 */
export async function routesOfMirror(
  { producer }: QueueSession,
  id: string,
): Promise<readonly RouteStatus[]> {
  const named = await producer.route(id);
  if (named !== undefined) return [named];
  const routes: RouteStatus[] = [];
  for await (const route of producer.allRoutes()) {
    if (mirrorIdOf(route.definition) === id) routes.push(route);
  }
  if (routes.length > 0) return routes;
  throw new CliError("MIRROR_NOT_FOUND", `Cannot find the mirror or route ${JSON.stringify(id)}`);
}

interface Look {
  readonly mirror: MirrorView;
  readonly now: number;
}

async function look(session: QueueSession, id: string): Promise<Look> {
  const routes = await routesOfMirror(session, id);
  const moment = await session.producer.moment();
  const [mirror] = mirrorViews(routes, moment);
  if (mirror === undefined)
    throw new CliError(
      "MIRROR_NOT_FOUND",
      `${JSON.stringify(id)} belongs to no mirror: nobody configured it`,
    );
  return { mirror, now: moment.now };
}

async function runsOf({ producer }: QueueSession, mirror: MirrorView): Promise<readonly RunReport[]> {
  const reports = await Promise.all(mirror.routes.map(({ id }) => producer.routes.reports(id, RUNS)));
  return reports
    .flat()
    .toSorted((a, b) => b.startedAt - a.startedAt)
    .slice(0, RUNS);
}
