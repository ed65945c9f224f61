/** Reads `mirrors.yaml` and what it includes: whole or not at all, every fault with its file, line and path. */

import { glob, readFile } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { validateAgainst, type JsonSchema, type SchemaKey } from "@gitsync/engine/schema";
import { errorText, RuntimeError } from "../errors.ts";
import { checkMirrors, type Located } from "./check-mirrors.ts";
import { ConfigDocument } from "./config-document.ts";
import { configuredRoutes, routeConflicts } from "./configured-routes.ts";
import type { FleetConfig } from "./fleet-config.ts";
import { interpretMirrorsFile } from "./interpret.ts";
import {
  includedFileSchema,
  mirrorsFileSchema,
  type MirrorsFile,
  type WrittenCredential,
  type WrittenMirror,
} from "./mirrors-schema.ts";

const MAX_BYTES = 32 * 1024 * 1024;
const MAX_INCLUDES = 10_000;

/** A configuration, and where it came from. */
export interface LoadedConfig {
  readonly config: FleetConfig;
  /** Absolute paths of every file it came from, the main one first. */
  readonly files: readonly string[];
  /** Folders in which another file that is included may appear. */
  readonly folders: readonly string[];
}

/**
 * Read and check a mirrors file and everything that it includes.
 *
 * @throws {RuntimeError} `CONFIG_INVALID`; the message and `details.faults` list every fault as
 * `FILE:LINE PATH: what is wrong`.
 */
export async function loadConfig(path: string): Promise<LoadedConfig> {
  const main = resolve(path);
  const document = new ConfigDocument(await readText(main, path), path);
  const written = validated<MirrorsFile>(document, mirrorsFileSchema);
  const included = written?.include === undefined ? [] : await readIncludes(document, written.include, main);
  return {
    config: settle(document, written, included),
    files: [main, ...included.map(({ path: file }) => file)],
    folders: (written?.include ?? []).map((pattern) => folderOf(resolve(dirname(main), pattern))),
  };
}

