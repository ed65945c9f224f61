/** What the command line of the benchmark may say. */

import { parseArgs } from "node:util";
import { STORES, type StoreKind } from "./fleet.ts";

export interface BenchSettings {
  /** Benchmarks to run; none named: all. */
  readonly names: readonly string[];
  readonly json: boolean;
  /** A bare repository to mirror instead of a generated one. */
  readonly repository: string | undefined;
  /** Size of the generated repository's pack. */
  readonly megabytes: number;
  /** How often each side of a comparison is run. */
  readonly repeat: number;
  /** What the fleet's figures are measured on. */
  readonly stores: readonly StoreKind[];
}

export const USAGE = `npm run bench [-- --json] [--repository PATH] [--megabytes N] [--repeat N] [--store KIND] [NAME…]

  --json             one JSON document instead of a table
  --repository PATH  mirror this bare repository instead of a generated one
  --megabytes N      size of the generated repository's pack (default 300)
  --repeat N         runs of each side of a comparison (default 2)
  --store KIND       what a fleet is measured on: redis, embedded or both (default both)
`;

/** @throws {TypeError} for a flag that is not known. */
export function parseSettings(args: readonly string[]): BenchSettings {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      repository: { type: "string" },
      megabytes: { type: "string", default: "300" },
      repeat: { type: "string", default: "2" },
      store: { type: "string", default: "both" },
    },
  });
  return {
    names: positionals,
    json: values.json,
    repository: values.repository,
    megabytes: positive("--megabytes", values.megabytes),
    repeat: positive("--repeat", values.repeat),
    stores: storesOf(values.store),
  };
}

function storesOf(text: string): readonly StoreKind[] {
  const stores = STORES.filter((store) => text === "both" || text === store);
  if (stores.length === 0) throw new TypeError("--store takes redis, embedded or both");
  return stores;
}

function positive(flag: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new TypeError(`${flag} takes a whole number from 1 up`);
  return value;
}
