/**
 * Deliveries signed as the Standard Webhooks specification says: `webhook-id`, `webhook-timestamp` and
 * `webhook-signature`, which may hold several signatures, over `id.timestamp.body`.
 */

import type { Secret } from "@gitsync/runtime";
import { headerOf, type Delivery } from "./delivery.ts";
import { anyMatches, hmacSha256, isSame, type SignatureVerdict } from "./signature.ts";

/** How far a delivery's time may lie from ours, either way. What the specification's own libraries take. */
const TOLERANCE_MS = 5 * 60_000;
/** A signature per live secret of the sender; more than a few is no rotation. */
const MAX_SIGNATURES = 20;
const SYMMETRIC = "v1,";
const ENCODED_KEY = "whsec_";

/** Whether a delivery carries such a signature at all. */
export function hasStandardSignature(delivery: Delivery): boolean {
  return headerOf(delivery, "webhook-signature") !== undefined;
}

/** A secret that begins with `whsec_` is base64 of the key; any other is the key itself. */
export function standardVerdict(delivery: Delivery, secrets: readonly Secret[]): SignatureVerdict {
  const id = headerOf(delivery, "webhook-id");
  const timestamp = headerOf(delivery, "webhook-timestamp");
  const signatures = headerOf(delivery, "webhook-signature");
  if (id === undefined || timestamp === undefined || signatures === undefined) return "missing";
  const given = signatures
    .split(" ")
    .filter((signature) => signature.startsWith(SYMMETRIC) && signature.length > SYMMETRIC.length)
    .slice(0, MAX_SIGNATURES)
    .map((signature) => Buffer.from(signature.slice(SYMMETRIC.length), "base64"));
  if (given.length === 0) return "missing";
  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), delivery.body]);
  const verdict = anyMatches(secrets, (secret) => {
    const expected = hmacSha256(keyOf(secret), signed);
    return given.map((bytes) => isSame(expected, bytes)).includes(true);
  });
  if (verdict !== "valid") return verdict;
  const seconds = /^\d{1,12}$/u.test(timestamp) ? Number(timestamp) : Number.NaN;
  return Math.abs(seconds * 1000 - delivery.receivedAt) <= TOLERANCE_MS ? "valid" : "expired";
}

/** The three headers of a delivery, signed. `at` is in milliseconds since 1970. */
export function standardHeaders(
  secret: Secret,
  { id, at, body }: { readonly id: string; readonly at: number; readonly body: string },
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(at / 1000));
  const signature = hmacSha256(keyOf(secret), `${id}.${timestamp}.${body}`).toString("base64");
  return {
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": `${SYMMETRIC}${signature}`,
  };
}

function keyOf(secret: Secret): string | Buffer {
  const text = secret.expose();
  return text.startsWith(ENCODED_KEY) ? Buffer.from(text.slice(ENCODED_KEY.length), "base64") : text;
}
