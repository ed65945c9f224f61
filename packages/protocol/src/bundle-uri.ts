// The v2 command bundle-uri, both directions: where a clone may get its first objects. Fetches nothing.

import { type ProtocolLimits, resolveLimits } from "./limits.ts";
import { ProtocolError } from "./errors.ts";
import { type FilterSpec, encodeFilterSpec, parseFilterSpec } from "./filter-spec.ts";
import { LineReader } from "./line-reader.ts";
import type { MessageDecoder } from "./message-decoder.ts";
import type { PktLineKind } from "./pkt-line/packet-scanner.ts";
import { PktLineWriter } from "./pkt-line/pkt-line-encoder.ts";
import { invalidArgument, type V2Command, type V2Session, writeCommand } from "./v2-command.ts";

/** One bundle of a list: git-config(1), "bundle.<id>.*". */
export interface ListedBundle {
  readonly id: string;
  /** The server's word, perhaps relative to the repository: fetch nothing from it unasked. */
  readonly uri: string;
  readonly filter?: FilterSpec;
  /** Greater in younger bundles; a decimal number of up to 64 bits. */
  readonly creationToken?: bigint;
}

/** A list of bundles: gitprotocol-v2(5), "bundle-uri"; git-config(1), "bundle.*". */
export interface BundleList {
  /** Are all of them needed for a clone, or is any one enough? */
  readonly mode: "all" | "any";
  /** Download the youngest first. */
  readonly heuristic?: "creationToken";
  readonly bundles: readonly ListedBundle[];
}

/** One line of the answer, a key of git's configuration and its value. */
export interface BundleListEntry {
  readonly key: string;
  readonly value: string;
}

/**
 * A bundle-uri command: gitprotocol-v2(5), "bundle-uri". A new array.
 *
 * @throws {ProtocolError} `CAPABILITY_MISSING` when the server has no bundle-uri.
 */
export function encodeBundleUriRequest(session: V2Session): Uint8Array {
  const writer = new PktLineWriter();
  writeCommand(writer, "bundle-uri", session);
  return writer.flush().take();
}

/**
 * Check that a bundle-uri command has no arguments: gitprotocol-v2(5), "bundle-uri". Server side.
 *
 * @throws {ProtocolError} `REQUEST_INVALID`.
 */
export function decodeBundleUriRequest(command: V2Command): void {
  const [argument] = command.args;
  if (argument !== undefined) throw invalidArgument("bundle-uri", argument);
}

/**
 * An answer of these lines, without LF as git writes it: gitprotocol-v2(5), "bundle-uri". Server side. A new array.
 */
export function encodeBundleUriResponse(entries: readonly BundleListEntry[]): Uint8Array {
  const writer = new PktLineWriter();
  for (const { key, value } of entries) {
    if (key === "" || value === "" || key.includes("=") || /[\0\n]/.test(key + value))
      throw invalid(`${key}=${value}`);
    writer.line(`${key}=${value}`);
  }
  return writer.flush().take();
}

/** The lines of a list, in git's order. */
export function bundleListEntries(list: BundleList): BundleListEntry[] {
  const entries: BundleListEntry[] = [
    { key: "bundle.version", value: "1" },
    { key: "bundle.mode", value: list.mode },
  ];
  if (list.heuristic !== undefined) entries.push({ key: "bundle.heuristic", value: list.heuristic });
  for (const { id, uri, filter, creationToken } of list.bundles) {
    entries.push({ key: `bundle.${id}.uri`, value: uri });
    if (filter !== undefined) entries.push({ key: `bundle.${id}.filter`, value: encodeFilterSpec(filter) });
    if (creationToken !== undefined) {
      entries.push({ key: `bundle.${id}.creationtoken`, value: String(creationToken) });
    }
  }
  return entries;
}

/**
 * The list that lines make. Unknown keys are for newer clients and ignored; so are bundles without a URI.
 *
 * @returns undefined when the list is of a version this package does not know, or has none: it must be ignored then.
 * @throws {ProtocolError} `BUNDLE_LIST_INVALID` for a mode other than `all` and `any`, a bundle with two URIs or a token that
 * is no number; `FILTER_INVALID`.
 */
