/** A YAML document that remembers where everything stood, and collects faults instead of stopping at the first. */

import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import type { Document, Node } from "yaml";

/** A value of the document with the path and line that a message names. */
export interface YamlField {
  /** `egress.allow[0].cidr`; empty for the whole document. */
  readonly path: string;
  readonly line: number;
  /** Of a scalar; `undefined` for lists and mappings, which are never expanded: aliases can make them huge. */
  readonly value: unknown;
  readonly node: unknown;
}

export class YamlReader {
  readonly #faults: { readonly line: number; readonly text: string }[] = [];
  readonly root: YamlField;
  readonly #document: Document.Parsed;
  readonly #lines = new LineCounter();

  constructor(text: string) {
    this.#document = parseDocument(text, { lineCounter: this.#lines, uniqueKeys: true });
    for (const { message, pos } of [...this.#document.errors, ...this.#document.warnings]) {
      this.#fault(this.#lines.linePos(pos[0]).line, message.split("\n", 1)[0] ?? "");
    }
    this.root = this.#field("", this.#document.contents, 1);
  }

  /** `line N, path: what is wrong`, in the order of the document. */
  get faults(): readonly string[] {
    return this.#faults.toSorted((a, b) => a.line - b.line).map(({ text }) => text);
  }

  fault({ line, path }: YamlField, what: string): void {
    if (path === "") this.#fault(line, what);
    else this.#faults.push({ line, text: `line ${line}, ${path}: ${what}` });
  }

  /** The fields of a mapping. Keys of `later` belong to other versions; any other key is a mistake. */
  map(
    field: YamlField,
    keys: readonly string[],
    later: readonly string[] = [],
  ): ReadonlyMap<string, YamlField> {
    const fields = new Map<string, YamlField>();
    const node = this.#resolve(field.node);
    if (!isMap(node)) {
      this.fault(field, "is not a mapping of keys to values");
      return fields;
    }
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : "";
      const entry = this.#field(field.path === "" ? name : `${field.path}.${name}`, value, this.#lineOf(key));
      if (keys.includes(name)) fields.set(name, entry);
      else if (later.includes(name)) this.fault(entry, "not known in this version");
      else this.fault(entry, `unknown key; known here: ${keys.join(", ")}`);
    }
    return fields;
  }

  /** The items of a list; none for a list that is left out. */
  list(field: YamlField | undefined): readonly YamlField[] {
    if (field === undefined) return [];
    const node = this.#resolve(field.node);
    if (isSeq(node)) {
      return node.items.map((item, index) => this.#field(`${field.path}[${index}]`, item, field.line));
    }
    this.fault(field, "is not a list");
    return [];
  }

  /** Whether the field holds nothing, as an empty document does. */
  isNothing(field: YamlField): boolean {
    const node = this.#resolve(field.node);
    return node === undefined || (isScalar(node) && node.value === null);
  }

  isEmptyList(field: YamlField): boolean {
    const node = this.#resolve(field.node);
    return isSeq(node) && node.items.length === 0;
  }

  boolean(field: YamlField): boolean {
    if (typeof field.value === "boolean") return field.value;
    this.fault(field, "is neither true nor false");
    return false;
  }

  /** The value in a list of one, or an empty list and a fault. */
  choice<const T extends string>(field: YamlField, choices: readonly T[]): readonly T[] {
    const chosen = choices.find((choice) => choice === field.value);
    if (chosen !== undefined) return [chosen];
    this.fault(field, `is not one of ${choices.join(", ")}`);
    return [];
  }

  #field(path: string, node: unknown, fallbackLine: number): YamlField {
    const line = this.#lineOf(node) || fallbackLine;
    const resolved = this.#resolve(node);
    return { path, line, node, value: isScalar(resolved) ? resolved.value : undefined };
  }

  #fault(line: number, what: string): void {
    this.#faults.push({ line, text: `line ${line}: ${what}` });
  }

  #resolve(node: unknown): Node | undefined {
    if (isAlias(node)) return node.resolve(this.#document);
    return isMap(node) || isSeq(node) || isScalar(node) ? node : undefined;
  }

  /** 0 when the node has no place of its own. */
  #lineOf(node: unknown): number {
    const offset =
      isMap(node) || isSeq(node) || isScalar(node) || isAlias(node) ? node.range?.[0] : undefined;
    return offset === undefined ? 0 : this.#lines.linePos(offset).line;
  }
}
