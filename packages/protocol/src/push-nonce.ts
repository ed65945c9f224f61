// The nonce of signed pushes: what a client may sign, what a server gives out and takes back. Pure; no clock is read.

import { encodeText } from "./byte-text.ts";
import type { ObjectFormat } from "./object-id.ts";
import { createHasher } from "./pack/hasher.ts";

const MAX_LENGTH = 255;

/**
 * May a client sign this? A server could otherwise have other text signed in the place of a nonce.
 * gitprotocol-capabilities(5), "push-cert=<nonce>".
 *
 * Source: git's limits, 1 to 255 of `A-Z a-z 0-9 - . / + = _`.
 */
export function isPushNonce(text: string): boolean {
  return text.length <= MAX_LENGTH && /^[A-Za-z0-9./+=_-]+$/.test(text);
}

/** From what a server makes its nonces, so that its processes know each other's. */
export interface PushNonceSource {
  /** `receive.certNonceSeed` of git-config(1): secret text. */
  readonly seed: string;
  /** Names the repository; git takes its path. */
  readonly repository: string;
  /** Of the repository: it is the hash of the nonce. */
  readonly objectFormat: ObjectFormat;
}

/**
 * The nonce of a second, the same as git's: `<seconds>-<HMAC>`, whose key is repository and second, and text the seed.
 * gitprotocol-capabilities(5), "push-cert=<nonce>".
 */
export function createPushNonce(source: PushNonceSource, seconds: number): string {
  const { seed, repository, objectFormat } = source;
  return `${seconds}-${hmacHex(encodeText(`${repository}:${seconds}`), encodeText(seed), objectFormat)}`;
}

/**
 * What became of a nonce, in the words of git-receive-pack(1), `GIT_PUSH_CERT_NONCE_STATUS`.
 *
 * `slop`: given out by another process of the same server, `slopSeconds` before the one expected.
 */
export type PushNonceStatus =
  | { readonly type: "ok" | "bad" | "missing" | "unsolicited" }
  | { readonly type: "slop"; readonly slopSeconds: number };

/** What {@link checkPushNonce} compares. gitprotocol-capabilities(5), "push-cert=<nonce>". */
export interface PushNonceCheck {
  /** In the certificate. */
  readonly received: string | undefined;
  /** Advertised in this conversation; undefined when none was. */
  readonly issued: string | undefined;
  /** Over HTTP: the advertisement may have come from another process, whose nonce this recognises. */
  readonly source?: PushNonceSource;
  /** A nonce this old is as good as ours: `receive.certNonceSlop`. Default: 0. */
  readonly maxSlopSeconds?: number;
}

/**
 * Is the nonce of a certificate the one that was given out? Compares in constant time.
 * gitprotocol-capabilities(5), "push-cert=<nonce>".
 */
export function checkPushNonce(check: PushNonceCheck): PushNonceStatus {
  const { received, issued, source, maxSlopSeconds = 0 } = check;
  if (received === undefined) return { type: "missing" };
  if (issued === undefined) return { type: "unsolicited" };
  if (isSameText(received, issued)) return { type: "ok" };
  const stamp = /^([1-9][0-9]{0,14})-/.exec(received)?.[1];
  if (source === undefined || stamp === undefined) return { type: "bad" };
  if (!isSameText(received, createPushNonce(source, Number(stamp)))) return { type: "bad" };
  const slopSeconds = Number.parseInt(issued, 10) - Number(stamp);
  return Math.abs(slopSeconds) <= maxSlopSeconds && maxSlopSeconds > 0
    ? { type: "ok" }
    : { type: "slop", slopSeconds };
}

const BLOCK_LENGTH = 64;

/** RFC 2104, with a hash whose block has 64 bytes. */
function hmacHex(key: Uint8Array, text: Uint8Array, format: ObjectFormat): string {
  const block = new Uint8Array(BLOCK_LENGTH);
  block.set(key.length <= BLOCK_LENGTH ? key : createHasher(format).update(key).digest());
  const padded = (byte: number): Uint8Array => block.map((keyByte) => keyByte ^ byte);
  const inner = createHasher(format).update(padded(0x36)).update(text).digest();
  return createHasher(format).update(padded(0x5c)).update(inner).digestHex();
}

function isSameText(left: string, right: string): boolean {
  let difference = left.length ^ right.length;
  for (let index = 0; index < left.length; index += 1) {
    difference |= left.charCodeAt(index) ^ right.charCodeAt(index % Math.max(1, right.length));
  }
  return difference === 0;
}