/** The last folder of a pattern before its first wildcard. */
function folderOf(pattern: string): string {
  const wildcard = pattern.search(/[*?[{]/u);
  return dirname(wildcard === -1 ? pattern : `${pattern.slice(0, wildcard)}x`);
}

/** The same, from text that includes nothing; `path` is used in messages only. */
export function parseConfig(text: string, path: string): FleetConfig {
  const document = new ConfigDocument(text, path);
  const written = validated<MirrorsFile>(document, mirrorsFileSchema);
  if (written?.include !== undefined) document.fault(["include"], "needs a file to look beside");
  return settle(document, written, []);
}

function isMapping(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

interface IncludedFile {
  readonly path: string;
  readonly document: ConfigDocument;
  readonly written: Partial<MirrorsFile> | undefined;
}

function settle(
  document: ConfigDocument,
  written: MirrorsFile | undefined,
  included: readonly IncludedFile[],
): FleetConfig {
  const documents = [document, ...included.map((file) => file.document)];
  if (written === undefined || documents.some(({ faults }) => faults.length > 0)) throw invalid(documents);
  const credentials = new Map<string, Located<WrittenCredential>>();
  const mirrors: Located<WrittenMirror>[] = [];
  let { hosts } = written;
  for (const file of [{ document, written }, ...included]) {
    const fault = (keys: readonly SchemaKey[], message: string): void => file.document.fault(keys, message);
    for (const [id, value] of Object.entries(file.written?.credentials ?? {})) {
      const keys = ["credentials", id];
      if (credentials.has(id)) fault(keys, "names a second credential");
      credentials.set(id, { value, keys, fault });
    }
    for (const [index, value] of (file.written?.mirrors ?? []).entries()) {
      mirrors.push({ value, keys: ["mirrors", index], fault });
    }
    hosts = { ...file.written?.hosts, ...hosts };
  }
  const main: Located<MirrorsFile> = {
    value: written,
    keys: [],
    fault: (keys, message) => document.fault(keys, message),
  };
  checkMirrors({ main, credentials, mirrors });
  if (documents.some(({ faults }) => faults.length > 0)) throw invalid(documents);
  const whole: MirrorsFile = {
    ...written,
    ...(hosts && { hosts }),
    credentials: Object.fromEntries([...credentials].map(([id, { value }]) => [id, value])),
    mirrors: mirrors.map(({ value }) => value),
  };
  const config = interpretMirrorsFile(whole);
  reportConflicts(config, mirrors);
  if (documents.some(({ faults }) => faults.length > 0)) throw invalid(documents);
  return config;
}

function reportConflicts(config: FleetConfig, mirrors: readonly Located<WrittenMirror>[]): void {
  const conflicts = routeConflicts(configuredRoutes(config));
  if (conflicts.length === 0) return;
  const places = new Map(
    mirrors.flatMap((mirror) =>
      mirror.value.targets.map((target, index) => [
        `${mirror.value.id}/${target.id}`,
        () => [mirror, [...mirror.keys, "targets", index]] as const,
      ]),
    ),
  );
  for (const { route, message } of conflicts) {
    const place = places.get(route)?.();
    if (place !== undefined) place[0].fault(place[1], `route ${route} ${message}`);
  }
}

async function readIncludes(
  main: ConfigDocument,
  patterns: readonly string[],
  mainPath: string,
): Promise<readonly IncludedFile[]> {
  const folder = dirname(mainPath);
  const paths = new Set<string>();
  for (const [index, pattern] of patterns.entries()) {
    if (!isAbsolute(pattern) && relative(folder, join(folder, pattern)).startsWith("..")) {
      main.fault(["include", index], "leads out of the file's folder: write the whole path if that is meant");
      continue;
    }
    const found: string[] = [];
    for await (const file of glob(pattern, { cwd: folder })) found.push(file);
    if (found.length === 0 && !/[*?[{]/u.test(pattern)) main.fault(["include", index], "is not there");
    for (const file of found.toSorted()) paths.add(resolve(folder, file));
  }
  paths.delete(mainPath);
  if (paths.size > MAX_INCLUDES) main.fault(["include"], `finds more than ${MAX_INCLUDES} files`);
  return await Promise.all(
    [...paths].slice(0, MAX_INCLUDES).map(async (path): Promise<IncludedFile> => {
      const shown = relative(process.cwd(), path) || path;
      const document = new ConfigDocument(await readText(path, shown), shown);
      return { path, document, written: validated<Partial<MirrorsFile>>(document, includedFileSchema) };
    }),
  );
}

async function readText(path: string, shown: string): Promise<string> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw invalidFile(shown, [`the file cannot be read (${errorText(error)})`]);
  });
  if (bytes.length > MAX_BYTES) throw invalidFile(shown, [`the file is larger than ${MAX_BYTES} bytes`]);
  return bytes.toString("utf8");
}

/** The document's value when it has the schema's shape; `undefined` after noting what is wrong. */
function validated<T>(document: ConfigDocument, schema: JsonSchema): T | undefined {
  const { value } = document;
  if (value === undefined) return undefined;
  const faults = validateAgainst(schema, value);
  for (const { keys, message } of faults) {
    if (keys.length === 1 && keys[0] === "version") document.fault(keys, VERSION_FAULT);
    else document.fault(keys, message);
  }
  if (isVersioned(value) && value.version !== 1) document.fault(["version"], VERSION_FAULT);
  if (document.faults.length === 0) return value as T;
  checkSound(document, value, new Set(faults.map(({ keys }) => keys[0])));
  return undefined;
}

/** Whoever mends a file wants every fault at once: what has the right shape is checked further at once. */
function checkSound(document: ConfigDocument, value: unknown, faulty: ReadonlySet<unknown>): void {
  if (!isMapping(value) || faulty.has(undefined)) return;
  const sound = Object.entries(value).filter(([key]) => !faulty.has(key) || key === "version");
  const main: Located<MirrorsFile> = {
    value: { ...Object.fromEntries(sound), version: 1 },
    keys: [],
    fault: (keys, message) => document.fault(keys, message),
  };
  checkMirrors({ main, credentials: new Map(), mirrors: [] });
}

const VERSION_FAULT = "must be 1: begin the file with version: 1";

function isVersioned(value: unknown): value is { readonly version: number } {
  return (
    typeof value === "object" && value !== null && "version" in value && typeof value.version === "number"
  );
}

function invalid(documents: readonly ConfigDocument[]): RuntimeError {
  const [main] = documents;
  const faults = documents.flatMap((document) =>
    document === main ? document.faults : document.faults.map((fault) => `${document.file}: ${fault}`),
  );
  return invalidFile(main?.file ?? "", faults);
}

function invalidFile(file: string, faults: readonly string[]): RuntimeError {
  return new RuntimeError(
    "CONFIG_INVALID",
    `${file} cannot be used:\n${faults.map((fault) => `  ${fault}`).join("\n")}`,
    { file, faults },
  );
}
