/** The lockfile installs the same, safe things on every machine. */

import { describe, expect, test } from "vitest";
import { readJson, workspaces, type Manifest, type Workspace } from "./repository.ts";

/** What the checks read of an entry of `package-lock.json`. */
interface LockEntry extends Partial<Manifest> {
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly hasInstallScript?: boolean;
}

/** Older ones have published holes, or lack something that we rely on. */
const MINIMUM_VERSIONS: Readonly<Record<string, string>> = {
  "@fastify/proxy-addr": "5.1.1",
  bullmq: "6.0.0",
  fastify: "5.12.1",
  node: "26.10.0",
  undici: "8.9.0",
};

/** Each of these either opens connections past the guarded connector or runs git with arguments of a stranger. */
const UNWANTED = [
  "@fastify/http-proxy",
  "axios",
  "ip",
  "nodegit",
  "private-ip",
  "request-filtering-agent",
  "simple-git",
  "ssrf-req-filter",
];

const REGISTRY = "https://registry.npmjs.org/";
const INSTALLED = "node_modules/";
const lock = readJson<{ readonly packages: Readonly<Record<string, LockEntry>> }>(
  "package-lock.json",
).packages;
const root: Workspace = { folder: "", manifest: readJson<Manifest>("package.json") };
const own: readonly Workspace[] = [root, ...workspaces()];
const fromRegistry = Object.entries(lock).filter(
  ([path, entry]) => path.includes(INSTALLED) && entry.link !== true,
);

describe("package-lock.json", () => {
  test("holds an integrity hash for every package, and no address but the public registry's", () => {
    const loose = fromRegistry.filter(
      ([, { integrity = "", resolved = REGISTRY }]) =>
        !integrity.startsWith("sha512-") || !resolved.startsWith(REGISTRY),
    );
    expect(loose.map(([path]) => path)).toEqual([]);
  });

  test("names no dependency by git, address or file", () => {
    const strange = Object.entries(lock).flatMap(([path, entry]) =>
      Object.entries(declared(entry))
        .filter(([, range]) => /[/:]/u.test(range) && !range.startsWith("npm:"))
        .map(([name, range]) => `${path || "the root"}: ${name}@${range}`),
    );
    expect(strange).toEqual([]);
  });

  test("links nothing but the packages of this repository", () => {
    const links = Object.entries(lock).filter(([, entry]) => entry.link === true);
    expect(links.map(([, entry]) => entry.resolved ?? "").sort()).toEqual(
      own
        .slice(1)
        .map(({ folder }) => folder)
        .sort(),
    );
  });

  test("agrees with every package.json, so that npm ci accepts it", () => {
    for (const { folder, manifest } of own) {
      const entry = lock[folder];
      expect({ folder, dependencies: entry === undefined ? {} : declared(entry) }).toEqual({
        folder,
        dependencies: declared(manifest),
      });
    }
  });

  test("holds every optional dependency that it names, so that npm ci works on every platform", () => {
    const missing = Object.entries(lock).flatMap(([path, entry]) =>
      Object.keys(entry.optionalDependencies ?? {})
        .filter((name) => resolveFrom(path, name) === undefined)
        .map((name) => `${name}, wanted by ${path || "the root"}`),
    );
    expect(missing).toEqual([]);
  });

  test("has install scripts only where package.json decided about them", () => {
    const withScript = fromRegistry
      .filter(([, entry]) => entry.hasInstallScript === true)
      .map(([path]) => nameOf(path));
    const decided = Object.keys(root.manifest.allowScripts ?? {});
    expect([...new Set(withScript)].sort()).toEqual(decided.sort());
  });

  test.for(Object.entries(MINIMUM_VERSIONS))("has %s at %s or newer, in every copy", ([name, minimum]) => {
    const versions = fromRegistry
      .filter(([path]) => nameOf(path) === name)
      .map(([, entry]) => entry.version ?? "");
    expect(versions.length).toBeGreaterThan(0);
    expect(versions.filter((version) => !isAtLeast(version, minimum))).toEqual([]);
  });

  test.for(UNWANTED)("does not have %s", (name) => {
    expect(fromRegistry.filter(([path]) => nameOf(path) === name)).toEqual([]);
  });

  test("gives every package of this repository the same copy of what several of them name", () => {
    const users = Map.groupBy(
      own.flatMap(({ folder, manifest }) =>
        Object.keys(declared(manifest)).map((name) => ({ folder, name })),
      ),
      ({ name }) => name,
    );
    const split = [...users]
      .filter(([, places]) => new Set(places.map(({ folder, name }) => resolveFrom(folder, name))).size > 1)
      .map(([name, places]) => `${name}: ${places.map(({ folder }) => folder || "the root").join(", ")}`);
    expect(split).toEqual([]);
  });
});

test.for([
  ["8.9.0", "8.9.0", true],
  ["8.12.4", "8.9.0", true],
  ["8.8.9", "8.9.0", false],
  ["10.0.0", "9.9.9", true],
  ["6.0.0-beta.1", "6.0.0", false],
  ["6.1.0-beta.1", "6.0.0", true],
] as const)("isAtLeast(%s, %s) is %s", ([version, minimum, answer]) => {
  expect(isAtLeast(version, minimum)).toBe(answer);
});

function declared(manifest: Partial<Manifest>): Readonly<Record<string, string>> {
  return { ...manifest.optionalDependencies, ...manifest.devDependencies, ...manifest.dependencies };
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf(INSTALLED) + INSTALLED.length);
}

/** Where Node would find `name` for a file of the package at `path`: its own folder first, then every one above. */
function resolveFrom(path: string, name: string): string | undefined {
  for (let folder = path; ; folder = parentOf(folder)) {
    const found = folder === "" ? INSTALLED + name : `${folder}/${INSTALLED}${name}`;
    if (found in lock) return found;
    if (folder === "") return undefined;
  }
}

function parentOf(folder: string): string {
  const at = folder.lastIndexOf("/");
  return at === -1 ? "" : folder.slice(0, at);
}

/** Order of release versions; a pre-release comes before its release. */
function isAtLeast(version: string, minimum: string): boolean {
  const [release = "", preRelease] = version.split(/-(.*)/u);
  const left = release.split(".").map(Number);
  const right = minimum.split(".").map(Number);
  for (const [index, number] of right.entries()) {
    const difference = (left[index] ?? 0) - number;
    if (difference !== 0) return difference > 0;
  }
  return preRelease === undefined;
}
