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
  const parsed = parse(url);
  const path = trimPath(parsed.pathname);
  if (parsed.protocol === "file:") return `file://${path}` as TargetKey;
  const folds = CASE_INSENSITIVE_HOSTS.has(parsed.hostname.toLowerCase());
  return `${hostWithPort(parsed)}${folds ? path.toLowerCase() : path}` as TargetKey;
}

/**
 * The host that an address leads to, as `hosts:` of the configuration names it: in lower case, with the port where
 * it is not the scheme's own. Empty for a local path, whose address is a `file://` URL.
 *
 * @throws {TypeError} when `url` is not absolute.
 */
export function hostOf(url: string): string {
  const parsed = parse(url);
  return parsed.protocol === "file:" ? "" : hostWithPort(parsed);
}

function parse(url: string): URL {
  const scp = /^(?:[^@/:]+@)?([^/:]+):(?!\/\/)(.+)$/u.exec(url);
  return new URL(scp ? `ssh://${scp[1]}/${(scp[2] ?? "").replace(/^\/+/u, "")}` : url);
}

/** Of schemes that `URL` does not know the port of. */
const OWN_PORTS: Readonly<Record<string, string>> = { "ssh:": "22", "git:": "9418" };

function hostWithPort({ protocol, hostname, port }: URL): string {
  const host = hostname.toLowerCase();
  return port === "" || port === OWN_PORTS[protocol] ? host : `${host}:${port}`;
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
