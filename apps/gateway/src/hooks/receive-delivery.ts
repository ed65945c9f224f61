/**
 * From a delivery to hints: proven first, then read, then durable, then answered.
 *
 * Of the payload only the repository's id counts, and only to find mirrors of the configuration: a delivery that
 * is forged by who knows the secret, replayed or out of order costs a look at the source, never more.
 */

import type { Logger, Secret, SecretReference, WebhookProvider } from "@gitsync/runtime";
import { Problem } from "../http/problem.ts";
import { inTime } from "../queue-deadline.ts";
import { acceptedJob, type AcceptedJob } from "../routes/job-document.ts";
import type { ConfiguredMirror, ConfiguredMirrors } from "../mirrors/configured-mirrors.ts";
import type { FleetView } from "../mirrors/fleet-view.ts";
import { payloadText, type Delivery } from "./delivery.ts";
import type { DeliveryNews, Forge } from "./forge.ts";
import { findForge } from "./forges.ts";
import type { SignatureVerdict } from "./signature.ts";

/** Forges wait for five seconds and more; whoever is slow is switched off by some. */
const ANSWER_MS = 950;
/** For one route; what is left is for what comes before and after. */
const HINT = { trigger: "webhook", withinMs: 800 } as const;

/** What forges send are UUIDs and their like; anything else is not worth keeping. */
const DELIVERY_ID = /^[!-~]{1,200}$/u;

export interface ReceiverOptions {
  readonly fleet: FleetView;
  readonly logger: Logger;
  /** Reads a secret from where it is kept. */
  readonly readSecret: (reference: SecretReference) => Promise<Secret>;
}

/** Why a valid delivery changed nothing. */
export const IGNORED_REASONS = [
  "ping",
  "event-filtered",
  "repository-unknown",
  "repository-other",
  "mirror-unknown",
] as const;
export type IgnoredReason = (typeof IGNORED_REASONS)[number];

/** What a forge is told. */
export type DeliveryAnswer =
  | {
      readonly accepted: true;
      /** The forge sent the same delivery within the last day. It was hinted again all the same. */
      readonly redelivered: boolean;
      readonly jobs: readonly AcceptedJob[];
    }
  | { readonly accepted: false; readonly reason: IgnoredReason; readonly jobs: readonly [] };

/** Where a delivery was sent to. */
export interface Addressee {
  readonly provider: string;
  /** Of the longer path. */
  readonly mirror: string | undefined;
}

/** Takes deliveries for the mirrors of a configuration. */
export class DeliveryReceiver {
  readonly #fleet: FleetView;
  readonly #logger: Logger;
  readonly #readSecret: ReceiverOptions["readSecret"];

  constructor({ fleet, logger, readSecret }: ReceiverOptions) {
    this.#fleet = fleet;
    this.#logger = logger;
    this.#readSecret = readSecret;
  }

  /** @throws {Problem} for a provider that nobody is configured for. Known before the body is read. */
  expect({ provider }: Addressee): readonly [WebhookProvider, Forge] {
    const forge = findForge(provider);
    if (forge === undefined || !this.#fleet.configured().expects(forge[0])) {
      throw new Problem("hook-not-configured", "Name its secrets under webhooks, or in a mirror's webhook");
    }
    return forge;
  }

  /**
   * Take one delivery. Resolves once every hint is durable.
   *
   * @throws {Problem} `signature-missing`, `signature-invalid`, `signature-expired`, `body-invalid`,
   * `hook-secret-unavailable`, or what became of the queue.
   */
  async receive(addressee: Addressee, delivery: Delivery): Promise<DeliveryAnswer> {
    const [provider, forge] = this.expect(addressee);
    const mirrors = this.#fleet.configured();
    const secrets = await this.#secrets(mirrors.secretsFor(provider, addressee.mirror));
    const verdict = forge.verify(delivery, secrets);
    if (verdict !== "valid") {
      this.#logger.warn({ provider, mirror: addressee.mirror, verdict }, "Refused a webhook's signature");
      throw refusal(verdict);
    }
    const news = forge.read(delivery, parsePayload(delivery));
    const found = choose(mirrors, { provider, mirror: addressee.mirror, news });
    const id = DELIVERY_ID.test(news.deliveryId ?? "") ? news.deliveryId : undefined;
    const facts = { provider, event: news.event.slice(0, 100), delivery: id };
    if (typeof found === "string") {
      this.#logger.info({ ...facts, reason: found }, "Ignored a webhook");
      return { accepted: false, reason: found, jobs: [] };
    }
    const options = { ...HINT, ...(id !== undefined && { delivery: id }) };
    const hints = await inTime(
      Promise.all(found.flatMap(({ routes }) => routes.map((route) => this.#fleet.hint(route, options)))),
      ANSWER_MS,
    );
    const jobs = hints.filter(({ queued }) => queued).map(acceptedJob);
    const redelivered = hints.some((hint) => hint.redelivered);
    const hinted = hints.map(({ route }) => route);
    this.#logger.info(
      { ...facts, routes: hinted.slice(0, 20), jobs: jobs.length, redelivered },
      "Accepted a webhook",
    );
    return { accepted: true, redelivered, jobs };
  }

  /** Those that can be read: one that was rotated away already must not stop its successor. */
  async #secrets(references: readonly SecretReference[]): Promise<readonly Secret[]> {
    const read = await Promise.allSettled(references.map((reference) => this.#readSecret(reference)));
    for (const result of read) {
      if (result.status === "rejected")
        this.#logger.warn({ err: result.reason }, "Cannot read a webhook's secret");
    }
    const secrets = read.filter((result) => result.status === "fulfilled").map(({ value }) => value);
    if (secrets.length === 0 && references.length > 0) {
      throw new Problem(
        "hook-secret-unavailable",
        "Look at the gateway's log for the place that it is kept at",
      );
    }
    return secrets;
  }
}

function choose(
  mirrors: ConfiguredMirrors,
  {
    provider,
    mirror: id,
    news,
  }: { provider: WebhookProvider; mirror: string | undefined; news: DeliveryNews },
): readonly ConfiguredMirror[] | IgnoredReason {
  if (news.kind === "ping") return "ping";
  if (news.kind === "other") return "event-filtered";
  if (id === undefined) {
    const found = mirrors.ofRepository(provider, news.repositoryId);
    return found.length === 0 ? "repository-unknown" : found;
  }
  const named = mirrors.find(id);
  if (named === undefined || (named.mirror.webhook?.provider ?? provider) !== provider)
    return "mirror-unknown";
  const { repositoryId } = named.mirror.source;
  const isOther =
    repositoryId !== undefined && news.repositoryId !== undefined && news.repositoryId !== repositoryId;
  return isOther ? "repository-other" : [named];
}

function parsePayload(delivery: Delivery): unknown {
  try {
    return JSON.parse(payloadText(delivery));
  } catch (cause) {
    throw new Problem("body-invalid", "The payload is not JSON", [], { cause });
  }
}

function refusal(verdict: Exclude<SignatureVerdict, "valid">): Problem {
  switch (verdict) {
    case "missing":
      return new Problem("signature-missing", "Set the same secret at the forge and here");
    case "wrong":
      return new Problem("signature-invalid", "The secret at the forge is none of those that are set here");
    case "expired":
      return new Problem(
        "signature-expired",
        "The delivery is more than five minutes old, or a clock is wrong",
      );
  }
}
