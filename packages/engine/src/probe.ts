/** Lists a source, and a target when one is named, and says what they can do. Changes nothing. */

import { encodeCapability, formatRefName, type CapabilityList } from "@gitsync/protocol";
import type { MeasurementInProgress } from "./measure.ts";
import type { RunMeter } from "./meter.ts";
import type { SyncObserver } from "./observer.ts";
import type { SourceRemote, TargetRemote } from "./remote/remote.ts";
import { printEndpoint, type ResolvedProbeRequest } from "./request.ts";
import type { ProbeResult } from "./schema/index.ts";

export interface ProbeInput {
  readonly request: ResolvedProbeRequest;
  readonly source: SourceRemote;
  readonly target: TargetRemote | undefined;
  readonly signal: AbortSignal;
  readonly meter: RunMeter;
  readonly measurement: MeasurementInProgress;
  readonly observe: SyncObserver;
}

export async function probe(input: ProbeInput): Promise<ProbeResult> {
  const { request, source, target, signal } = input;
  input.observe({ type: "phase", phase: "discover" });
  const prefixes = request.scope.sourcePrefixes;
  const listing = await source.list(prefixes, signal);
  const targetListing = await target?.list(signal);
  const refs = [...listing.refs].filter(({ name }) => request.scope.targetOf(name) !== undefined);
  return {
    sourceUrl: printEndpoint(request.source),
    ...(request.target === undefined ? {} : { targetUrl: printEndpoint(request.target) }),
    requestedMode: request.protocol,
    protocol: listing.protocol,
    refPrefixes: prefixes,
    sourceCapabilities: printed(listing.capabilities),
    ...(targetListing === undefined ? {} : { targetCapabilities: printed(targetListing.capabilities) }),
    refs: refs.map(({ name, oid: hash }) => ({ name: formatRefName(name), hash })),
    ...(listing.head === undefined ? {} : { sourceHead: formatRefName(listing.head) }),
    ...(listing.headUnborn ? { sourceHeadUnborn: true } : {}),
    objectFormat: listing.objectFormat,
    stats: input.meter.stats(request.collectStats),
    measurement: input.measurement.read(),
  };
}

function printed(capabilities: CapabilityList): readonly string[] {
  return [...capabilities].map(encodeCapability);
}
