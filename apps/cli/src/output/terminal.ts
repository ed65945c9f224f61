/**
 * The only place that writes to standard output and standard error.
 *
 * Standard output carries the result and nothing else; everything for a watching person goes to standard error.
 * Every byte passes the scrubber first, so that no mistake elsewhere can show a secret.
 */

import type { Writable } from "node:stream";

/** A stream that may be a terminal. */
export interface OutputStream extends Writable {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface Terminal {
  /** True when standard error is a terminal, so that a live line makes sense. */
  readonly interactive: boolean;
  /** Characters of a line of standard output; `undefined` where it is no terminal, and nothing may be cut. */
  readonly columns: number | undefined;
  /** Part of the result: whole lines. */
  readonly result: (text: string) => void;
  /** For the person who watches: whole lines on standard error. */
  readonly note: (text: string) => void;
  /** Replace the live line on standard error; an empty text removes it. */
  readonly live: (text: string) => void;
  /** From here on, every text passes this first: it takes out the secrets that a command knows. */
  protect(scrub: (text: string) => string): void;
  /** Resolves when everything written so far has left the process, with the error that kept the result in, if any did. */
  flush(): Promise<NodeJS.ErrnoException | undefined>;
}

export function createTerminal(stdout: OutputStream, stderr: OutputStream): Terminal {
  const interactive = stderr.isTTY === true;
  let liveShown = false;
  let scrubSecrets = (text: string): string => text;

  const scrub = (text: string): string =>
    scrubSecrets(text).replaceAll(/(:\/\/)[^/\s@"'\\]*@/gu, "$1[secret]@");
  const clearLive = (): void => {
    if (liveShown) stderr.write("\r\u001b[2K");
    liveShown = false;
  };
  let lost: NodeJS.ErrnoException | undefined;
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    // A reader that went away (`git-sync … | head`) is no failure of ours.
    if (error.code !== "EPIPE" && error.code !== "ERR_STREAM_DESTROYED") lost ??= error;
  });
  // What nobody can be told must not end what is being done.
  stderr.on("error", () => undefined);

  return {
    interactive,
    get columns() {
      return stdout.isTTY === true ? stdout.columns : undefined;
    },
    result: (text) => {
      clearLive();
      stdout.write(scrub(text));
    },
    note: (text) => {
      clearLive();
      stderr.write(scrub(text));
    },
    live: (text) => {
      if (!interactive) return;
      clearLive();
      if (text === "") return;
      stderr.write(scrub(text).slice(0, (stderr.columns || 80) - 1));
      liveShown = true;
    },
    protect: (next) => {
      const before = scrubSecrets;
      scrubSecrets = (text) => next(before(text));
    },
    flush: async () => {
      clearLive();
      await Promise.all([drained(stdout), drained(stderr)]);
      return lost;
    },
  };
}

function drained(stream: OutputStream): Promise<void> {
  // An error is told a moment after the write that met it, also by a stream that holds nothing back.
  if (stream.destroyed || stream.writableLength === 0) return new Promise((resolve) => setImmediate(resolve));
  return new Promise((resolve) => {
    stream.write("", () => setImmediate(resolve));
  });
}
