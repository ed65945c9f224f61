/** A run's result as text: one line per ref and one summary line, aligned for the eye and stable for `grep`. */

import type { RefResult, SideBytes, SyncResult } from "@gitsync/engine";

const ABBREVIATION = 8;

export interface ResultTextOptions {
  /** Unchanged refs too. */
  readonly verbose: boolean;
  /** Requests and bytes of each phase. */
  readonly stats: boolean;
}

/** Every line ends with a line feed. */
export function resultText(result: SyncResult, options: ResultTextOptions): string {
  const shown = result.refs.filter((ref) => options.verbose || ref.outcome !== "unchanged");
  const width = Math.max(0, ...shown.map((ref) => ref.targetRef.length));
  return [
    ...shown.map((ref) => refLine(ref, width)),
    ...(result.truncated === true ? ["… and more; this report holds the noteworthy refs only"] : []),
    ...leftoverLines(result),
    ...(options.stats ? statsLines(result) : []),
    ...measurementLines(result),
    summaryLine(result),
  ]
    .map((line) => `${line}\n`)
    .join("");
}

/** `update  refs/heads/main  1a2b3c4d..5e6f7a8b  fast-forward` */
function refLine(ref: RefResult, width: number): string {
  const value = (hash: string): string =>
    (hash === "" ? "-" : hash.slice(0, ABBREVIATION)).padEnd(ABBREVIATION);
  const trouble = TROUBLE[ref.outcome];
  const code =
    trouble !== undefined || ref.action === "block" || ref.action === "warn" ? ` [${ref.code}]` : "";
  return [
    ref.action.padEnd(6),
    ref.targetRef.padEnd(width),
    `${value(ref.targetHash)}..${value(ref.sourceHash)}`,
    `${trouble === undefined ? "" : `${trouble}: `}${ref.reason}${code}`,
  ].join("  ");
}

/** What a run could not clear away behind itself: no ref that was asked for, so the summary does not count it. */
function leftoverLines({ execution: { leftovers } }: SyncResult): readonly string[] {
  if (leftovers === undefined) return [];
  const { count, targetRef, reason, code } = leftovers;
  const which = count === 1 ? targetRef : `${targetRef} and ${count - 1} more`;
  return [`left at the target until the next run: ${which}: ${reason} [${code}]`];
}

const TROUBLE: Readonly<Record<RefResult["outcome"], string | undefined>> = {
  planned: undefined,
  unchanged: undefined,
  applied: undefined,
  refused: "refused",
  unknown: "outcome unknown",
  "lease-lost": "moved meanwhile",
  "not-attempted": "not attempted",
};

function summaryLine(result: SyncResult): string {
  const { counts, execution } = result;
  const { dryRun, operationMode, protocol, transferMode } = execution;
  const amounts = [
    amount(counts.applied, "applied"),
    amount(counts.deleted, "deleted"),
    amount(counts.blocked, "blocked"),
    amount(counts.refused, "refused"),
    amount(counts.warned, "warned"),
    amount(counts.unknown, "unknown"),
    amount(counts.skipped, "unchanged"),
    ...(dryRun ? [amount(plannedRefs(result), "planned")] : []),
  ].filter((text) => text !== "");
  const how = [
    operationMode,
    protocol,
    transferMode === "nothing" ? "" : transferMode,
    bytesMoved(result.stats.sides),
  ];
  const facts = how.filter((text) => text !== "").join(", ");
  const { applied, deleted, blocked, refused, warned, unknown } = counts;
  const quiet = applied + deleted + blocked + refused + warned + unknown === 0;
  if (quiet && plannedRefs(result) === 0 && execution.converged) {
    return `nothing to do: ${counts.skipped === 0 ? "no refs to keep equal" : `${refs(counts.skipped)} already equal`} (${facts})`;
  }
  return `${dryRun ? "plan" : "summary"}: ${amounts.length === 0 ? "no refs" : amounts.join(", ")} (${facts})`;
}

function plannedRefs(result: SyncResult): number {
  return result.refs.filter(
    (ref) => ref.outcome === "planned" && ref.action !== "skip" && ref.action !== "block",
  ).length;
}

function refs(count: number): string {
  return count === 1 ? "1 ref" : `${count} refs`;
}

function amount(count: number, word: string): string {
  return count === 0 ? "" : `${count} ${word}`;
}

function bytesMoved(sides: readonly SideBytes[]): string {
  const most = Math.max(0, ...sides.map((side) => side.bytes));
  return most === 0 ? "" : formatBytes(most);
}

/** `12.3 MB`: decimal units, as network rates are given. */
export function formatBytes(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit] ?? ""}`;
}

/** One line per phase; none when nothing was counted. */
export function statsLines(result: Pick<SyncResult, "stats">): readonly string[] {
  if (!result.stats.enabled) return [];
  return Object.entries(result.stats.items)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([phase, item]) =>
        `stats: ${phase}: requests=${item.requests} request-bytes=${item.requestBytes} ` +
        `response-bytes=${item.responseBytes} wants=${item.wants} haves=${item.haves} commands=${item.commands}`,
    );
}

/** One line, or none when nothing was measured. */
export function measurementLines(result: Pick<SyncResult, "measurement">): readonly string[] {
  const { measurement } = result;
  if (!measurement.enabled) return [];
  return [
    `measurement: elapsed-ms=${Math.round(measurement.elapsedMillis)} peak-rss-bytes=${measurement.peakRssBytes} ` +
      `peak-heap-bytes=${measurement.peakHeapBytes} cpu-user-us=${measurement.cpuUserMicros} ` +
      `cpu-system-us=${measurement.cpuSystemMicros} gc-count=${measurement.gcCount}`,
  ];
}
