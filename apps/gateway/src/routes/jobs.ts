/** `/v1/jobs`: ask for a sync, look at jobs, cancel one, ask once more. */

import { checkAdhocRequest, JOB_STATES, type AdhocRequest } from "@gitsync/jobs";
import type { EnqueuedSync, JobView, Producer } from "@gitsync/producer";
import type { FastifyInstance } from "fastify";
import { Problem } from "../http/problem.ts";
import { parseQuery } from "../http/query.ts";
import type { FleetView } from "../mirrors/fleet-view.ts";
import { inTime } from "../queue-deadline.ts";
import { chosenRoute, invalidRequest, noMirror, parseTexts } from "./chosen-route.ts";
import { acceptedJob, jobDocument, jobSummary } from "./job-document.ts";

const MAX_LIMIT = 200;

export interface JobRoutesOptions {
  readonly producer: Producer;
  readonly fleet: FleetView;
  /** Whether endpoints that no configuration names may be synced. */
  readonly adhoc: () => boolean;
}

interface MirrorRequest {
  readonly mirror: string;
  readonly target?: string;
}

interface JobParams {
  readonly Params: { readonly id: string };
}

export function addJobRoutes(server: FastifyInstance, { producer, fleet, adhoc }: JobRoutesOptions): void {
  const config = { role: "api" } as const;
  const jobOf = async (id: string): Promise<JobView> => {
    const job = await inTime(producer.job(id));
    if (job === undefined) throw new Problem("job-not-found", "Finished jobs are forgotten after a while");
    return job;
  };

  const enqueueAdhoc = async (body: unknown): Promise<EnqueuedSync> => {
    if (!adhoc())
      throw new Problem("adhoc-disabled", "Start the gateway with --adhoc, or set adhoc: true in its config");
    return await inTime(producer.enqueueSync({ ...parseAdhocRequest(body), trigger: "person" }));
  };
  const enqueueMirror = async (mirror: string, target: string | undefined): Promise<EnqueuedSync> => {
    const route = chosenRoute(mirror, await inTime(fleet.routesOf(mirror)), target);
    return await inTime(fleet.hint(route, { trigger: "person" }));
  };

  const routeIdsOf = async (mirror: string): Promise<readonly string[]> => {
    const routes = await inTime(fleet.routesOf(mirror));
    if (routes.length === 0) throw noMirror();
    return routes.map(({ definition }) => definition.id);
  };

  server.post("/v1/jobs", { config }, async (request, reply) => {
    const named = parseMirrorRequest(request.body);
    const enqueued =
      named === undefined
        ? await enqueueAdhoc(request.body)
        : await enqueueMirror(named.mirror, named.target);
    return reply.code(202).header("location", `/v1/jobs/${enqueued.id}`).send(acceptedJob(enqueued));
  });

  server.get<{ Querystring: Readonly<Record<string, unknown>> }>("/v1/jobs", { config }, async (request) => {
    const { mirror, ...query } = parseQuery(request.query, {
      states: JOB_STATES,
      texts: ["mirror", "cursor"],
      limit: MAX_LIMIT,
    });
    const routes = mirror === undefined ? undefined : await routeIdsOf(mirror);
    const page = await inTime(producer.jobs({ ...query, ...(routes !== undefined && { routes }) }));
    return { ...page, jobs: page.jobs.map((job) => jobSummary(job, fleet.traceUrlTemplate)) };
  });

  server.get<JobParams>("/v1/jobs/:id", { config }, async (request) =>
    jobDocument(await jobOf(request.params.id), fleet.traceUrlTemplate),
  );

  server.post<JobParams>("/v1/jobs/:id/cancel", { config }, (request) =>
    inTime(producer.cancel(request.params.id)),
  );

  server.post<JobParams>("/v1/jobs/:id/retry", { config }, async (request, reply) => {
    const enqueued = await inTime(producer.retry(request.params.id));
    return reply.code(202).header("location", `/v1/jobs/${enqueued.id}`).send(acceptedJob(enqueued));
  });
}

/** `{ mirror, target? }`; `undefined` for any other body. */
function parseMirrorRequest(body: unknown): MirrorRequest | undefined {
  if (typeof body !== "object" || body === null || !Object.hasOwn(body, "mirror")) return undefined;
  return parseTexts(body, ["mirror"], ["target"]);
}

function parseAdhocRequest(body: unknown): AdhocRequest {
  const faults = checkAdhocRequest(body);
  if (faults.length === 0) return body as AdhocRequest;
  throw invalidRequest(faults);
}
