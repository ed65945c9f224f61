/** One YAML file as a plain value, and where each part of it stands. Never runs a tag, never expands an alias bomb. */

import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Document } from "yaml";
import { printPath, type SchemaKey } from "@gitsync/engine/schema";

/** Aliases that a document may resolve to; real ones share a handful of anchors. */
const MAX_ALIASES = 1_000;

export class ConfigDocument {
  /** For messages. */
  readonly file: string;
  /** What the document holds; `undefined` when it is no YAML. */
  readonly value: unknown;
  readonly #document: Document.Parsed;
  readonly #lines = new LineCounter();
  readonly #faults: { readonly line: number; readonly text: string }[] = [];

  constructor(text: string, file: string) {
    this.file = file;
    this.#document = parseDocument(text, { lineCounter: this.#lines, uniqueKeys: true });
    for (const { message, pos } of [...this.#document.errors, ...this.#document.warnings]) {
      const { line } = this.#lines.linePos(pos[0]);
      this.#faults.push({ line, text: `line ${line}: ${plain(message)}` });
    }
    this.value = this.#toValue();
  }

  /** Each as `line N, path: what is wrong`, in the order of the file. */
  get faults(): readonly string[] {
    return this.#faults.toSorted((a, b) => a.line - b.line).map(({ text }) => text);
  }

  /** Note that something is wrong with what `keys` lead to, or with what is missing there. */
  fault(keys: readonly SchemaKey[], message: string): void {
    const line = this.lineOf(keys);
    const path = printPath(keys);
    this.#faults.push({ line, text: `line ${line}${path === "" ? "" : `, ${path}`}: ${message}` });
  }

  /** The line of a part; of the nearest thing around it when it is missing. Lines count from 1. */
  lineOf(keys: readonly SchemaKey[]): number {
    let node: unknown = this.#document.contents;
    let line = this.#offsetLine(node) ?? 1;
    for (const key of keys) {
      const next = this.#step(node, key);
      if (next === undefined) break;
      ({ node } = next);
      line = next.line ?? line;
    }
    return line;
  }

  #step(
    node: unknown,
    key: SchemaKey,
  ): { readonly node: unknown; readonly line: number | undefined } | undefined {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
      return pair && { node: pair.value, line: this.#offsetLine(pair.key) };
    }
    if (isSeq(node) && typeof key === "number" && key < node.items.length) {
      const item = node.items[key];
      return { node: item, line: this.#offsetLine(item) };
    }
    return undefined;
  }

  #offsetLine(node: unknown): number | undefined {
    const range = isMap(node) || isSeq(node) || isScalar(node) ? node.range : undefined;
    return range ? this.#lines.linePos(range[0]).line : undefined;
  }

  #toValue(): unknown {
    if (this.#faults.length > 0) return undefined;
    try {
      // An empty file is an empty mapping: its faults are about what is missing.
      return this.#document.toJS({ maxAliasCount: MAX_ALIASES }) ?? {};
    } catch (error) {
      this.#faults.push({
        line: 1,
        text: `line 1: ${error instanceof Error ? error.message : String(error)}`,
      });
      return undefined;
    }
  }
}

/** The parser's words, without the place, which is said already, and its advice to programmers. */
function plain(message: string): string {
  const [first = ""] = message.split("\n", 1);
  if (first.startsWith("Source contains multiple documents"))
    return "begins a second document: write one file for each";
  return first.replace(/ at line \d+, column \d+:?$/u, "");
}
