/**
 * Where a repository is: an endpoint's URL as an object without any secret.
 *
 * Everything downstream takes the object, never the text, so that no two parsers can disagree about a host.
 */

/** A server that speaks smart HTTP. */
export interface HttpLocation {
  readonly kind: "http";
  /** `https://host[:port]`, lower case, default port left out. Credentials are bound to it. */
  readonly origin: string;
  readonly hostname: string;
  /** The path with its leading slash and without a trailing one. */
  readonly path: string;
}

/** A repository behind `ssh`. Every part is safe as an argument: none begins with a dash. */
export interface SshLocation {
  readonly kind: "ssh";
  /** `undefined`: whoever the credentials, the user's configuration or the local account name. */
  readonly user: string | undefined;
  /** As typed, since it may be an alias in the user's configuration; an IPv6 address stands without brackets. */
  readonly hostname: string;
  /** `undefined`: what the user's configuration says, or 22. */
  readonly port: number | undefined;
  /** As the server gets it: absolute, below a home (`~ann/a.git`), or relative to the user's own (`a.git`). */
  readonly path: string;
}

/** A repository behind git's own daemon: TCP, no encryption, no user. */
export interface DaemonLocation {
  readonly kind: "daemon";
  /** Lower case; an IPv6 address stands without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** Absolute, or `~ann/a.git`. */
  readonly path: string;
}

/** A repository in a file system that this process can reach. */
export interface PathLocation {
  readonly kind: "path";
  /** Absolute. */
  readonly path: string;
}

/** A repository that only a program `git-remote-<scheme>` can reach: gitremote-helpers(7). */
export interface HelperLocation {
  readonly kind: "helper";
  /** Lower case; never one that is spoken here, and never one that runs commands. */
  readonly scheme: string;
  /** What the helper is given: the whole URL of `scheme://…`, or what follows `scheme::`. */
  readonly address: string;
}

export type RemoteLocation = HttpLocation | SshLocation | DaemonLocation | PathLocation | HelperLocation;

/** The port that a git daemon listens on unless told otherwise: git-daemon(1). */
export const DAEMON_PORT = 9418;
/** The port of ssh. */
export const SSH_PORT = 22;

/** The address as it may be shown: without secrets by construction. Read again it gives the same location. */
export function printLocation(location: RemoteLocation): string {
  switch (location.kind) {
    case "http":
      return `${location.origin}${location.path}`;
    case "path":
      return location.path;
    case "ssh":
      return printSsh(location);
    case "daemon": {
      const port = location.port === DAEMON_PORT ? "" : `:${location.port}`;
      return `git://${bracketed(location.hostname)}${port}${printPath(location.path)}`;
    }
    case "helper":
      return location.address.toLowerCase().startsWith(`${location.scheme}://`)
        ? location.address
        : `${location.scheme}::${location.address}`;
  }
}

/** The scheme that an operator allows or forbids; `file` stands for paths. */
export function schemeOf(location: RemoteLocation): string {
  switch (location.kind) {
    case "http":
      return location.origin.slice(0, location.origin.indexOf(":"));
    case "ssh":
      return "ssh";
    case "daemon":
      return "git";
    case "path":
      return "file";
    case "helper":
      return location.scheme;
  }
}

/** What credentials are bound to: `https://host[:port]`, `ssh://[user@]host[:port]`; empty where none are sent. */
export function credentialOrigin(location: RemoteLocation): string {
  if (location.kind === "http") return location.origin;
  if (location.kind !== "ssh") return "";
  const { user, hostname, port } = location;
  const name = user === undefined ? "" : `${encodeURIComponent(user)}@`;
  return `ssh://${name}${bracketed(hostname.toLowerCase())}${port === undefined || port === SSH_PORT ? "" : `:${port}`}`;
}

/** A host as it stands in a URL: an IPv6 address needs brackets. */
export function bracketed(hostname: string): string {
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}

function printSsh({ user, hostname, port, path }: SshLocation): string {
  const host = bracketed(hostname);
  // A path below the user's home has no form as a URL.
  if (!/^[/~]/u.test(path)) {
    const address = `${user === undefined ? "" : `${user}@`}${host}`;
    return port === undefined ? `${address}:${path}` : `[${address}:${port}]:${path}`;
  }
  const name = user === undefined ? "" : `${encodeURIComponent(user)}@`;
  return `ssh://${name}${host}${port === undefined ? "" : `:${port}`}${printPath(path)}`;
}

function printPath(path: string): string {
  const encoded = encodeURI(path).replaceAll(/[?#]/gu, (character) => encodeURIComponent(character));
  return path.startsWith("/") ? encoded : `/${encoded}`;
}
