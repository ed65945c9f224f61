/**
 * Values that both stores accept.
 *
 * PostgreSQL takes neither fractions in its bigint columns nor NUL and lone surrogates in text; a job whose
 * outcome cannot be written stays active until its lock runs out. Everything computed or heard from a peer goes
 * through here before it reaches BullMQ: delays, back-off, rate limits; error texts, progress, log rows.
 */

const MAX_SAFE_MS = Number.MAX_SAFE_INTEGER;

/** Whole, non-negative milliseconds; fractions are cut off, `NaN` is 0. */
export function wholeMs(ms: number): number {
  if (Number.isNaN(ms)) return 0;
  return Math.min(MAX_SAFE_MS, Math.max(0, Math.trunc(ms)));
}

/**
 * Text without NUL and lone surrogates (each becomes U+FFFD), cut to `max` UTF-16 units without splitting a
 * character. An ellipsis marks the cut.
 */
export function storableText(text: string, max = 2_000): string {
  const clean = text.toWellFormed().replaceAll("\0", "\uFFFD");
  if (clean.length <= max) return clean;
  if (max < 1) return "";
  const cut = clean.slice(0, max - 1);
  const last = cut.charCodeAt(cut.length - 1);
  const isHighSurrogate = last >= 0xd800 && last <= 0xdbff;
  return `${isHighSurrogate ? cut.slice(0, -1) : cut}…`;
}
