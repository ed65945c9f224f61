/** A job as it is shown. */

import type { JobView } from "./producer.ts";
import type { JobRecord } from "./state/route-store.ts";

export function jobView(job: JobRecord): JobView {
  const { lane: _lane, requestedAt: _requestedAt, ...view } = job;
  return job.report?.error === undefined ? view : { ...view, error: job.report.error };
}
