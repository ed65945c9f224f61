/**
 * What of a file has the right shape, although another part of it has not: whoever mends a file wants every fault at
 * once, not those that were hidden behind the first ones.
 */

import { validateAgainst, type JsonSchema, type SchemaKey } from "@gitsync/engine/schema";
import type { ConfigDocument } from "./config-document.ts";
import type { MirrorsFile, WrittenCredential, WrittenMirror } from "./mirrors-schema.ts";

/** Of files of thousands of mirrors, in each of which a generator may have made the same mistake. */
const MAX_FAULTS = 100_000;
const VERSION_FAULT = "must be 1: begin the file with version: 1";

/** The parts of one file that may be looked at. */
export interface SoundParts {
  /** Without its mirrors and credentials. Parts that have faults are left out. */
  readonly main: Omit<Partial<MirrorsFile>, "mirrors" | "credentials">;
  /** By name; `undefined` for one that is there and has faults of its own. */
  readonly credentials: ReadonlyMap<string, WrittenCredential | undefined>;
  /** With their places in the list. */
  readonly mirrors: readonly (readonly [index: number, mirror: WrittenMirror])[];
  /** Parts that are there and cannot be read: nothing may be concluded from what they seem to lack. */
  readonly unread: ReadonlySet<string>;
}

/** Note every fault of a document's shape, and take out what has one. */
export function soundParts(document: ConfigDocument, schema: JsonSchema): SoundParts {
  const { value } = document;
  const faults = value === undefined ? [] : validateAgainst(schema, value, MAX_FAULTS);
  for (const { keys, message } of faults) {
    document.fault(keys, keys.length === 1 && keys[0] === "version" ? VERSION_FAULT : message);
  }
  if (!isMapping(value)) return NOTHING;
  const { version } = value;
  if (typeof version === "number" && version !== 1) document.fault(["version"], VERSION_FAULT);
  const faulty = new Set(faults.map(({ keys }) => pathOf(keys.slice(0, 2))));
  const whole = new Set(faults.filter(({ keys }) => keys.length < 2).map(({ keys }) => pathOf(keys)));
  const isSound = (...keys: readonly SchemaKey[]): boolean => !faulty.has(pathOf(keys));
  const { mirrors, credentials, ...others } = value;
  const unread = Object.keys(value).filter((name) => hasFault(faults, name));
  const main = Object.entries(others).filter(([name]) => !unread.includes(name));
  return {
    main: Object.fromEntries(main),
    credentials: whole.has("credentials") ? new Map() : new Map(credentialsOf(credentials, isSound)),
    mirrors: whole.has("mirrors") ? [] : mirrorsOf(mirrors, isSound),
    unread: new Set(
      whole.has("credentials") ? [...unread, "credentials"] : unread.filter((name) => name !== "credentials"),
    ),
  };
}

/** Of a file that is no YAML, or no mapping, nothing is known. */
const NOTHING: SoundParts = {
  main: {},
  credentials: new Map(),
  mirrors: [],
  unread: new Set(["credentials", "egress", "include", "mirrors"]),
};

type IsSound = (...keys: readonly SchemaKey[]) => boolean;

/** What has passed the schema, entry by entry, is what the schema says. */
function credentialsOf(
  written: unknown,
  isSound: IsSound,
): readonly (readonly [string, WrittenCredential | undefined])[] {
  if (!isMapping(written)) return [];
  return Object.entries(written).map(([name, credential]) => [
    name,
    isSound("credentials", name) ? (credential as WrittenCredential) : undefined,
  ]);
}

function mirrorsOf(written: unknown, isSound: IsSound): readonly (readonly [number, WrittenMirror])[] {
  if (!Array.isArray(written)) return [];
  return [...written.entries()]
    .filter(([index]) => isSound("mirrors", index))
    .map(([index, mirror]) => [index, mirror as WrittenMirror]);
}

function hasFault(faults: readonly { readonly keys: readonly SchemaKey[] }[], name: string): boolean {
  return faults.some(({ keys }) => keys[0] === name);
}

function pathOf(keys: readonly SchemaKey[]): string {
  return keys.join("\0");
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
