/** Who a GitHub App is, said and signed by itself: a JSON Web Token (RFC 7519) of a few minutes. */

import { createPrivateKey, sign, type KeyObject } from "node:crypto";
import type { Secret } from "@gitsync/runtime";

/** GitHub takes at most ten minutes, by its own clock; ours may be ahead by one. */
const LIFETIME_S = 9 * 60;
const CLOCK_SKEW_S = 60;

/**
 * Signed with RS256, the only algorithm that GitHub takes ("Generating a JSON Web Token (JWT) for a GitHub App").
 *
 * @throws {TypeError} for a text that is no private key; the message does not quote it.
 */
export function appAssertion(appId: number, privateKey: Secret, nowMs: number): string {
  const now = Math.floor(nowMs / 1000);
  const claims = { iat: now - CLOCK_SKEW_S, exp: now + LIFETIME_S, iss: String(appId) };
  const signed = [{ alg: "RS256", typ: "JWT" }, claims].map(encode).join(".");
  return `${signed}.${sign("sha256", Buffer.from(signed), keyOf(privateKey)).toString("base64url")}`;
}

function keyOf(secret: Secret): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(secret.expose());
  } catch {
    throw new TypeError("it is no private key in PEM form");
  }
  if (key.asymmetricKeyType !== "rsa")
    throw new TypeError(`it is a key of type ${key.asymmetricKeyType}, not rsa`);
  return key;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
