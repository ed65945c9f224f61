/** The queue's address, parsed once: everything behind it takes the parsed value. */

import { existsSync, realpathSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { RuntimeError } from "./errors.ts";

/** Where the queue lives. `directory` is absolute; `url` may hold a password: print it with {@link printQueueUrl}. */
export type QueueUrl =
  | { readonly kind: "embedded"; readonly directory: string }
  | { readonly kind: "redis"; readonly url: string }
  | { readonly kind: "postgres"; readonly url: string };

const REMEDY =
  "set GITSYNC_QUEUE_URL (or --queue) to embedded:[DIRECTORY], redis://HOST[:PORT][/DB], rediss://… or postgres://HOST[:PORT]/DATABASE";

/**
 * Read an address. Nothing or `embedded:` means the embedded server in its default directory:
 * `/var/lib/git-sync` as root, else `$XDG_STATE_HOME/git-sync`, else `~/.local/state/git-sync`.
 *
 * @throws {RuntimeError} `QUEUE_URL_INVALID` for any other kind of address;
 * `EMBEDDED_DIRECTORY_UNUSABLE` when the directory lies inside a git repository.
 */
export function parseQueueUrl(text: string | undefined, env: NodeJS.ProcessEnv): QueueUrl {
  const trimmed = text?.trim() ?? "";
  if (trimmed === "" || trimmed.startsWith("embedded:")) {
    const named = trimmed.slice("embedded:".length);
    const directory = named === "" ? defaultStateDirectory(env) : resolve(named);
    refuseInsideRepository(directory);
    return { kind: "embedded", directory };
  }
  const url = URL.canParse(trimmed) ? new URL(trimmed) : undefined;
  const scheme = url?.protocol ?? "";
  if (url === undefined || url.hostname === "") {
    throw invalid("The queue address is not a URL with a host", scheme);
  }
  switch (scheme) {
    case "redis:":
    case "rediss:":
      if (!/^\/?\d*$/.test(url.pathname))
        throw invalid("The path of a Redis address is a database number", scheme);
      return { kind: "redis", url: trimmed };
    case "postgres:":
    case "postgresql:":
      return { kind: "postgres", url: trimmed };
    default:
      throw invalid(`The queue address has the unknown scheme "${scheme.slice(0, 20)}"`, scheme);
  }
}

/** The address without password, query and fragment, for logs and messages. */
export function printQueueUrl(url: QueueUrl): string {
  if (url.kind === "embedded") return `embedded:${url.directory}`;
  const parsed = new URL(url.url);
  const user = parsed.username === "" ? "" : `${parsed.username}@`;
  return `${parsed.protocol}//${user}${parsed.host}${parsed.pathname === "/" ? "" : parsed.pathname}`;
}

function defaultStateDirectory(env: NodeJS.ProcessEnv): string {
  if (process.getuid?.() === 0) return "/var/lib/git-sync";
  // XDG Base Directory Specification: a relative value is invalid and must be ignored.
  const state = env["XDG_STATE_HOME"];
  if (state !== undefined && isAbsolute(state)) return join(state, "git-sync");
  const home = env["HOME"];
  return join(home !== undefined && isAbsolute(home) ? home : homedir(), ".local", "state", "git-sync");
}

/** A database inside a work tree would be committed or cleaned away by `git clean`, one in a bare repository mirrored. */
function refuseInsideRepository(directory: string): void {
  for (let path = realPathOfExisting(directory); ; path = dirname(path)) {
    if (existsSync(join(path, ".git")) || isBareRepository(path)) {
      throw new RuntimeError(
        "EMBEDDED_DIRECTORY_UNUSABLE",
        `The embedded queue cannot keep its data in ${directory}: it lies inside the git repository ${path}. ` +
          "Set GITSYNC_QUEUE_URL=embedded:DIRECTORY to a directory outside of any repository",
        { directory, repository: path },
      );
    }
    if (path === dirname(path)) return;
  }
}

function realPathOfExisting(directory: string): string {
  let path = directory;
  while (!existsSync(path) && path !== dirname(path)) path = dirname(path);
  return realpathSync(path);
}

function isBareRepository(path: string): boolean {
  const isDirectory = (name: string): boolean =>
    statSync(join(path, name), { throwIfNoEntry: false })?.isDirectory() === true;
  return existsSync(join(path, "HEAD")) && isDirectory("objects") && isDirectory("refs");
}

function invalid(fact: string, scheme: string): RuntimeError {
  return new RuntimeError("QUEUE_URL_INVALID", `${fact}: ${REMEDY}`, { scheme: scheme.slice(0, 20) });
}
