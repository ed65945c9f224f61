/**
 * From the place where a secret is kept to the secret, read again each time it is needed: whoever rotates one
 * writes the new value there and restarts nothing.
 */

import { execFile } from "node:child_process";
import { open } from "node:fs/promises";
import type { SecretReference } from "./config/fleet-config.ts";
import { errorCode, RuntimeError } from "./errors.ts";
import { RotatingSecrets } from "./rotating-secrets.ts";
import type { SecretRegistry } from "./secret-registry.ts";
import type { Secret } from "./secret.ts";

/** No key, token or list of host keys is longer. */
const MAX_BYTES = 1024 * 1024;
const COMMAND_TIMEOUT_MS = 30_000;
/** A program may ask somebody over the network: what it said is good for this long, unless it is refused. */
const COMMAND_KEPT_MS = 5 * 60_000;
/** What a program sees of the environment, which holds the secrets of others. */
const COMMAND_VARIABLES = ["PATH", "HOME", "USER", "LOGNAME", "LANG", "TMPDIR", "XDG_CONFIG_HOME"] as const;

export interface SecretReaderOptions {
  /** Where `env` references are looked up. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Learns every value that was read. */
  readonly secrets: SecretRegistry;
  /** Milliseconds of any clock that only goes forward. Default: `performance.now`. */
  readonly now?: () => number;
}

interface KeptText {
  readonly text: Promise<string>;
  readonly until: number;
}

/** Reads secrets by reference. Holds no value but what a program printed within the last minutes. */
export class SecretReader {
  readonly #env: SecretReaderOptions["env"];
  readonly #now: () => number;
  readonly #rotating: RotatingSecrets;
  readonly #printed = new Map<string, KeptText>();

  constructor({ env, secrets, now = () => performance.now() }: SecretReaderOptions) {
    this.#env = env;
    this.#now = now;
    this.#rotating = new RotatingSecrets(secrets);
  }

  /**
   * The secret as it is now, without one newline at its end. With `username`, the pair is scrubbed as it is sent
   * in `Authorization: Basic`, too.
   *
   * @throws {RuntimeError} `SECRET_UNREADABLE`, which names the place and never what is in it.
   */
  async read(reference: SecretReference, username?: string): Promise<Secret> {
    return this.#rotating.keep(nameOf(reference), await this.readPublic(reference), username);
  }

  /** The same for what is kept like a secret and is none, such as the host keys that are believed. */
  async readPublic(reference: SecretReference): Promise<string> {
    const text = withoutNewline(await this.#text(reference));
    if (text === "") throw unreadable(reference, "is empty");
    return text;
  }

  /** It was refused: a program is asked again before its answer is used another time. */
  forget(reference: SecretReference): void {
    this.#printed.delete(nameOf(reference));
  }

  #text(reference: SecretReference): Promise<string> {
    switch (reference.type) {
      case "env": {
        const value = this.#env[reference.name];
        return value === undefined
          ? Promise.reject(unreadable(reference, "is not set"))
          : Promise.resolve(value);
      }
      case "file":
        return readSmallFile(reference);
      case "command":
        return this.#output(reference);
    }
  }

  #output(reference: CommandReference): Promise<string> {
    const name = nameOf(reference);
    const kept = this.#printed.get(name);
    if (kept !== undefined && this.#now() < kept.until) return kept.text;
    const text = run(reference, this.#env);
    const asked: KeptText = { text, until: this.#now() + COMMAND_KEPT_MS };
    this.#printed.set(name, asked);
    text.catch(() => {
      if (this.#printed.get(name) === asked) this.#printed.delete(name);
    });
    return text;
  }
}

type FileReference = Extract<SecretReference, { type: "file" }>;
type CommandReference = Extract<SecretReference, { type: "command" }>;

async function readSmallFile(reference: FileReference): Promise<string> {
  try {
    await using file = await open(reference.path);
    const buffer = Buffer.alloc(MAX_BYTES + 1);
    let length = 0;
    // Not by its size: a pipe and a file below /proc have none.
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    if (length > MAX_BYTES) throw unreadable(reference, `is larger than ${MAX_BYTES} bytes`);
    return buffer.toString("utf8", 0, length);
  } catch (error) {
    if (error instanceof RuntimeError) throw error;
    throw unreadable(reference, `cannot be read (${errorCode(error) ?? "unknown error"})`);
  }
}

/** Its own error output may hold secrets: the program's exit is all that is told. */
function run(reference: CommandReference, env: SecretReaderOptions["env"]): Promise<string> {
  const [program, ...args] = reference.argv;
  const options = {
    env: Object.fromEntries(COMMAND_VARIABLES.map((name) => [name, env[name]])),
    timeout: COMMAND_TIMEOUT_MS,
    killSignal: "SIGKILL",
    maxBuffer: MAX_BYTES,
    encoding: "utf8",
  } as const;
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, options, (error, stdout) => {
      if (error === null) return resolve(stdout);
      const how =
        error.killed === true
          ? `gave no answer within ${COMMAND_TIMEOUT_MS / 1000} s`
          : typeof error.code === "number"
            ? `ended with status ${error.code}`
            : `could not be used (${error.code ?? error.signal ?? "unknown error"})`;
      reject(unreadable(reference, how));
    });
    child.stdin?.end();
  });
}

function withoutNewline(text: string): string {
  return text.replace(/\r?\n$/u, "");
}

function nameOf(reference: SecretReference): string {
  switch (reference.type) {
    case "env":
      return `env ${reference.name}`;
    case "file":
      return `file ${reference.path}`;
    case "command":
      return `command ${JSON.stringify(reference.argv)}`;
  }
}

/** Arguments of a program are not shown: some take a secret there, although none should. */
function unreadable(reference: SecretReference, what: string): RuntimeError {
  switch (reference.type) {
    case "env":
      return new RuntimeError("SECRET_UNREADABLE", `The environment variable ${reference.name} ${what}`, {
        place: `env ${reference.name}`,
      });
    case "file":
      return new RuntimeError("SECRET_UNREADABLE", `The secret's file ${reference.path} ${what}`, {
        place: `file ${reference.path}`,
      });
    case "command":
      return new RuntimeError("SECRET_UNREADABLE", `The secret's program ${reference.argv[0]} ${what}`, {
        place: `command ${reference.argv[0]}`,
      });
  }
}
