/** When the sweep has to look at a route, so that both stores agree. */

/** A dirty route is left to the queue for this long. */
export const LEFT_TO_QUEUE_MS = 30_000;

/** A route that was named to the sweep is not named again for this long. */
export const NAMED_AGAIN_MS = 60_000;

/** How long a route that left the configuration is remembered. */
export const RETIRED_KEEP_MS: number = 7 * 24 * 60 * 60 * 1000;

/** How long a webhook's delivery id is remembered. */
export const DELIVERY_KEEP_MS: number = 24 * 60 * 60 * 1000;
