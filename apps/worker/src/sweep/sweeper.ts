/** What one worker at a time does for the whole fleet: reconcile, feed the lanes, raise old jobs. */

import type { FleetConfig, Logger } from "@gitsync/runtime";
import type { FleetStore, HintWay } from "@gitsync/producer";
import type { Notifier } from "../notify/notifier.ts";
import { feedLanes, raiseOldJobs } from "./feed.ts";
import { reconcile } from "./reconcile.ts";
import type { RotationWatch } from "./rotation-watch.ts";
import { StoreWatch } from "./store-watch.ts";

const EVERY_MS = 15_000;
/** While there is more to do than there was room for. */
const SOON_MS = 1_000;
const LEASE = "sweep";
/** Longer than a turn and the pause after it; a worker that dies with the lease is replaced this late. */
const LEASE_MS = 40_000;

export interface SweeperOptions {
  readonly way: HintWay;
  readonly fleet: FleetStore;
  readonly holder: string;
  readonly config: () => FleetConfig;
  readonly logger: Logger;
  /** Tells people what the sweep finds. */
  readonly notifier?: Notifier;
  /** Sees when a secret is another one. */
  readonly rotation?: Pick<RotationWatch, "turn">;
}

export class Sweeper {
  readonly #options: SweeperOptions;
  readonly #store: StoreWatch;
  #timer: NodeJS.Timeout | undefined;
  #turning: Promise<void> | undefined;
  #telling: Promise<void> | undefined;
  #isLookingForRotations = false;
  #isClosed = false;
  /** How far the jobs that wait were looked through. */
  #raisedTo: string | undefined;

  constructor(options: SweeperOptions) {
    this.#options = options;
    this.#store = new StoreWatch(options.way.routes, options.fleet, options.logger);
  }

  /** Begin now, and go on until `close`. */
  start(): void {
    this.#schedule(0);
  }

  /** One turn. @returns true when there may be more to do at once; false as well when another worker sweeps. */
  async turn(): Promise<boolean> {
    const { way, fleet, holder, config, logger } = this.#options;
    if (!(await fleet.takeLease(LEASE, holder, LEASE_MS))) {
      this.#store.leave();
      return false;
    }
    await this.#store.turn();
    const { stored, retired } = await reconcile(way.routes, fleet, config());
    if (stored + retired > 0) logger.info({ stored, retired }, "Routes follow the configuration");
    this.#lookForRotations();
    const { hinted, isFull } = await feedLanes(way, fleet);
    if (hinted > 0) logger.debug({ hinted }, "Fed the lanes");
    this.#raisedTo = await raiseOldJobs(way, this.#raisedTo);
    this.#tell();
    return isFull;
  }

  /** Let somebody else do it. Resolves when the turn that is under way is over. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#turning;
    await this.#telling;
    await this.#options.fleet.dropLease(LEASE, this.#options.holder).catch(() => undefined);
  }

  /** Not waited for: whoever is told may be slow, and the fleet must not be. */
  #tell(): void {
    const { notifier, logger } = this.#options;
    this.#telling ??= notifier
      ?.turn()
      .catch((error: unknown) => logger.warn({ err: error }, "Cannot tell what changed; it is told later"))
      .finally(() => (this.#telling = undefined));
  }

  /** Not waited for either: a program that prints a secret may hang, and nothing else needs what it says. */
  #lookForRotations(): void {
    const { rotation, config, logger } = this.#options;
    if (rotation === undefined || this.#isLookingForRotations) return;
    this.#isLookingForRotations = true;
    rotation
      .turn(config().credentials.keys())
      .catch((error: unknown) => {
        if (!this.#isClosed)
          logger.warn({ err: error }, "Cannot look for rotated secrets; it is tried again");
      })
      .finally(() => (this.#isLookingForRotations = false));
  }

  #schedule(ms: number): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#turning = this.#turnAndSchedule();
    }, ms);
  }

  async #turnAndSchedule(): Promise<void> {
    let isFull = false;
    try {
      isFull = await this.turn();
    } catch (error) {
      this.#options.logger.warn({ err: error }, "The sweep failed; it is tried again");
    }
    this.#schedule(isFull ? SOON_MS : EVERY_MS);
  }
}
