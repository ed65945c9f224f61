/** When a route is looked at although nobody hinted it. Pure. */

/** Whole milliseconds, or `auto`: half the time since the last change, from a minute to eight hours. */
export type Interval = number | "auto";

const AUTO_LEAST_MS = 60_000;
const AUTO_MOST_MS = 8 * 3_600_000;
/** Share of the interval that chance moves a look by, half of it to each side. */
const JITTER = 0.2;

export interface ScheduleFacts {
  /** Milliseconds of the store's clock. */
  readonly now: number;
  /** When a run last changed the target; `undefined` when none did yet. */
  readonly lastChangeAt: number | undefined;
  /** From 0 to 1. */
  readonly random: number;
}

/**
 * The next look. A fixed interval has slots of its own for each route, spread by the route's id, so that a fleet
 * that was down comes back to an even load; a look is half an interval away at least.
 */
export function nextDueAt(route: string, every: Interval, facts: ScheduleFacts): number {
  const { now, lastChangeAt = now, random } = facts;
  const shift = (random - 0.5) * JITTER;
  if (every === "auto") {
    const wait = Math.min(AUTO_MOST_MS, Math.max(AUTO_LEAST_MS, (now - lastChangeAt) / 2));
    return Math.trunc(now + wait * (1 + shift));
  }
  const phase = fraction(route) * every;
  const slot = Math.ceil((now - phase) / every) * every + phase;
  const far = slot - now < every / 2 ? slot + every : slot;
  return Math.trunc(far + shift * every);
}

/** FNV-1a over the id, as a number from 0 to 1. */
function fraction(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0;
  }
  return hash / 2 ** 32;
}
