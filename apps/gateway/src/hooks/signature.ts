/** Comparing what a delivery is signed with: in constant time, with every live secret, empty is missing. */

import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { Secret } from "@gitsync/runtime";

/** `expired`: rightly signed, too long ago or in the future. */
export type SignatureVerdict = "valid" | "missing" | "wrong" | "expired";

/** SHA-256 of a key over what was sent. */
export function hmacSha256(key: string | Buffer, data: string | Buffer): Buffer {
  return createHmac("sha256", key).update(data).digest();
}

/** A signature as most forges write it. */
export function hexHmac(secret: Secret, data: string | Buffer): string {
  return hmacSha256(secret.expose(), data).toString("hex");
}

/** Whether one of the secrets signs `data` as `given`, which is hexadecimal. */
export function hexHmacVerdict(
  given: string | undefined,
  data: string | Buffer,
  secrets: readonly Secret[],
): SignatureVerdict {
  if (given === undefined) return "missing";
  const bytes = /^[0-9a-f]{64}$/iu.test(given) ? Buffer.from(given, "hex") : Buffer.alloc(0);
  return anyMatches(secrets, (secret) => isSame(hmacSha256(secret.expose(), data), bytes));
}

/** The same for `sha256=<hexadecimal>`. */
export function prefixedHmacVerdict(
  given: string | undefined,
  data: string | Buffer,
  secrets: readonly Secret[],
): SignatureVerdict {
  const [, digest] = /^sha256=(.*)$/u.exec(given ?? "") ?? [];
  // `sha256=` alone says as little as no header at all.
  if (given === undefined || digest === "") return "missing";
  return digest === undefined ? "wrong" : hexHmacVerdict(digest, data, secrets);
}

/** Whether `given` is one of the secrets itself. Digests are compared: not even a length shows. */
export function sharedSecretVerdict(given: string | undefined, secrets: readonly Secret[]): SignatureVerdict {
  if (given === undefined || given === "") return "missing";
  return anyMatches(secrets, (secret) => isSame(digestOf(secret.expose()), digestOf(given)));
}

/** Every secret is tried, whichever fits: the time tells nothing. */
export function anyMatches(
  secrets: readonly Secret[],
  matches: (secret: Secret) => boolean,
): SignatureVerdict {
  return secrets.map(matches).includes(true) ? "valid" : "wrong";
}

/** Whether two digests are equal, in the same time wherever they differ. */
export function isSame(expected: Buffer, given: Buffer): boolean {
  return expected.length === given.length && timingSafeEqual(expected, given);
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