export function parseBundleList(entries: readonly BundleListEntry[]): BundleList | undefined {
  const global = new Map<string, string>();
  const bundles = new Map<string, Map<string, string>>();
  for (const { key, value } of entries) {
    // Section and last part of a key are case-insensitive in git's configuration, what is between is not.
    const match = /^bundle\.(?:(.+)\.)?([^.]+)$/is.exec(key);
    const name = match?.[2]?.toLowerCase();
    if (name === undefined) continue;
    const id = match?.[1];
    if (id === undefined) {
      global.set(name, value);
      continue;
    }
    const bundle = bundles.get(id) ?? new Map<string, string>();
    if (name === "uri" && bundle.has("uri")) throw invalid(`${key}=${value}`);
    bundles.set(id, bundle.set(name, value));
  }
  if (global.get("version") !== "1") return undefined;
  const mode = global.get("mode");
  if (mode !== "all" && mode !== "any") throw invalid(`bundle.mode=${mode ?? ""}`);
  return {
    mode,
    ...(global.get("heuristic")?.toLowerCase() === "creationtoken" ? { heuristic: "creationToken" } : {}),
    bundles: [...bundles].flatMap(([id, values]) => listedBundle(id, values)),
  };
}

function listedBundle(id: string, values: ReadonlyMap<string, string>): ListedBundle[] {
  const uri = values.get("uri");
  if (uri === undefined) return [];
  const filter = values.get("filter");
  const token = values.get("creationtoken");
  if (token !== undefined && !/^[0-9]{1,20}$/.test(token))
    throw invalid(`bundle.${id}.creationtoken=${token}`);
  return [
    {
      id,
      uri,
      ...(filter === undefined ? {} : { filter: parseFilterSpec(filter) }),
      ...(token === undefined ? {} : { creationToken: BigInt(token) }),
    },
  ];
}

/**
 * Decodes an answer to bundle-uri into its lines; `parseBundleList` understands them: gitprotocol-v2(5), "bundle-uri".
 */
export class BundleUriDecoder implements MessageDecoder<readonly BundleListEntry[]> {
  readonly #reader: LineReader;
  readonly #entries: BundleListEntry[] = [];

  constructor(options?: { readonly limits?: Partial<ProtocolLimits> }) {
    const limits = resolveLimits(options?.limits);
    this.#reader = new LineReader(
      { name: "bundle-uri answer", phase: "bundle-uri", limits, side: "response" },
      this.#onPacket,
    );
  }

  /**
   * Decode a chunk of any size.
   *
   * @returns true at the flush-pkt; later bytes are in {@link rest}.
   * @throws {ProtocolError} `DELIM_UNEXPECTED`, `RESPONSE_END_UNEXPECTED`, `REMOTE_ERROR`, `LIMIT_EXCEEDED`, `NOT_GIT`,
   * the `PKT_*` codes.
   */
  feed(chunk: Uint8Array): boolean {
    return this.#reader.feed(chunk);
  }

  /** After the end: bytes of the last chunk behind the flush-pkt. A view. */
  rest(): Uint8Array {
    return this.#reader.rest();
  }

  /** @throws {ProtocolError} `PKT_TRUNCATED` or `STREAM_TRUNCATED` unless {@link feed} returned true. */
  finish(): readonly BundleListEntry[] {
    this.#reader.finish();
    return this.#entries;
  }

  readonly #onPacket = (kind: PktLineKind, line: string): boolean => {
    if (kind === "flush") return true;
    // Lines of another form are discarded: gitprotocol-v2(5), "PROTOCOL for bundle-uri".
    const split = line.indexOf("=");
    if (split > 0 && split < line.length - 1) {
      this.#entries.push({ key: line.slice(0, split), value: line.slice(split + 1) });
    }
    return false;
  };
}

function invalid(line: string): ProtocolError {
  return new ProtocolError("BUNDLE_LIST_INVALID", "Cannot use bundle list: a value is not git's", {
    phase: "bundle-uri",
    excerpt: new TextEncoder().encode(line.slice(0, 80)),
  });
}
