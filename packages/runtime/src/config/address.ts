/** What the address of a repository says: its scheme, the host in front of it, and where a credential may be shown. */

import { isAbsolute } from "node:path";
import { fileURLToPath } from "node:url";
import type { EgressScheme } from "./fleet-config.ts";

export interface Address {
  readonly scheme: EgressScheme | "other";
  /** `https://example.com:8443`, `ssh://git@host`; empty for local paths. */
  readonly origin: string;
  /** In lower case, with the port where it is not the scheme's own; empty for local paths. */
  readonly host: string;
  /** Of a local repository. */
  readonly path: string | undefined;
}

const DEFAULT_PORTS: ReadonlyMap<string, string> = new Map([
  ["ssh", "22"],
  ["git", "9418"],
  ["http", "80"],
  ["https", "443"],
]);

/** What is wrong with an address comes back as text. Nothing is resolved or opened. */
export function parseAddress(url: string): Address | string {
  if (url.includes("\0")) return "holds a NUL character";
  if (/^[a-z0-9+.-]+::/iu.test(url)) return "names a remote helper, and a fleet runs none";
  const scp = /^([^/:@]+@)?(\[[^\]]+\]|[^/:@[\]]+):(?!\/\/)(.+)$/u.exec(url);
  if (scp !== null)
    return parseAddress(`ssh://${scp[1] ?? ""}${scp[2]}/${(scp[3] ?? "").replace(/^\/+/u, "")}`);
  if (!/^[a-z][a-z0-9+.-]*:\/\//iu.test(url)) {
    if (!isAbsolute(url)) return "is neither a URL nor an absolute path";
    return { scheme: "file", origin: "", host: "", path: url };
  }
  if (!URL.canParse(url)) return "is not a URL";
  const parsed = new URL(url);
  const scheme = parsed.protocol.slice(0, -1);
  if (parsed.password !== "" || (parsed.username !== "" && scheme !== "ssh")) {
    return "holds a user name or password; name a credential instead";
  }
  if (scheme === "file") return fileAddress(url);
  if (parsed.hostname === "") return "names no host";
  const port = parsed.port === "" || parsed.port === DEFAULT_PORTS.get(scheme) ? "" : `:${parsed.port}`;
  const host = `${parsed.hostname.toLowerCase()}${port}`;
  const user = parsed.username === "" ? "" : `${parsed.username}@`;
  const known = scheme === "https" || scheme === "http" || scheme === "ssh" || scheme === "git";
  return { scheme: known ? scheme : "other", origin: `${scheme}://${user}${host}`, host, path: undefined };
}

/** The one spelling of an origin as a credential names it; text says what is wrong. */
export function parseOrigin(text: string): { readonly origin: string } | string {
  const address = parseAddress(text);
  if (typeof address === "string") return address;
  if (address.origin === "") return "is a path; a credential is for another host";
  const path = new URL(text).pathname;
  if (path !== "" && path !== "/") return "names more than scheme, host and port";
  return { origin: address.origin };
}

function fileAddress(url: string): Address | string {
  try {
    return { scheme: "file", origin: "", host: "", path: fileURLToPath(url) };
  } catch {
    return "is not the file:// URL of an absolute path";
  }
}
