/**
 * The last ring against leaks: knows every live secret and removes it from text that leaves the process.
 *
 * Types and serializers keep secrets out of most places; what is left is text made by others (an error of a
 * library, a line of a remote), so every sink passes its text through {@link SecretRegistry.scrub}.
 */

import type { Secret } from "./secret.ts";

const REMOVED = "[secret]";

/** Shorter values would blank out ordinary words; they are removed only where they are a whole credential. */
const MIN_LENGTH = 4;

/** Tokens that carry their kind in their prefix are recognised even when nobody registered them. */
const KNOWN_SHAPES =
  /\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}|glcbt-[A-Za-z0-9_-]{16,}|AKIA[A-Z0-9]{16})|-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^"]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|(?=")|$)/g;

/** `scheme://anything@`: the part between the slashes and the last `@` before the path. The bound keeps it linear. */
const USERINFO = /([a-z][a-z0-9+.-]{0,30}:\/\/)([^\s/?#"'<>\\]+)@/gi;

/** Registered values, in the encodings they travel in. */
export class SecretRegistry {
  readonly #forms = new Map<string, readonly string[]>();
  #pattern: RegExp | undefined;

  /**
   * Remember a live secret. With `username`, the value of `Authorization: Basic` for that pair is known too.
   * Registering a value twice is harmless.
   */
  add(secret: Secret | string, username?: string): void {
    const value = typeof secret === "string" ? secret : secret.expose();
    if (value.length < MIN_LENGTH) return;
    const known = this.#forms.get(value) ?? [];
    this.#forms.set(value, [...new Set([...known, ...encodings(value, username)])]);
    this.#pattern = undefined;
  }

  /** Forget a secret that was rotated away. */
  delete(secret: Secret | string): void {
    this.#forms.delete(typeof secret === "string" ? secret : secret.expose());
    this.#pattern = undefined;
  }

  /** The text without any registered value, without tokens of a known shape, without userinfo in URLs. */
  scrub(text: string): string {
    this.#pattern ??= compile([...this.#forms.values()].flat());
    return scrubUserinfo(text.replace(this.#pattern, REMOVED).replace(KNOWN_SHAPES, REMOVED));
  }
}

/** URLs in a text without their user name and password; linear in the text's length. */
export function scrubUserinfo(text: string): string {
  return text.includes("@") ? text.replace(USERINFO, `$1${REMOVED}@`) : text;
}

function encodings(value: string, username: string | undefined): readonly string[] {
  const percent = encodeURIComponent(value);
  const forms = [
    value,
    percent,
    percent.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase()),
    encodeURIComponent(percent),
    JSON.stringify(value).slice(1, -1),
    JSON.stringify(JSON.stringify(value).slice(1, -1)).slice(1, -1),
    new URLSearchParams({ v: value }).toString().slice(2),
    ...base64Forms(value),
  ];
  for (const user of [username, "x-access-token", "oauth2", "git"]) {
    if (user !== undefined) forms.push(...base64Forms(`${user}:${value}`));
  }
  return forms.filter((form) => form.length >= MIN_LENGTH);
}

/** The value's base64 wherever it begins within a group of three bytes: only the inner, stable characters. */
function base64Forms(value: string): readonly string[] {
  const bytes = Buffer.from(value, "utf8");
  const forms: string[] = [];
  for (let offset = 0; offset < 3; offset++) {
    const shifted = Buffer.concat([Buffer.alloc(offset), bytes]);
    const start = Math.ceil((offset * 8) / 6);
    const end = Math.floor((shifted.length * 8) / 6);
    for (const alphabet of ["base64", "base64url"] as const) {
      const form = shifted.toString(alphabet).slice(start, end);
      if (form.length >= 8) forms.push(form);
    }
  }
  return forms;
}

function compile(forms: readonly string[]): RegExp {
  if (forms.length === 0) return /(?!)/g;
  // Longest first: where one value begins another, the whole of the longer one must go.
  const byLength = forms.toSorted((a, b) => b.length - a.length);
  return new RegExp(byLength.map((form) => RegExp.escape(form)).join("|"), "g");
}
