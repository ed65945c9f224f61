/** Reads `mirrors.yaml` and what it includes: whole or not at all, every fault with its file, line and path. */

import { readFile } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { errorText, RuntimeError } from "../errors.ts";
import { checkHosts, checkMirrors, type Located, type WrittenConfig } from "./check-mirrors.ts";
import { ConfigDocument } from "./config-document.ts";
import { configuredRoutes, routeConflicts } from "./configured-routes.ts";
import type { FleetConfig } from "./fleet-config.ts";
import { findIncluded, isPattern } from "./included-files.ts";
import { interpretMirrorsFile } from "./interpret.ts";
import {
  includedFileSchema,
  mirrorsFileSchema,
  type MirrorsFile,
  type WrittenCredential,
  type WrittenMirror,
} from "./mirrors-schema.ts";
import { soundParts, type SoundParts } from "./sound-parts.ts";

const MAX_BYTES = 32 * 1024 * 1024;
const MAX_INCLUDES = 10_000;

/** A configuration, and where it came from. */
export interface LoadedConfig {
  readonly config: FleetConfig;
  /** Absolute paths of every file it came from, the main one first. */
  readonly files: readonly string[];
}

/** Absolute paths of what a configuration was read from, known also when it has faults. */
export interface ConfigPlaces {
  readonly files: Set<string>;
  /** Folders in which another file that is included may appear. */
  readonly folders: Set<string>;
}

/**
 * Read and check a mirrors file and everything that it includes. `places` learns what was looked at on the way.
 *
 * @throws {RuntimeError} `CONFIG_INVALID`; the message and `details.faults` list every fault as
 * `FILE:LINE PATH: what is wrong`.
 */
export async function loadConfig(
  path: string,
  places: ConfigPlaces = { files: new Set(), folders: new Set() },
): Promise<LoadedConfig> {
  const main = resolve(path);
  places.files.add(main);
  const document = new ConfigDocument(await readText(main, path), path);
  const parts = soundParts(document, mirrorsFileSchema);
  const included = await readIncludes({ document, parts }, main, places);
  return { config: settle({ document, parts }, included), files: [...places.files] };
}

/** The same, from text that includes nothing; `path` is used in messages only. */
export function parseConfig(text: string, path: string): FleetConfig {
  const document = new ConfigDocument(text, path);
  const parts = soundParts(document, mirrorsFileSchema);
  if (parts.main.include !== undefined) document.fault(["include"], "needs a file to look beside");
  return settle({ document, parts }, []);
}

interface ReadFile {
  readonly document: ConfigDocument;
  readonly parts: SoundParts;
}

interface IncludedFile extends ReadFile {
  readonly path: string;
}

/** Everything that can be checked is, whatever has faults already; only what has none at all is settled. */
function settle(main: ReadFile, included: readonly IncludedFile[]): FleetConfig {
  const files = [main, ...included];
  const written = gathered(main, files);
  checkMirrors(written);
  const { whole, mirrors } = soundWhole(main, files, written);
  const config = whole && interpretMirrorsFile(whole);
  if (config !== undefined) reportConflicts(config, mirrors);
  const documents = files.map(({ document }) => document);
  if (config === undefined || documents.some(({ faults }) => faults.length > 0)) throw invalid(documents);
  return config;
}

interface GatheredConfig extends WrittenConfig {
  /** Mirrors in which something is wrong. */
  readonly faulty: ReadonlySet<WrittenMirror>;
}

/** The parts of all files as one. */
function gathered(main: ReadFile, files: readonly ReadFile[]): GatheredConfig {
  const credentials = new Map<string, Located<WrittenCredential> | undefined>();
  const mirrors: Located<WrittenMirror>[] = [];
  const faulty = new Set<WrittenMirror>();
  for (const { document, parts } of files) {
    const fault: Located<unknown>["fault"] = (keys, message) => document.fault(keys, message);
    checkHosts(parts.main.hosts, fault);
    for (const [id, value] of parts.credentials) {
      const keys = ["credentials", id];
      if (credentials.has(id)) fault(keys, "names a second credential");
      credentials.set(id, value && { value, keys, fault });
    }
    for (const [index, value] of parts.mirrors) {
      const mark: Located<unknown>["fault"] = (keys, message) => {
        faulty.add(value);
        fault(keys, message);
      };
      mirrors.push({ value, keys: ["mirrors", index], fault: mark });
    }
  }
  const unread = new Set(files.flatMap(({ parts }) => [...parts.unread]));
  // What could not be read may hold any credential.
  if (unread.has("include")) unread.add("credentials");
  return {
    main: { value: main.parts.main, keys: [], fault: (keys, message) => main.document.fault(keys, message) },
    credentials,
    mirrors,
    unread,
    faulty,
  };
}

/** As one file, with the mirrors that have no fault; nothing when the rules of all of them have one. */
function soundWhole(
  { document, parts }: ReadFile,
  files: readonly ReadFile[],
  { credentials, mirrors: all, faulty }: GatheredConfig,
): { readonly whole: MirrorsFile | undefined; readonly mirrors: readonly Located<WrittenMirror>[] } {
  const mirrors = all.filter(({ value }) => !faulty.has(value));
  const isSound = files.every((file) => file.document.faults.length === 0);
  if (!isSound && (parts.unread.size > 0 || document.faults.length > 0)) return { whole: undefined, mirrors };
  const hosts = Object.assign({}, ...files.toReversed().map((file) => file.parts.main.hosts ?? {}));
  const whole: MirrorsFile = {
    ...parts.main,
    version: 1,
    hosts,
    // Routes are told apart without them.
    credentials: isSound
      ? Object.fromEntries(
          [...credentials].flatMap(([id, located]) => (located ? [[id, located.value]] : [])),
        )
      : {},
    mirrors: mirrors.map(({ value }) => value),
  };
  return { whole, mirrors };
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
  { document: main, parts }: ReadFile,
  mainPath: string,
  places: ConfigPlaces,
): Promise<readonly IncludedFile[]> {
  const folder = dirname(mainPath);
  const paths = new Set<string>();
  for (const [index, pattern] of (parts.main.include ?? []).entries()) {
    if (!isAbsolute(pattern) && relative(folder, join(folder, pattern)).startsWith("..")) {
      main.fault(["include", index], "leads out of the file's folder: write the whole path if that is meant");
      continue;
    }
    const { files, folders } = await findIncluded(pattern, folder);
    if (files.length === 0 && !isPattern(pattern)) main.fault(["include", index], "is not there");
    for (const file of files) paths.add(file);
    for (const place of folders) places.folders.add(place);
  }
  paths.delete(mainPath);
  if (paths.size > MAX_INCLUDES) main.fault(["include"], `finds more than ${MAX_INCLUDES} files`);
  const read = [...paths].slice(0, MAX_INCLUDES);
  for (const path of read) places.files.add(path);
  return await Promise.all(
    read.map(async (path): Promise<IncludedFile> => {
      const shown = relative(process.cwd(), path) || path;
      const document = new ConfigDocument(await readText(path, shown), shown);
      return { path, document, parts: soundParts(document, includedFileSchema) };
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
