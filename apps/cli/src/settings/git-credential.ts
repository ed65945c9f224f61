/**
 * The one place that asks git for credentials that the user keeps: `git credential`, git-credential(1).
 *
 * Fixed arguments; what is secret goes through pipes. Nothing is read or written here but those.
 */

import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";

/** What git's helpers are told and tell, by the names of git-credential(1). */
export type CredentialDescription = Readonly<Record<string, string>>;

export interface GitCredentialOptions {
  readonly environment: Readonly<Record<string, string>>;
  /** Somebody can be asked for a user name and a password. */
  readonly interactive: boolean;
}

/** More than any credential has. */
const MAX_ANSWER = 65_536;
/** How long helpers may take when nobody is there to be asked. */
const ANSWER_WITHIN_MS = 30_000;

/** Runs one operation of `git credential`. */
export type GitCredential = (
  operation: "fill" | "approve" | "reject",
  description: CredentialDescription,
  signal?: AbortSignal,
) => Promise<CredentialDescription | undefined>;

/** `undefined` comes back when git has nothing to say, or is not there. */
export function gitCredential({ environment, interactive }: GitCredentialOptions): GitCredential {
  return async (operation, description, signal) => {
    const input = write(description);
    if (input === undefined) return undefined;
    const limit = interactive ? [] : [AbortSignal.timeout(ANSWER_WITHIN_MS)];
    const child = spawn("git", ["credential", operation], {
      env: { ...environment, ...(interactive ? {} : { GIT_TERMINAL_PROMPT: "0" }) },
      // What helpers say belongs to the user who can answer it.
      stdio: ["pipe", "pipe", interactive ? "inherit" : "ignore"],
      signal: AbortSignal.any([...limit, ...(signal === undefined ? [] : [signal])]),
    });
    const ended = new Promise<boolean>((resolve) => {
      child.once("error", () => resolve(false));
      child.once("close", (status) => resolve(status === 0));
    });
    child.stdin.on("error", () => undefined).end(input);
    const [answer, isOk] = await Promise.all([text(child.stdout).catch(() => ""), ended]);
    signal?.throwIfAborted();
    return isOk && answer.length <= MAX_ANSWER ? read(answer) : undefined;
  };
}

/** `undefined` for what the format cannot hold: git refuses such values, too. */
function write(description: CredentialDescription): string | undefined {
  const entries = Object.entries(description);
  if (entries.some(([, value]) => /[\0\n\r]/u.test(value))) return undefined;
  return `${entries.map(([name, value]) => `${name}=${value}\n`).join("")}\n`;
}

function read(answer: string): CredentialDescription {
  const lines = answer.split("\n").filter((line) => line.includes("="));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}
