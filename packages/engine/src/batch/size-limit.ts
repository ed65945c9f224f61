/**
 * What is believed of the size that a target takes in one push, and how evidence changes it. Pure.
 *
 * A limit is told (by the operator, by a table of hosts, by the target's own words) or felt: a push of so many
 * bytes was refused, so the limit lies below. What a transport had taken when the refusal came overstates it,
 * because sockets hold a few MiB that nobody has read.
 */

const MIB = 1024 * 1024;

/** Taken by sockets and intermediaries beyond what the refusing side has read. */
const IN_FLIGHT_BYTES = 4 * MIB;
/** Smaller packs are not made on purpose: below it a refusal has another cause. */
const SMALLEST_LIMIT = 4 * 1024;
/**
 * How much of a limit a pack is meant to use: its size is estimated, never known, before it is asked for. In real
 * histories neighbouring parts differ by half; one that is too large costs a transfer, a smaller one next to nothing.
 */
const FILL = 0.65;

export type LimitBasis =
  /** `targetMaxPackBytes`. */
  | "configured"
  /** An earlier run met it. */
  | "learned"
  /** A published limit of the host. */
  | "known-host"
  /** This run met it. */
  | "met"
  /** The target takes no pack that is not whole, and the spool folder holds no larger one. */
  | "spool"
  /** Pushes broke off in a way that a limit would explain; nothing said so. */
  | "inferred";

export interface SizeLimit {
  readonly basis: LimitBasis;
  /** No larger pack is sent. */
  readonly mostBytes: number;
  /** Packs are asked for that should have this size. */
  readonly aimBytes: number;
}

/** That a push of `bytes` was too large. */
export interface SizeEvidence {
  /** `refused`: the target said so. `deadline`: it took too long. `suspected`: it broke off, and this would explain it. */
  readonly kind: "refused" | "deadline" | "suspected";
  /** The pack's size when it was known whole, else what the transport had taken. */
  readonly bytes: number;
  /** The pack streamed, so `bytes` may hold more than the target has seen. */
  readonly isStreamed: boolean;
  /** A limit that the target named. */
  readonly announcedBytes?: number | undefined;
}

/** A limit that somebody told. */
export function toldLimit(bytes: number, basis: LimitBasis): SizeLimit {
  const mostBytes = Math.max(SMALLEST_LIMIT, Math.floor(bytes));
  return { basis, mostBytes, aimBytes: Math.max(SMALLEST_LIMIT, Math.floor(mostBytes * FILL)) };
}

/** The limit after a push that was too large. Never larger than before. */
export function limitAfterRefusal(before: SizeLimit | undefined, evidence: SizeEvidence): SizeLimit {
  const { kind, bytes, isStreamed, announcedBytes } = evidence;
  const basis = kind === "suspected" ? "inferred" : "met";
  if (announcedBytes !== undefined && (before === undefined || announcedBytes < before.mostBytes)) {
    return toldLimit(announcedBytes, "met");
  }
  // That more than an earlier run met is refused, which was tried because it cannot be divided, is no news.
  if (before?.basis === "learned" && bytes > before.mostBytes) return before;
  const below = Math.max(SMALLEST_LIMIT, Math.min(bytes, before?.mostBytes ?? Number.POSITIVE_INFINITY));
  const inFlight = isStreamed && kind === "refused" ? Math.min(IN_FLIGHT_BYTES, below / 2) : below / 2;
  return {
    basis: before === undefined || before.basis === "inferred" ? basis : before.basis,
    mostBytes: below,
    aimBytes: Math.max(SMALLEST_LIMIT, Math.floor((below - inFlight) * FILL)),
  };
}

/** The limit after a push of `bytes` that was taken: as much may be sent again, unless the operator forbade it. */
export function limitAfterTaken(before: SizeLimit, bytes: number): SizeLimit {
  const mostBytes = before.basis === "configured" ? before.mostBytes : Math.max(before.mostBytes, bytes);
  const aimBytes = Math.max(before.aimBytes, Math.floor(Math.min(bytes, mostBytes) * FILL));
  return aimBytes === before.aimBytes && mostBytes === before.mostBytes
    ? before
    : { ...before, mostBytes, aimBytes };
}

/** The limit as a later run should be told it: aiming at the same size again. */
export function rememberedBytes(limit: SizeLimit): number {
  return Math.min(limit.mostBytes, Math.ceil(limit.aimBytes / FILL));
}

/** Whether nothing smaller than this limit can be aimed at. */
export function isSmallest(limit: SizeLimit): boolean {
  return limit.aimBytes <= SMALLEST_LIMIT;
}

/** What an object of a pack takes, before any was seen: of stock repositories, rather too much than too little. */
export const FIRST_BYTES_PER_OBJECT = 750;

/** Whether a pack of so many objects will be too large, by all that is known. */
export function isTooManyObjects(
  limit: SizeLimit,
  objects: number,
  bytesPerObject = FIRST_BYTES_PER_OBJECT,
): boolean {
  return objects * bytesPerObject > limit.mostBytes;
}

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  k: 1024,
  m: MIB,
  g: 1024 * MIB,
  t: 1024 * 1024 * MIB,
};

/**
 * A limit in the words of a refusal: `pack exceeds maximum allowed size (2.00 GiB)`, `body exceeded size limit
 * 1048576`. A figure that was rounded is taken a little smaller.
 */
export function announcedLimit(words: string): number | undefined {
  const found =
    /(?:exceed\w*|larger than|greater than|over|above|limit(?: of)?)[^\d]{0,40}?(\d{1,15}(?:\.\d{1,3})?)\s*([kmgt]?)(?:i?b|bytes?)?\b/iu.exec(
      words,
    );
  if (found === null) return undefined;
  const [, figure = "", unit = ""] = found;
  const bytes = Number(figure) * (UNITS[unit.toLowerCase()] ?? 1);
  const isRounded = figure.includes(".") || unit !== "";
  const limit = Math.floor(isRounded ? bytes * 0.995 : bytes);
  return limit >= SMALLEST_LIMIT ? limit : undefined;
}

/** Who limits a push, and to how much. */
export function limitText({ basis, mostBytes }: SizeLimit): string {
  switch (basis) {
    case "configured":
      return `the limit that was given is ${mostBytes} bytes (targetMaxPackBytes, --target-max-pack-bytes)`;
    case "known-host":
      return `the host's published limit is ${mostBytes} bytes`;
    case "spool":
      return `the spool folder holds ${mostBytes} bytes`;
    case "learned":
    case "met":
    case "inferred":
      return `the target takes about ${mostBytes} bytes in one push`;
  }
}
