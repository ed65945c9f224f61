/** How many deliveries there were since this process started, by provider and by what became of them. */

import type { WebhookProvider } from "@gitsync/runtime";
import type { IgnoredReason } from "../hooks/receive-delivery.ts";
import type { ProblemCode } from "../http/problem.ts";
import type { Sample } from "./exposition.ts";

/** Closed lists both, so that no sender can make series. */
export type DeliveryOutcome = "accepted" | "redelivered" | IgnoredReason | ProblemCode;

export class DeliveryCount {
  readonly #counts = new Map<string, { readonly labels: Sample["labels"]; value: number }>();

  add(provider: WebhookProvider, outcome: DeliveryOutcome): void {
    const key = `${provider} ${outcome}`;
    const count = this.#counts.get(key) ?? { labels: { provider, outcome }, value: 0 };
    count.value += 1;
    this.#counts.set(key, count);
  }

  samples(): readonly Sample[] {
    return [...this.#counts.values()].map(({ labels, value }) => ({ labels, value }));
  }
}
