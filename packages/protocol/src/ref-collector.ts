// Gathers refs from advertisement and ls-refs lines: counts them, and sets names aside that git refuses.

import { decodeText } from "./byte-text.ts";
import { ProtocolError, type ProtocolPhase } from "./errors.ts";
import type { ProtocolLimits } from "./limits.ts";
import type { ObjectFormat } from "./object-id.ts";
import { isValidRefName, type RefName } from "./ref-name.ts";
import { RefTable } from "./ref-table.ts";
import { RefTableBuilder } from "./ref-table-builder.ts";

/** Refs and refused names of one answer. */
export class RefCollector {
  /** Names that git check-ref-format refuses. */
  readonly invalidNames: RefName[] = [];
  #rows: RefTableBuilder;
  readonly #limits: ProtocolLimits;
  readonly #phase: ProtocolPhase;
  #lines = 0;
  #bytes = 0;

  constructor(objectFormat: ObjectFormat, limits: ProtocolLimits, phase: ProtocolPhase) {
    this.#rows = new RefTableBuilder(objectFormat);
    this.#limits = limits;
    this.#phase = phase;
  }

  /** The refs. */
  get rows(): RefTableBuilder {
    return this.#rows;
  }

  /** Begin with ids of this format: the first line of an advertisement tells it. Drops the rows, of which there are none. */
  useFormat(objectFormat: ObjectFormat): void {
    this.#rows = new RefTableBuilder(objectFormat);
  }

  /** Count a line of `length` bytes against the limits. */
  count(length: number): void {
    this.#lines += 1;
    this.#bytes += length;
    if (this.#lines > this.#limits.maxRefs) throw this.#exceeded("maxRefs");
    if (this.#bytes > this.#limits.maxAdvertisementBytes) throw this.#exceeded("maxAdvertisementBytes");
  }

  /** Remember the name `source[start..end]`, which {@link RefTableBuilder.add} refused. */
  setAside(source: Uint8Array, start: number, end: number): void {
    this.invalidNames.push(decodeText(source.subarray(start, end)) as RefName);
  }

  /**
   * The refs, with the targets of `symref=FROM:TO` capabilities. Malformed ones and unusable targets are ignored, as
   * git does.
   */
  finish(symrefs: readonly string[] = []): RefTable {
    const columns = this.#rows.finish();
    const table = RefTable.ofColumns(columns);
    if (symrefs.length === 0) return table;
    const targets = new Map(columns.symrefTargets);
    for (const value of symrefs) {
      const split = value.indexOf(":");
      const target = value.slice(split + 1);
      if (split <= 0 || !isValidRefName(target)) continue;
      const from = value.slice(0, split);
      const row =
        from === "HEAD" ? columns.headRow : isValidRefName(from) ? table.rowOf(from as RefName) : -1;
      if (row >= 0) targets.set(row, target as RefName);
    }
    return RefTable.ofColumns({ ...columns, symrefTargets: targets });
  }

  #exceeded(limit: "maxRefs" | "maxAdvertisementBytes"): ProtocolError {
    return new ProtocolError(
      "LIMIT_EXCEEDED",
      `Cannot read refs: more than ${this.#limits[limit]} (${limit})`,
      {
        phase: this.#phase,
        details: { limit },
      },
    );
  }
}
