/** What the command line of the benchmarks may say. */

import { parseArgs } from "node:util";

export interface BenchSettings {
  /** Benchmarks to run; none named: all. */
  readonly names: readonly string[];
  readonly json: boolean;
  /** A bare repository whose packs are read instead of a generated one's. */
  readonly repository: string | undefined;
  /** How often each side of a comparison is run after its warm-up. */
  readonly repeat: number;
}

export const USAGE = `npm run bench -w packages/protocol [-- --json] [--repository PATH] [--repeat N] [NAME…]

  --json             one JSON document instead of a table
  --repository PATH  read the packs of this bare repository instead of a generated one
  --repeat N         runs of each side of a comparison (default 5)
`;

/** @throws {TypeError} for a flag that is not known, or a value that it cannot have. */
export function parseSettings(args: readonly string[]): BenchSettings {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      repository: { type: "string" },
      repeat: { type: "string", default: "5" },
    },
  });
  const repeat = Number(values.repeat);
  if (!Number.isInteger(repeat) || repeat < 1) throw new TypeError("--repeat takes a whole number from 1 up");
  return { names: positionals, json: values.json, repository: values.repository, repeat };
}
