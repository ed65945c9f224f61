// Fetch arguments, line by line, as v0 and v2 requests share them. Server side.

import { ProtocolError } from "./errors.ts";
import type { Deepen, FetchRequest } from "./fetch-request.ts";
import { type FilterSpec, parseFilterSpec } from "./filter-spec.ts";
import { type ObjectFormat, type ObjectId, parseObjectId } from "./object-id.ts";
import { parseRefName, type RefName } from "./ref-name.ts";

/** Names of request flags by their argument. */
const FLAGS = {
  "thin-pack": "thinPack",
  "ofs-delta": "ofsDelta",
  "include-tag": "includeTag",
  "no-progress": "noProgress",
  "wait-for-done": "waitForDone",
  "sideband-all": "sidebandAll",
} as const;

/** Collects argument lines into a {@link FetchRequest}. */
export class FetchArguments {
  readonly #format: ObjectFormat;
  readonly #wants: ObjectId[] = [];
  readonly #wantRefs: Set<RefName> = new Set();
  readonly #haves: ObjectId[] = [];
  readonly #shallow: ObjectId[] = [];
  readonly #not: string[] = [];
  readonly #flags: { -readonly [Key in (typeof FLAGS)[keyof typeof FLAGS]]?: true } = {};
  #done = false;
  #filter: FilterSpec | undefined;
  #packfileUris: readonly string[] | undefined;
  #depth: number | undefined;
  #relative = false;
  #since: number | undefined;

  constructor(format: ObjectFormat) {
    this.#format = format;
  }

  /** @returns false for an argument this package does not know. */
  take(argument: string): boolean {
    const split = argument.indexOf(" ");
    if (split === -1) return this.#takeFlag(argument);
    const value = argument.slice(split + 1);
    switch (argument.slice(0, split)) {
      case "want":
        this.#wants.push(parseObjectId(value, this.#format));
        return true;
      case "have":
        this.#haves.push(parseObjectId(value, this.#format));
        return true;
      case "shallow":
        this.#shallow.push(parseObjectId(value, this.#format));
        return true;
      case "want-ref":
        this.#takeWantRef(parseRefName(value));
        return true;
      case "deepen":
        this.#depth = parseCount(value, 0x7fff_ffff);
        return true;
      case "deepen-since":
        this.#since = parseCount(value, Number.MAX_SAFE_INTEGER);
        return true;
      case "deepen-not":
        this.#not.push(value);
        return true;
      case "filter":
        this.#filter = parseFilterSpec(value);
        return true;
      case "packfile-uris":
        if (this.#packfileUris !== undefined) throw invalid("packfile-uris twice");
        this.#packfileUris = value.split(",");
        return true;
      default:
        return false;
    }
  }

  /** What was collected. */
  request(): FetchRequest {
    const request: { -readonly [Key in keyof FetchRequest]: FetchRequest[Key] } = {
      wants: this.#wants,
      haves: this.#haves,
      done: this.#done,
      ...this.#flags,
    };
    if (this.#wantRefs.size > 0) request.wantRefs = [...this.#wantRefs];
    if (this.#shallow.length > 0) request.shallow = this.#shallow;
    if (this.#filter !== undefined) request.filter = this.#filter;
    if (this.#packfileUris !== undefined) request.packfileUris = this.#packfileUris;
    const deepen = this.#deepen();
    if (deepen !== undefined) request.deepen = deepen;
    return request;
  }

  #takeFlag(keyword: string): boolean {
    if (isFlag(keyword)) this.#flags[FLAGS[keyword]] = true;
    else if (keyword === "done") this.#done = true;
    else if (keyword === "deepen-relative") this.#relative = true;
    else return false;
    return true;
  }

  #takeWantRef(name: RefName): void {
    // gitprotocol-v2(5), "fetch": an error, as the answer has a line for each.
    if (this.#wantRefs.has(name)) throw invalid("a ref wanted twice");
    this.#wantRefs.add(name);
  }

  #deepen(): Deepen | undefined {
    const boundary = this.#since !== undefined || this.#not.length > 0;
    if (this.#depth !== undefined) {
      if (boundary) throw invalid("deepen together with deepen-since or deepen-not");
      const depth: Deepen = { type: "depth", depth: this.#depth };
      return this.#relative ? { ...depth, relative: true } : depth;
    }
    if (!boundary) return undefined;
    return {
      type: "boundary",
      ...(this.#since === undefined ? {} : { since: this.#since }),
      ...(this.#not.length > 0 ? { not: this.#not } : {}),
    };
  }
}

function isFlag(keyword: string): keyword is keyof typeof FLAGS {
  return Object.hasOwn(FLAGS, keyword);
}

function parseCount(text: string, most: number): number {
  const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > most) throw invalid("a number out of range");
  return value;
}

function invalid(found: string): ProtocolError {
  return new ProtocolError("REQUEST_INVALID", `Cannot read fetch request: found ${found}`, {
    phase: "fetch-request",
  });
}
