/** `/v1/mirrors`: how the fleet is, mirror by mirror, and what a person may do about it. */

import { ROUTE_STATES } from "@gitsync/jobs";
import type { MirrorView } from "@gitsync/producer";
import type { FastifyInstance } from "fastify";
import { parseQuery } from "../http/query.ts";
import type { FleetView } from "../mirrors/fleet-view.ts";
import { inTime, WHOLE_FLEET_MS } from "../queue-deadline.ts";
import { chosenRoute, noMirror, parseTexts } from "./chosen-route.ts";
import { acceptedJob, runSummary } from "./job-document.ts";

const MAX_LIMIT = 1_000;
const RUNS = 20;

interface MirrorParams {
  readonly Params: { readonly id: string };
}

export function addMirrorRoutes(server: FastifyInstance, fleet: FleetView): void {
  const config = { role: "api" } as const;

  server.get<{ Querystring: Readonly<Record<string, unknown>> }>(
    "/v1/mirrors",
    { config },
    async (request) => {
      const {
        state,
        limit = MAX_LIMIT,
        cursor,
      } = parseQuery(request.query, {
        states: ROUTE_STATES,
        texts: ["cursor"],
        limit: MAX_LIMIT,
      });
      const found = (await inTime(fleet.all(), WHOLE_FLEET_MS)).filter(
        (mirror) =>
          (state === undefined || mirror.state === state) && (cursor === undefined || mirror.id > cursor),
      );
      const mirrors = found.slice(0, limit);
      const last = mirrors.at(-1);
      return { mirrors, ...(found.length > limit && last !== undefined ? { cursor: last.id } : {}) };
    },
  );

  server.get<MirrorParams>("/v1/mirrors/:id", { config }, async ({ params: { id } }) => {
    const [mirror, runs] = await inTime(Promise.all([fleet.mirror(id), fleet.runs(id, RUNS)]));
    return { ...required(mirror), runs: runs.map((run) => runSummary(run, fleet.traceUrlTemplate)) };
  });

  server.post<MirrorParams>("/v1/mirrors/:id/sync", { config }, async ({ params: { id } }, reply) => {
    const jobs = required(await inTime(fleet.sync(id, "person")));
    return reply.code(202).send({ jobs: jobs.map(acceptedJob) });
  });

  server.post<MirrorParams>(
    "/v1/mirrors/:id/approve",
    { config },
    async ({ params: { id }, body }, reply) => {
      const { plan, target } = parseTexts(body, ["plan"], ["target"]);
      const route = chosenRoute(id, await inTime(fleet.routesOf(id)), target);
      return reply.code(202).send(acceptedJob(await inTime(fleet.approve(route, plan))));
    },
  );

  for (const [action, paused] of [
    ["pause", true],
    ["resume", false],
  ] as const) {
    server.post<MirrorParams>(
      `/v1/mirrors/:id/${action}`,
      { config },
      async ({ params: { id } }): Promise<MirrorView> => required(await inTime(fleet.setPaused(id, paused))),
    );
  }
}

function required<T>(found: T | undefined): T {
  if (found === undefined) throw noMirror();
  return found;
}
