/** Lists both sides at once and refuses what cannot be mirrored. */

import { formatRefName, type ObjectFormat } from "@gitsync/protocol";
import { SyncError } from "./errors.ts";
import { desiredRefs, type DesiredRefs } from "./plan/desired.ts";
import type { SourceListing, TargetListing } from "./remote/remote.ts";
import type { Run } from "./run.ts";

export interface Discovery {
  readonly source: SourceListing;
  readonly target: TargetListing;
  readonly objectFormat: ObjectFormat;
  /** What the target should hold. */
  readonly desired: DesiredRefs;
}

/**
 * @throws {SyncError} of the transport, `OBJECT_FORMAT_MISMATCH`, `SOURCE_SHALLOW`, `SOURCE_REF_MISSING`, or
 * `REQUEST_INVALID` for two source refs that would become one.
 */
export function discover(run: Run): Promise<Discovery> {
  run.observe({ type: "phase", phase: "discover" });
  return run.span("git.discover", {}, async (span) => {
    const [source, target] = await both(
      run.source.list(run.request.scope.sourcePrefixes, run.signal),
      run.target.list(run.signal),
    );
    span.setAttributes({
      "git_sync.protocol": source.protocol,
      "git_sync.refs.source": source.refs.size,
      "git_sync.refs.target": target.refs.size,
    });
    refuseUnmirrorable(run, source, target);
    return { source, target, objectFormat: formatOf(source, target), desired: desiredOf(run, source) };
  });
}

/** Both results, or the first failure once both came to rest, so that nothing goes on behind our back. */
async function both<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  const [a, b] = await Promise.allSettled([first, second]);
  if (a.status === "rejected") throw a.reason;
  if (b.status === "rejected") throw b.reason;
  return [a.value, b.value];
}

function refuseUnmirrorable(run: Run, source: SourceListing, target: TargetListing): void {
  if (source.shallow) {
    throw new SyncError("SOURCE_SHALLOW", `The source has a cut-off history: ${run.sourceLabel}`, {
      url: run.sourceLabel,
    });
  }
  // A source without refs may be too old to say its format; with nothing to send it does not matter.
  const differs = target.objectFormat !== undefined && target.objectFormat !== source.objectFormat;
  if (differs && source.refs.size > 0) {
    throw new SyncError(
      "OBJECT_FORMAT_MISMATCH",
      `The source uses ${source.objectFormat} and the target ${target.objectFormat}: ${run.targetLabel}`,
      { source: source.objectFormat, target: target.objectFormat ?? "" },
    );
  }
}

function formatOf(source: SourceListing, target: TargetListing): ObjectFormat {
  return source.refs.size === 0 ? (target.objectFormat ?? source.objectFormat) : source.objectFormat;
}

function desiredOf(run: Run, source: SourceListing): Discovery["desired"] {
  const outcome = desiredRefs(run.request.scope, source.refs);
  if (outcome.ok) return outcome.desired;
  switch (outcome.reason) {
    case "missing":
      throw new SyncError(
        "SOURCE_REF_MISSING",
        `The source lacks ${formatRefName(outcome.source)}: ${run.sourceLabel}`,
        {
          ref: formatRefName(outcome.source),
        },
      );
    case "duplicate":
      throw new SyncError(
        "REQUEST_INVALID",
        `Two source refs would become ${formatRefName(outcome.target)}: ${outcome.sources.map(formatRefName).join(", ")}`,
        { field: "scope", ref: formatRefName(outcome.target) },
      );
  }
}
