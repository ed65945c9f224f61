/** Nothing fails silently: changes of state, a daily digest of what is not fine, a sign of life. */

import type { HttpClient } from "@gitsync/engine";
import { newId, type FleetStore, type RouteStore, type StateChange } from "@gitsync/producer";
import type { RouteStatus } from "@gitsync/jobs";
import type { FleetConfig, Logger, Metrics, Secret, SecretReference } from "@gitsync/runtime";
import { signedHeaders, type Notification, type ToldRoute } from "./notification.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** A little less than a minute, so that a turn every quarter of one never skips a beat. */
const HEARTBEAT_MS = 55_000;
const CHANGES_AT_ONCE = 50;
/** Routes that one digest names. */
const DIGEST_ROUTES = 500;

export interface NotifierOptions {
  readonly routes: RouteStore;
  readonly fleet: FleetStore;
  readonly config: () => FleetConfig;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Without it changes are logged and counted, and nobody outside is told. */
  readonly outside: NotifyOutside | undefined;
}

/** The way to people outside. */
export interface NotifyOutside {
  /** Connects to what the configuration allows, and to nothing else. */
  readonly http: HttpClient;
  readonly readSecret: (reference: SecretReference) => Promise<Secret>;
}

/** What became of a notification. `refused`: for what it says, so that others may be taken. `deaf`: none is taken now. */
type Sent = "told" | "refused" | "deaf";

/** A change that is not told yet. */
interface UntoldChange {
  readonly change: string;
  /** The same at each try, so that who took it and could not say so knows it again. */
  readonly messageId: string;
}

export class Notifier {
  readonly #options: NotifierOptions;
  /** By route; logged and counted here once, however long the endpoint is deaf. */
  readonly #untold = new Map<string, UntoldChange>();
  #digestId: string | undefined;

  constructor(options: NotifierOptions) {
    this.#options = options;
  }

  /** Tell what is to be told now. What could not be told is tried again next time; never rejects for that. */
  async turn(): Promise<void> {
    const now = await this.#options.routes.now();
    await this.#tellNews(now);
    await this.#showLife();
  }

  async #tellNews(now: number): Promise<void> {
    for (const change of await this.#options.routes.stateChanges(CHANGES_AT_ONCE)) {
      if ((await this.#tell(change, now)) === "deaf") return;
    }
    await this.#tellDigest(now);
  }

  async #tell(change: StateChange, now: number): Promise<Sent> {
    const { status, before, after } = change;
    const { id } = status.definition;
    const messageId = this.#note(change);
    const data = { ...toldRoute(status, after), before };
    const notification = { type: `route.${after}`, timestamp: new Date(now).toISOString(), data } as const;
    const sent = await this.#send(notification, messageId);
    if (sent !== "told") return sent;
    await this.#options.routes.markTold(id, after);
    this.#untold.delete(id);
    return sent;
  }

  /** @returns the id of the message that tells of it. */
  #note({ status, before, after }: StateChange): string {
    const { logger, metrics } = this.#options;
    const { definition, lastError, failuresInARow } = status;
    const change = `${before} ${after}`;
    const noted = this.#untold.get(definition.id);
    if (noted?.change === change) return noted.messageId;
    const messageId = newMessageId();
    this.#untold.set(definition.id, { change, messageId });
    metrics.add("git_sync_state_changes_total", 1, { state: after });
    const fields = { route: definition.id, state: after, before, failures: failuresInARow, error: lastError };
    if (after === "ok") logger.info(fields, "A route is fine again");
    else logger.warn(fields, "A route is not fine");
    return messageId;
  }

  async #tellDigest(now: number): Promise<void> {
    const { fleet, config } = this.#options;
    const { digest: often, webhook } = config().notify;
    if (often !== "daily" || webhook === null || this.#options.outside === undefined) return;
    const token = newId();
    // A lease that nobody renews is a clock that the whole fleet shares.
    if (!(await fleet.takeLease("digest", token, DAY_MS))) return;
    const unwell = await this.#unwellRoutes();
    if (unwell.length === 0) return;
    const data = { routes: unwell.slice(0, DIGEST_ROUTES), total: unwell.length };
    this.#digestId ??= newMessageId();
    const digest = { type: "fleet.digest", timestamp: new Date(now).toISOString(), data } as const;
    if ((await this.#send(digest, this.#digestId)) === "told") this.#digestId = undefined;
    else await fleet.dropLease("digest", token);
  }

  async #unwellRoutes(): Promise<readonly ToldRoute[]> {
    const unwell: ToldRoute[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.#options.routes.routes({
        limit: 200,
        ...(cursor === undefined ? {} : { cursor }),
      });
      for (const status of page.routes) {
        const { condition = "ok" } = status;
        if (condition !== "ok") unwell.push(toldRoute(status, condition));
      }
      cursor = page.cursor;
    } while (cursor !== undefined);
    return unwell;
  }

  /** What is not told has to be told again. Without anybody to tell, all is told. */
  async #send(notification: Notification, id: string): Promise<Sent> {
    const { outside, config, logger } = this.#options;
    const { webhook } = config().notify;
    if (webhook === null || outside === undefined) return "told";
    const body = JSON.stringify(notification);
    try {
      const secret = await outside.readSecret(webhook.secret);
      const facts = { id, seconds: Math.trunc(Date.now() / 1_000), secret };
      const headers = signedHeaders(body, facts);
      const { status } = await outside.http.request({ method: "POST", url: webhook.url, headers, body });
      if (status >= 200 && status < 300) return "told";
      logger.warn({ status, type: notification.type }, "The notification endpoint refused; it is told again");
      return status === 400 || status === 413 || status === 422 ? "refused" : "deaf";
    } catch (error) {
      logger.warn({ err: error, type: notification.type }, "Cannot reach the notification endpoint");
      return "deaf";
    }
  }

  /** Whoever watches the heartbeat's address learns from its silence that the fleet stands still. */
  async #showLife(): Promise<void> {
    const { outside, config, fleet, logger } = this.#options;
    const { heartbeat } = config().notify;
    if (heartbeat === null || outside === undefined) return;
    const token = newId();
    if (!(await fleet.takeLease("heartbeat", token, HEARTBEAT_MS))) return;
    try {
      await outside.http.request({ method: "GET", url: heartbeat });
    } catch (error) {
      await fleet.dropLease("heartbeat", token);
      logger.warn({ err: error }, "Cannot reach the heartbeat's address");
    }
  }
}

function newMessageId(): string {
  return `msg_${newId()}`;
}

function toldRoute(status: RouteStatus, state: ToldRoute["state"]): ToldRoute {
  const { definition, failuresInARow, firstUnsyncedAt, lastSuccessAt, lastError } = status;
  return {
    route: definition.id,
    state,
    ...(firstUnsyncedAt !== undefined && { since: new Date(firstUnsyncedAt).toISOString() }),
    failuresInARow,
    ...(lastSuccessAt !== undefined && { lastSuccessAt: new Date(lastSuccessAt).toISOString() }),
    ...(lastError !== undefined && { error: lastError }),
  };
}
