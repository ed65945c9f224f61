// Gathers refs from advertisement and ls-refs lines: validates names and ids, folds peeled lines, counts.

import type { AdvertisedRef } from "./advertisement.ts";
import type { ChunkText } from "./chunk-text.ts";
import { ProtocolError, type ProtocolPhase } from "./errors.ts";
import type { ProtocolLimits } from "./limits.ts";
import { classifyHex, type ObjectId, trustObjectId } from "./object-id.ts";
import { isValidRefName, isValidRefNameBytes, type RefName } from "./ref-name.ts";

/** A ref while its line is read. */
export interface MutableRef {
  name: RefName;
  oid: ObjectId;
  peeled?: ObjectId;
  symrefTarget?: RefName;
}

/** Refs and refused names of one answer. */
export class RefCollector {
  readonly refs: MutableRef[] = [];
  readonly invalidNames: RefName[] = [];
  readonly #text: ChunkText;
  readonly #limits: ProtocolLimits;
  readonly #phase: ProtocolPhase;
  #lines = 0;
  #bytes = 0;

  constructor(text: ChunkText, limits: ProtocolLimits, phase: ProtocolPhase) {
    this.#text = text;
    this.#limits = limits;
    this.#phase = phase;
  }

  /** Count a line of `length` bytes against the limits. */
  count(length: number): void {
    this.#lines += 1;
    this.#bytes += length;
    if (this.#lines > this.#limits.maxRefs) throw this.#exceeded("maxRefs");
    if (this.#bytes > this.#limits.maxAdvertisementBytes) throw this.#exceeded("maxAdvertisementBytes");
  }

  /** The object id `source[start..end]`, or undefined when it is not hex. */
  readObjectId(source: Uint8Array, start: number, end: number): ObjectId | undefined {
    const kind = classifyHex(source, start, end);
    return kind === "invalid" ? undefined : trustObjectId(this.#text.slice(source, start, end), kind);
  }

  /** Add the ref named `source[start..end]`; an invalid name is set aside and gives undefined. */
  addRef(oid: ObjectId, source: Uint8Array, start: number, end: number): MutableRef | undefined {
    const name = this.#text.slice(source, start, end) as RefName;
    if (!isValidRefNameBytes(source, start, end, false) && name !== "HEAD") {
      this.invalidNames.push(name);
      return undefined;
    }
    const ref: MutableRef = { name, oid };
    this.refs.push(ref);
    return ref;
  }

  /** Record that the tag named before `^{}` peels to `oid`. Dropped unless that tag was the last ref. */
  addPeeled(oid: ObjectId, source: Uint8Array, start: number, end: number): void {
    const tag = this.refs.at(-1);
    if (tag !== undefined && tag.name === this.#text.slice(source, start, end - 3)) tag.peeled = oid;
  }

  /** Apply `symref=FROM:TO` capabilities. Malformed ones and unusable targets are ignored, as git does. */
  applySymrefs(values: readonly string[]): void {
    const targets = new Map<string, RefName>();
    for (const value of values) {
      const split = value.indexOf(":");
      const target = value.slice(split + 1);
      if (split > 0 && isValidRefName(target)) targets.set(value.slice(0, split), target as RefName);
    }
    let left = targets.size;
    for (const ref of this.refs) {
      if (left === 0) return;
      const target = targets.get(ref.name);
      if (target === undefined) continue;
      ref.symrefTarget = target;
      left -= 1;
    }
  }

  /** The refs, for handing out. */
  get advertised(): readonly AdvertisedRef[] {
    return this.refs;
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

/** True when `source[start..end]` ends in `^{}`. */
export function endsWithPeelSuffix(source: Uint8Array, start: number, end: number): boolean {
  return end - start > 3 && source[end - 1] === 0x7d && source[end - 2] === 0x7b && source[end - 3] === 0x5e;
}
