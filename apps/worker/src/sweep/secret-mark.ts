/** By what a secret is known again: scrypt with a salt, so that a mark says nothing of the secret. */

import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";

const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** 8 MiB and some tens of milliseconds a try: passwords of people may be among the secrets. */
const COST = { N: 2 ** 13, r: 8, p: 1 } as const;

/** A new mark each time: `SALT:HASH`, both base64url. */
export async function markOf(secret: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  return `${salt.toString("base64url")}:${(await hashOf(secret, salt)).toString("base64url")}`;
}

/** Whether a mark was made of this secret. A mark that cannot be read is nobody's. */
export async function isMarkOf(mark: string, secret: string): Promise<boolean> {
  const [salt, hash] = mark.split(":").map((part) => Buffer.from(part, "base64url"));
  if (salt === undefined || hash?.length !== HASH_BYTES) return false;
  return timingSafeEqual(await hashOf(secret, salt), hash);
}

function hashOf(secret: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(secret, salt, HASH_BYTES, COST, (error, hash) => (error === null ? resolve(hash) : reject(error)));
  });
}
