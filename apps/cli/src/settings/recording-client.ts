/** Keeps the whole results of the runs of this process: what the queue's state store keeps of a run is cut short. */

import type { CallOptions, Client, SyncRequest, SyncResult } from "@gitsync/engine";
import type { RunReport } from "@gitsync/jobs";

export interface RecordingClient {
  /** For the worker: each sync is asked for what the command line wants to show, and its result is kept. */
  readonly client: Client;
  /** The result of the run that a report is about: whole when it ran here, as reported when it ran elsewhere. */
  resultOf(report: RunReport): SyncResult | undefined;
}

export interface RecordingOptions {
  readonly includeUnchanged: boolean;
  readonly measure: boolean;
}

export function recordResults(
  client: Client,
  { includeUnchanged, measure }: RecordingOptions,
): RecordingClient {
  const results: SyncResult[] = [];
  const keep = (error: unknown): never => {
    if (error instanceof Error && "result" in error && error.result !== undefined) {
      results.push(error.result as SyncResult);
    }
    throw error;
  };
  const sync = async (request: SyncRequest, options: CallOptions = {}): Promise<SyncResult> => {
    const result = await client.sync({ ...request, includeUnchanged }, { ...options, measure }).catch(keep);
    results.push(result);
    return result;
  };
  return {
    client: { ...client, sync },
    resultOf: ({ result }) =>
      // Nanoseconds of a run tell it from every other run of this process.
      results.find((whole) => whole.stats.elapsedNanos === result?.stats.elapsedNanos) ?? result,
  };
}
