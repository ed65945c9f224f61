/** Packs of selected objects: whole objects, and deltas where they save bytes. */

import { deflateSync } from "node:zlib";
import {
  createHasher,
  encodeDelta,
  encodePackEntryHeader,
  encodePackHeader,
  type ObjectId,
  PACK_HEADER_LENGTH,
  type PackEntryDescription,
} from "@gitsync/protocol";
import type { Selection } from "./object-selection.ts";
import type { ObjectStore } from "./object-store.ts";

export interface PackForm {
  /** Deltas may name bases that are not in the pack. */
  readonly thin: boolean;
  /** Deltas may name their base by its distance. */
  readonly ofsDelta: boolean;
}

/** The pack, piece by piece: its header, one piece per object, its trailer. */
export function* buildPack(store: ObjectStore, selection: Selection, form: PackForm): Generator<Uint8Array> {
  const hasher = createHasher(store.format);
  const writer = new EntryWriter(store, selection, form);
  const pieces = function* (): Generator<Uint8Array> {
    yield encodePackHeader(selection.objects.length);
    for (const { oid, path } of selection.objects) yield writer.write(oid, path);
  };
  for (const piece of pieces()) {
    hasher.update(piece);
    yield piece;
  }
  yield hasher.digest();
}

class EntryWriter {
  readonly #store: ObjectStore;
  readonly #selection: Selection;
  readonly #form: PackForm;
  /** The last object written of each path. */
  readonly #written = new Map<string, ObjectId>();
  readonly #offsets = new Map<ObjectId, number>();
  #offset = PACK_HEADER_LENGTH;

  constructor(store: ObjectStore, selection: Selection, form: PackForm) {
    this.#store = store;
    this.#selection = selection;
    this.#form = form;
  }

  write(oid: ObjectId, path: string): Uint8Array {
    const { type, data } = this.#store.read(oid);
    const delta = this.#delta(data, type, path);
    const { header, content } = delta ?? { header: { type, size: data.length }, content: data };
    const entry = Buffer.concat([encodePackEntryHeader(header), deflateSync(content)]);
    this.#offsets.set(oid, this.#offset);
    this.#offset += entry.length;
    if (path !== "") this.#written.set(path, oid);
    return entry;
  }

  #delta(
    data: Uint8Array,
    type: string,
    path: string,
  ): { readonly header: PackEntryDescription; readonly content: Uint8Array } | undefined {
    const inPack = this.#written.get(path);
    const baseId = inPack ?? (this.#form.thin ? this.#selection.bases.get(path) : undefined);
    const base = baseId === undefined ? undefined : this.#store.get(baseId);
    if (path === "" || baseId === undefined || base?.type !== type) return undefined;
    const content = encodeDelta(base.data, data);
    if (content.length >= data.length) return undefined;
    const baseOffset = this.#offsets.get(baseId);
    const header: PackEntryDescription =
      this.#form.ofsDelta && baseOffset !== undefined
        ? { type: "ofs-delta", size: content.length, baseDistance: this.#offset - baseOffset }
        : { type: "ref-delta", size: content.length, baseId };
    return { header, content };
  }
}
