/**
 * The one name of a target repository, whatever spelling a route uses, and the lane its jobs wait in.
 *
 * Runs are exclusive on a target key: two spellings with one key never run at the same time.
 */

declare const targetKeyBrand: unique symbol;

/** `https://host[:port]/path` without userinfo, default port, `.git` or trailing slash; or `file:///real/path`. */
export type TargetKey = string & { readonly [targetKeyBrand]: never };

/** Forges that treat upper and lower case of a path alike. */
const CASE_INSENSITIVE_HOSTS = new Set(["github.com", "gitlab.com", "bitbucket.org", "codeberg.org"]);

/**
 * The key of a target URL. A local path must be given as a `file://` URL of its real path: resolving links
 * needs a file system, which is not known here.
 *
 * @throws {TypeError} when `url` is not absolute.
 */
export function targetKeyOf(url: string): TargetKey {
  const scp = /^(?:[^@/:]+@)?([^/:]+):(?!\/\/)(.+)$/u.exec(url);
  const parsed = new URL(scp ? `ssh://${scp[1]}/${(scp[2] ?? "").replace(/^\/+/u, "")}` : url);
  if (parsed.protocol === "file:") return `file://${trimPath(parsed.pathname)}` as TargetKey;
  const host = parsed.hostname.toLowerCase();
  const path = trimPath(parsed.pathname);
  const folded = CASE_INSENSITIVE_HOSTS.has(host) ? path.toLowerCase() : path;
  const port =
    parsed.port === "" || (parsed.protocol === "ssh:" && parsed.port === "22") ? "" : `:${parsed.port}`;
  return `${host}${port}${folded}` as TargetKey;
}

/** The queue of a target's host: `sync.github.com`; characters that a queue name may not hold are escaped. */
export function laneOf(key: TargetKey): string {
  if (key.startsWith("file://")) return "sync.local";
  const host = key.slice(0, key.indexOf("/"));
  return `sync.${host.replaceAll(/[^a-z0-9.-]/gu, (character) => `_${character.codePointAt(0)?.toString(16) ?? ""}_`)}`;
}

/** `/a/b.git/`, `/a/b` and the work tree's `/a/b/.git` are one repository. */
function trimPath(path: string): string {
  const trimmed = path.replace(/\/+$/u, "").replace(/\/?\.git$/u, "");
  return trimmed === "" ? "/" : trimmed;
}
