/** What the gateway has to know of a forge: how its deliveries are signed, and what they are about. */

import type { Secret } from "@gitsync/runtime";
import type { Delivery } from "./delivery.ts";
import type { SignatureVerdict } from "./signature.ts";

/**
 * What a delivery is about. Read after its signature was found valid, and still only a hint: no address, ref or
 * object id is taken from it.
 */
export interface DeliveryNews {
  /** The forge's word for what happened. */
  readonly event: string;
  /** `changed`: something of the repository did. `ping`: the forge tries the address. `other`: nothing to look for. */
  readonly kind: "changed" | "ping" | "other";
  /** The forge's own id of the repository, which survives a renaming. */
  readonly repositoryId: string | undefined;
  /** Names this delivery; the same again when it is sent once more. */
  readonly deliveryId: string | undefined;
}

/** What a sample is made of. */
export interface SampleOptions {
  readonly repositoryId: string;
  readonly deliveryId: string;
  readonly secret: Secret;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** A delivery to send. */
export interface SampleDelivery {
  /** Besides the content type, which is JSON. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Forge {
  /** Whether the delivery is signed with one of the secrets. Looks at headers and bytes, never at what they say. */
  verify(delivery: Delivery, secrets: readonly Secret[]): SignatureVerdict;
  /** What the delivery is about. `payload` is any JSON value. */
  read(delivery: Delivery, payload: unknown): DeliveryNews;
  /** A push as this forge would deliver it: as little of it as {@link Forge.read} looks at. */
  sample(options: SampleOptions): SampleDelivery;
}

/** An event by the names that a forge has for what is worth a look, and for its trial. */
export function kindOf(
  event: string,
  changes: ReadonlySet<string>,
  pings: ReadonlySet<string> = new Set(["ping"]),
): DeliveryNews["kind"] {
  if (changes.has(event)) return "changed";
  return pings.has(event) ? "ping" : "other";
}
