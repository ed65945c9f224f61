/** The data directory: made once, checked at every start. */

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chown, mkdir, open, readdir, readFile, rename, rm, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { errorText, RuntimeError } from "../errors.ts";
import type { PostgresBinaries } from "./binaries.ts";
import type { ServerAccount } from "./directory.ts";
import { SERVER_USER } from "./layout.ts";
import type { EmbeddedLayout } from "./layout.ts";

/** PostgreSQL's programs get nothing of this process's environment. */
export const SERVER_ENVIRONMENT = { LC_ALL: "C", TZ: "UTC", PATH: "/usr/bin:/bin" } as const;

/**
 * Make the data directory, or check the one that is there. A first start that was cut off leaves nothing that the
 * next one would take for data: `initdb` works beside it, a rename puts it in place.
 *
 * @throws {RuntimeError} `EMBEDDED_DATA_UNUSABLE`, `EMBEDDED_START_FAILED`.
 */
export async function prepareCluster(
  layout: EmbeddedLayout,
  binaries: PostgresBinaries,
  account: ServerAccount | undefined,
): Promise<void> {
  await ownedDirectory(layout.serverSocketDirectory, account);
  const version = await readFile(join(layout.data, "PG_VERSION"), "utf8").catch(() => undefined);
  if (version === undefined) {
    const names = await readdir(layout.data).catch((): string[] => []);
    if (names.length > 0) throw unusable(layout, "it is not a PostgreSQL data directory");
    await initialise(layout, binaries, account);
    return;
  }
  if (Number.parseInt(version, 10) !== binaries.major) {
    throw unusable(
      layout,
      `it was written by PostgreSQL ${version.trim()}, and this version of git-sync brings ${binaries.major}`,
      "The queue holds nothing that cannot be made again: ",
    );
  }
  const { uid } = await stat(layout.data);
  const expected = account?.uid ?? process.getuid?.();
  if (uid !== expected)
    throw unusable(layout, `it belongs to the account ${uid}, and the server would run as ${expected}`);
  if ((await readPassword(layout)) === undefined)
    throw unusable(layout, `its password ${layout.passwordFile} is gone`);
}

/** The server's password, or `undefined` when there is none. */
export async function readPassword(layout: EmbeddedLayout): Promise<string | undefined> {
  const text = await readFile(layout.passwordFile, "utf8").catch(() => "");
  return text.trim() === "" ? undefined : text.trim();
}

async function initialise(
  layout: EmbeddedLayout,
  { initdb }: PostgresBinaries,
  account: ServerAccount | undefined,
): Promise<void> {
  const [fresh, passwordCopy] = [`${layout.data}.new`, `${layout.data}.pw`];
  await rm(fresh, { recursive: true, force: true });
  await rm(layout.data, { recursive: true, force: true });
  await ownedDirectory(fresh, account);
  const password = randomBytes(24).toString("base64url");
  await writePrivate(layout.passwordFile, password);
  // initdb reads the password from a file, as the server's account.
  await writePrivate(passwordCopy, password);
  try {
    if (account !== undefined) await chown(passwordCopy, account.uid, account.gid);
    await run(initdb, account, fresh, [
      `--pgdata=${fresh}`,
      `--username=${SERVER_USER}`,
      `--pwfile=${passwordCopy}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      "--locale=C",
      "--no-instructions",
    ]);
  } finally {
    await unlink(passwordCopy).catch(() => undefined);
  }
  await rename(fresh, layout.data);
}

async function run(
  program: string,
  account: ServerAccount | undefined,
  cwd: string,
  args: readonly string[],
): Promise<void> {
  const child = spawn(program, args, {
    ...account,
    cwd,
    env: SERVER_ENVIRONMENT,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr = `${stderr}${text}`.slice(-2_000);
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  child.once("error", reject);
  child.once("close", (code, signal) => {
    if (code === 0) resolve();
    else reject(new Error(`initdb ended with ${signal ?? code}: ${stderr.trim()}`));
  });
  await promise.catch((error: unknown) => {
    throw new RuntimeError(
      "EMBEDDED_START_FAILED",
      `PostgreSQL's data directory could not be made (${errorText(error)}): check space and rights, ` +
        "or set GITSYNC_QUEUE_URL to redis://… or postgres://…",
      {},
      { cause: error },
    );
  });
}

async function ownedDirectory(path: string, account: ServerAccount | undefined): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  if (account !== undefined) await chown(path, account.uid, account.gid);
}

/** The old file goes first: its mode, or a link in its place, must not decide who can read the new one. */
async function writePrivate(path: string, text: string): Promise<void> {
  await rm(path, { force: true });
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(`${text}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

function unusable({ directory, data }: EmbeddedLayout, why: string, comfort = ""): RuntimeError {
  return new RuntimeError(
    "EMBEDDED_DATA_UNUSABLE",
    `The embedded queue's data in ${data} cannot be used: ${why}. ` +
      `${comfort}move ${directory} away, or set GITSYNC_QUEUE_URL=embedded:DIRECTORY to another directory`,
    { directory },
  );
}
