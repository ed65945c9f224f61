/** A webhook as it arrived, before anybody believes it, and the ways to look into it. */

import type { IncomingHttpHeaders } from "node:http";

export interface Delivery {
  readonly headers: IncomingHttpHeaders;
  /** The body exactly as it was sent; what a signature is made of. */
  readonly body: Buffer;
  /** Milliseconds since 1970, of this machine's clock. */
  readonly receivedAt: number;
}

const MAX_ID_LENGTH = 256;

/** A header that was sent once and is not empty. */
export function headerOf({ headers }: Delivery, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** The JSON text of the payload: the field `payload` of a form, else the body itself, whatever type it was said to be. */
export function payloadText(delivery: Delivery): string {
  const body = delivery.body.toString("utf8");
  return isForm(delivery) ? (new URLSearchParams(body).get("payload") ?? body) : body;
}

export function isForm(delivery: Delivery): boolean {
  return (headerOf(delivery, "content-type") ?? "").toLowerCase().startsWith(FORM);
}

const FORM = "application/x-www-form-urlencoded";

/** The value below these names; `undefined` where one of them is missing. Only an object's own members count. */
export function memberOf(value: unknown, ...names: readonly string[]): unknown {
  return names.reduce<unknown>(
    (inner, name) =>
      typeof inner === "object" && inner !== null && Object.hasOwn(inner, name)
        ? Reflect.get(inner, name)
        : undefined,
    value,
  );
}

/** An id as text, whether it was sent as a number or as a string. */
export function idOf(value: unknown): string | undefined {
  if (Number.isSafeInteger(value)) return String(value);
  return typeof value === "string" && value !== "" && value.length <= MAX_ID_LENGTH ? value : undefined;
}
