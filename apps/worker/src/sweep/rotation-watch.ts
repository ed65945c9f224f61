/**
 * Sees when a credential's secret is another one than before, and gives the routes that were refused with the old one
 * another chance at once, instead of a day later.
 *
 * What a secret was is kept in the store as a slow salted hash, so that a change is seen across restarts too and
 * nobody learns the secret from the store.
 */

import type { RouteStatus } from "@gitsync/jobs";
import { Deadline, giveHint, type FleetStore, type HintWay } from "@gitsync/producer";
import type { Logger } from "@gitsync/runtime";
import type { FleetCredentials } from "../credentials/fleet-credentials.ts";
import { isMarkOf, markOf } from "./secret-mark.ts";

/** Routes that are tried again in one turn; the rest follows in the next ones. */
const AT_ONCE = 200;
/** Credentials that are hashed in one turn, which must end long before the sweep's lease. */
const HASHED_AT_ONCE = 100;
const PAGE = 200;
const HINT_MS = 5_000;

export interface RotationWatchOptions {
  readonly way: HintWay;
  readonly fleet: Pick<FleetStore, "secretMarks" | "setSecretMark">;
  readonly credentials: Pick<FleetCredentials, "secretOf">;
  readonly logger: Logger;
}

export class RotationWatch {
  readonly #options: RotationWatchOptions;
  /** By credential, the secret that its mark was last compared with: hashing anew each turn would cost a core. */
  readonly #compared = new Map<string, { readonly secret: string; readonly mark: string }>();

  constructor(options: RotationWatchOptions) {
    this.#options = options;
  }

  /** Look at every credential once. A secret that cannot be read now is looked at in the next turn. */
  async turn(credentials: Iterable<string>): Promise<void> {
    const { fleet, logger } = this.#options;
    const marks = await fleet.secretMarks();
    const rotated = new Map<string, string>();
    let hashed = 0;
    for (const id of credentials) {
      const secret = await this.#secret(id);
      const mark = marks.get(id);
      if (secret === undefined || this.#wasCompared(id, secret, mark)) continue;
      if (hashed === HASHED_AT_ONCE) break;
      hashed += 1;
      if (mark === undefined) await this.#remember(id, secret);
      else if (await isMarkOf(mark, secret)) this.#compared.set(id, { secret, mark });
      else rotated.set(id, secret);
    }
    if (rotated.size === 0) return;
    const { tried, isDone } = await this.#tryAgain(new Set(rotated.keys()));
    logger.info(
      { credentials: [...rotated.keys()], routes: tried },
      "A secret was rotated; what it was refused is tried again",
    );
    // Remembered last: what is cut short begins again, with the routes that are left.
    if (isDone) for (const [id, secret] of rotated) await this.#remember(id, secret);
  }

  async #secret(id: string): Promise<string | undefined> {
    try {
      return (await this.#options.credentials.secretOf(id)).expose();
    } catch (error) {
      this.#options.logger.debug({ err: error, credential: id }, "Cannot read a secret now");
      return undefined;
    }
  }

  #wasCompared(id: string, secret: string, mark: string | undefined): boolean {
    const compared = this.#compared.get(id);
    return compared !== undefined && compared.mark === mark && compared.secret === secret;
  }

  async #remember(id: string, secret: string): Promise<void> {
    const mark = await markOf(secret);
    await this.#options.fleet.setSecretMark(id, mark);
    this.#compared.set(id, { secret, mark });
  }

  async #tryAgain(
    credentials: ReadonlySet<string>,
  ): Promise<{ readonly tried: number; readonly isDone: boolean }> {
    const { way } = this.#options;
    let tried = 0;
    let cursor: string | undefined;
    do {
      const page = await way.routes.routes({ limit: PAGE, ...(cursor === undefined ? {} : { cursor }) });
      for (const route of page.routes) {
        if (!uses(route, credentials) || !isHeldBack(route)) continue;
        if (tried === AT_ONCE) return { tried, isDone: false };
        const { id, targetKey: target } = route.definition;
        await way.routes.forgive(id);
        // Not by the schedule: what it finds was no missed webhook.
        await giveHint(way, { route: id, target, trigger: "backfill" }, new Deadline(HINT_MS));
        tried += 1;
      }
      ({ cursor } = page);
    } while (cursor !== undefined);
    return { tried, isDone: true };
  }
}

function uses({ definition }: RouteStatus, credentials: ReadonlySet<string>): boolean {
  const { sourceCredential: source, targetCredential: target } = definition;
  return (
    (source !== undefined && credentials.has(source)) || (target !== undefined && credentials.has(target))
  );
}

/** It waits for something that another secret may change. */
function isHeldBack({ condition, notBefore, quarantine }: RouteStatus): boolean {
  return quarantine.length > 0 || (condition === "failing" && notBefore !== undefined);
}
