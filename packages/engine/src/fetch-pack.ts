/** Downloads the pack of a source's refs, checks it to its trailer, and keeps nothing of it. */

import { formatRefName, parseObjectId, type ObjectId } from "@gitsync/protocol";
import { SyncError } from "./errors.ts";
import type { MeasurementInProgress } from "./measure.ts";
import { PackProgress, type RunMeter } from "./meter.ts";
import type { SyncObserver } from "./observer.ts";
import type { ResolvedLimits } from "./options.ts";
import { releaseGathered } from "./remote/gather.ts";
import type { SourceListing, SourceRemote } from "./remote/remote.ts";
import { printEndpoint, type ResolvedFetchRequest } from "./request.ts";
import type { FetchResult } from "./schema/index.ts";
import { bufferPack } from "./transfer/pack-buffer.ts";

export interface FetchPackInput {
  readonly request: ResolvedFetchRequest;
  readonly source: SourceRemote;
  readonly limits: ResolvedLimits;
  readonly meter: RunMeter;
  readonly measurement: MeasurementInProgress;
  readonly signal: AbortSignal;
  readonly observe: SyncObserver;
}

/** @throws {SyncError} `SOURCE_REF_MISSING` for a have that the source does not list, and whatever a fetch meets. */
export async function fetchPack(input: FetchPackInput): Promise<FetchResult> {
  const { request, source, meter, measurement, signal, observe } = input;
  observe({ type: "phase", phase: "discover" });
  const prefixes = [...request.scope.sourcePrefixes, ...request.haveRefs];
  const listing = await source.list(prefixes, signal);
  const wanted = [...listing.refs].filter(({ name }) => request.scope.targetOf(name) !== undefined);
  const haves = havesOf(request, listing);
  const wants = [...new Set(wanted.map(({ oid }) => oid))].filter((id) => !haves.includes(id));
  const { objects, bytes } =
    wants.length === 0 ? { objects: 0, bytes: 0 } : await download(input, listing, wants, haves);
  return {
    sourceUrl: printEndpoint(request.source),
    requestedMode: request.protocol,
    protocol: listing.protocol,
    wants: wanted.map(({ name, oid }) => ({ name: formatRefName(name), hash: oid })),
    haves: [...haves],
    fetchedObjects: objects,
    fetchedBytes: bytes,
    stats: meter.stats(request.collectStats),
    measurement: measurement.read(),
  };
}

function havesOf({ haveRefs, haves, source }: ResolvedFetchRequest, listing: SourceListing): ObjectId[] {
  const named = haveRefs.map((name) => {
    const id = listing.refs.get(name);
    if (id !== undefined) return id;
    const ref = formatRefName(name);
    throw new SyncError("SOURCE_REF_MISSING", `The source lacks ${ref}: ${printEndpoint(source)}`, { ref });
  });
  const given = haves.map((text) => {
    try {
      return parseObjectId(text, listing.objectFormat);
    } catch (cause) {
      const message = `Cannot use the request: haves has ${text}, which is no ${listing.objectFormat} id`;
      throw new SyncError("REQUEST_INVALID", message, { field: "haves" }, { cause });
    }
  });
  return [...new Set([...named, ...given])];
}

async function download(
  { source, limits, request, meter, signal, observe }: FetchPackInput,
  { objectFormat }: SourceListing,
  wants: readonly ObjectId[],
  haves: readonly ObjectId[],
): Promise<{ readonly objects: number; readonly bytes: number }> {
  observe({ type: "phase", phase: "fetch" });
  meter.asked("source", { wants: wants.length, haves: haves.length });
  const received = new PackProgress("source", observe);
  const answer = source.fetch(
    { wants, haves, thin: haves.length > 0, ofsDelta: true },
    {
      message: (text, isTransient) => observe({ type: "remote-message", side: "source", text, isTransient }),
    },
    signal,
  );
  const pack = await bufferPack(answer, {
    objectFormat,
    memoryBytes: 0,
    spool: undefined,
    maxPackBytes: limits.maxPackBytes,
    guard: undefined,
    label: printEndpoint(request.source),
    onReceived: (bytes, objects) => received.add(bytes, objects),
  });
  try {
    for await (const chunk of pack.body.chunks) releaseGathered(chunk);
    return pack.facts();
  } finally {
    received.finish();
    await pack.close();
  }
}
