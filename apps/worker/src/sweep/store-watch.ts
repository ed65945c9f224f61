/**
 * Sees that the store was started anew or replaced, and has every route looked at once: hints that the store took last
 * may be forgotten, and nobody else knows of them. One that is new or was emptied has its routes run in any case.
 *
 * Whether something was forgotten cannot be known, so a restart that lost nothing costs a look, too. It is a gentle
 * one: a look lists the refs of both sides, and a host gets no more than two of them a second.
 */

import type { Logger } from "@gitsync/runtime";
import type { FleetStore, RouteStore } from "@gitsync/producer";
import { spreadLooks, type RouteToLookAt } from "./spread-looks.ts";

const PAGE = 200;

export class StoreWatch {
  readonly #routes: RouteStore;
  readonly #fleet: Pick<FleetStore, "serverLife" | "settleServer">;
  readonly #logger: Logger;
  /** The life that this process saw last: a server that comes back as it was before has settled its own. */
  #seen: string | undefined;

  constructor(routes: RouteStore, fleet: Pick<FleetStore, "serverLife" | "settleServer">, logger: Logger) {
    this.#routes = routes;
    this.#fleet = fleet;
    this.#logger = logger;
  }

  async turn(): Promise<void> {
    const life = await this.#fleet.serverLife();
    if (life === undefined) return;
    if (life.isSettled && (this.#seen ?? life.id) === life.id) {
      this.#seen = life.id;
      return;
    }
    // Routes that are new to a store are run in any case.
    const { routes, ms } = life.isFirst ? { routes: 0, ms: 0 } : await this.#lookAtAll();
    // Settled last: what is cut short begins again.
    await this.#fleet.settleServer(life.id);
    this.#seen = life.id;
    if (routes === 0) return;
    this.#logger.warn(
      { routes, within_ms: ms },
      "The queue's store was started anew or replaced, and may have forgotten hints; every route is looked at once",
    );
  }

  /** Somebody else watches from now on. */
  leave(): void {
    this.#seen = undefined;
  }

  async #lookAtAll(): Promise<{ readonly routes: number; readonly ms: number }> {
    const found: RouteToLookAt[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.#routes.routes({ limit: PAGE, ...(cursor === undefined ? {} : { cursor }) });
      found.push(
        ...page.routes.map(({ definition, lastChangeAt }) => ({
          id: definition.id,
          source: definition.source.url,
          target: definition.target.url,
          lastChangeAt,
        })),
      );
      ({ cursor } = page);
    } while (cursor !== undefined);
    const now = await this.#routes.now();
    const looks = spreadLooks(found, now);
    for (let from = 0; from < looks.length; from += PAGE) {
      await this.#routes.lookAgain(looks.slice(from, from + PAGE));
    }
    return { routes: looks.length, ms: (looks.at(-1)?.at ?? now) - now };
  }
}
