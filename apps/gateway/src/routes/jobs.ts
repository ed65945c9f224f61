/** `/v1/jobs`: ask for a sync, look at jobs, cancel one, ask once more. */

import { checkAdhocRequest, type AdhocRequest } from "@gitsync/jobs";
import type { JobQuery, JobView, Producer } from "@gitsync/producer";
import type { FastifyInstance } from "fastify";
import { Problem, type ProblemFault } from "../http/problem.ts";
import { inTime } from "../queue-deadline.ts";
import { acceptedJob, jobSummary } from "./job-document.ts";

const STATES = ["waiting", "delayed", "active", "completed", "failed", "cancelled"] as const;
const MAX_LIMIT = 200;

export interface JobRoutesOptions {
  readonly producer: Producer;
  /** Whether endpoints that no configuration names may be synced. */
  readonly adhoc: boolean;
}

interface JobParams {
  readonly Params: { readonly id: string };
}

export function addJobRoutes(server: FastifyInstance, { producer, adhoc }: JobRoutesOptions): void {
  const config = { role: "api" } as const;
  const jobOf = async (id: string): Promise<JobView> => {
    const job = await inTime(producer.job(id));
    if (job === undefined) throw new Problem("job-not-found", "Finished jobs are forgotten after a while");
    return job;
  };

  server.post("/v1/jobs", { config }, async (request, reply) => {
    if (!adhoc)
      throw new Problem("adhoc-disabled", "Start the gateway with --adhoc, or set adhoc: true in its config");
    const enqueued = await inTime(
      producer.enqueueSync({ ...parseAdhocRequest(request.body), trigger: "person" }),
    );
    return reply.code(202).header("location", `/v1/jobs/${enqueued.id}`).send(acceptedJob(enqueued));
  });

  server.get<{ Querystring: Readonly<Record<string, unknown>> }>("/v1/jobs", { config }, async (request) => {
    const page = await inTime(producer.jobs(parseJobQuery(request.query)));
    return { ...page, jobs: page.jobs.map(jobSummary) };
  });

  server.get<JobParams>("/v1/jobs/:id", { config }, (request) => jobOf(request.params.id));

  server.post<JobParams>("/v1/jobs/:id/cancel", { config }, (request) =>
    inTime(producer.cancel(request.params.id)),
  );

  server.post<JobParams>("/v1/jobs/:id/retry", { config }, async (request, reply) => {
    const enqueued = await inTime(producer.retry(request.params.id));
    return reply.code(202).header("location", `/v1/jobs/${enqueued.id}`).send(acceptedJob(enqueued));
  });
}

function parseAdhocRequest(body: unknown): AdhocRequest {
  const faults = checkAdhocRequest(body);
  if (faults.length === 0) return body as AdhocRequest;
  throw new Problem(
    "request-invalid",
    faults.map((fault) => `${fault.path || "body"} ${fault.message}`).join("; "),
    faults,
  );
}

function parseJobQuery(query: Readonly<Record<string, unknown>>): JobQuery {
  const faults: ProblemFault[] = [];
  const text = (name: string): string | undefined => {
    const value = query[name];
    if (value === undefined || (typeof value === "string" && value !== "")) return value;
    faults.push({ path: name, message: "must be given once, with a value" });
    return undefined;
  };
  for (const name of Object.keys(query)) {
    if (!["state", "route", "limit", "cursor"].includes(name)) {
      faults.push({ path: name, message: "is not known; known here: state, route, limit, cursor" });
    }
  }
  const [stateText, route, limitText, cursor] = [text("state"), text("route"), text("limit"), text("cursor")];
  const state = STATES.find((known) => known === stateText);
  if (stateText !== undefined && state === undefined) {
    faults.push({ path: "state", message: `must be one of ${STATES.join(", ")}` });
  }
  const limit = limitText === undefined ? undefined : Number(limitText);
  if (limit !== undefined && !(Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT)) {
    faults.push({ path: "limit", message: `must be a number from 1 to ${MAX_LIMIT}` });
  }
  if (faults.length > 0) {
    throw new Problem(
      "query-invalid",
      faults.map((fault) => `${fault.path} ${fault.message}`).join("; "),
      faults,
    );
  }
  return {
    ...(state === undefined ? {} : { state }),
    ...(route === undefined ? {} : { route }),
    ...(limit === undefined ? {} : { limit }),
    ...(cursor === undefined ? {} : { cursor }),
  };
}
