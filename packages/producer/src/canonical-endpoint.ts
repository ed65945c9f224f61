/**
 * One spelling for each repository, so that two requests for the same thing are seen to be one.
 *
 * Looks at the local file system only; whether a remote exists is the engine's to find out.
 */

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { targetKeyOf, type Endpoint, type TargetKey } from "@gitsync/jobs";
import { localUrl } from "@gitsync/runtime";
import { ProducerError } from "./producer-error.ts";

/**
 * The endpoint with a local path as the `file://` URL of its real path. Links are resolved as far as the path
 * exists, because a target may have to be created first.
 *
 * @throws {ProducerError} `REQUEST_INVALID` for a URL with credentials in it, and for what is no address at all.
 */
export function canonicalEndpoint(endpoint: Endpoint, role: "source" | "target"): Endpoint {
  const { url } = endpoint;
  if (url.includes("\0")) throw invalid(role, "it holds a NUL character");
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//iu.exec(url)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    return isScpAddress(url) ? endpoint : { ...endpoint, url: localUrl(resolve(url)) };
  }
  if (!URL.canParse(url)) throw invalid(role, "it is not a URL");
  const parsed = new URL(url);
  if (parsed.password !== "" || (parsed.username !== "" && scheme !== "ssh")) {
    throw invalid(role, "it holds a user name or password; name a credential instead");
  }
  if (scheme !== "file") return endpoint;
  try {
    return { ...endpoint, url: localUrl(fileURLToPath(url)) };
  } catch {
    throw invalid(role, "it is not the file:// URL of an absolute path");
  }
}

/** The key that runs of this target are exclusive on. The endpoint has to be canonical. */
export function targetKeyOfEndpoint(endpoint: Endpoint): TargetKey {
  try {
    return targetKeyOf(endpoint.url);
  } catch {
    throw invalid("target", "it is not an address");
  }
}

/** As git sees it: a colon before the first slash means another host, unless such a file exists. */
function isScpAddress(text: string): boolean {
  return /^[^/:]+:/u.test(text) && !existsSync(text);
}

function invalid(role: string, why: string): ProducerError {
  return new ProducerError("REQUEST_INVALID", `Cannot use the ${role} address: ${why}`, {
    field: `${role}.url`,
  });
}
