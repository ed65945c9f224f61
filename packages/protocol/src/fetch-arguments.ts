// Fetch arguments, line by line, as v0 and v2 requests share them. Server side.

import { ProtocolError } from "./errors.ts";
import type { Deepen, FetchRequest } from "./fetch-request.ts";
import { type ObjectFormat, type ObjectId, parseObjectId } from "./object-id.ts";
import { parseRefName, type RefName } from "./ref-name.ts";

/** Names of request flags by their argument. */
const FLAGS: Readonly<Record<string, "thinPack" | "ofsDelta" | "includeTag" | "noProgress" | "waitForDone">> =
  {
    "thin-pack": "thinPack",
    "ofs-delta": "ofsDelta",
    "include-tag": "includeTag",
    "no-progress": "noProgress",
    "wait-for-done": "waitForDone",
  };

/** Collects argument lines into a {@link FetchRequest}. */
export class FetchArguments {
  readonly #format: ObjectFormat;
  readonly #wants: ObjectId[] = [];
  readonly #wantRefs: RefName[] = [];
  readonly #haves: ObjectId[] = [];
  readonly #shallow: ObjectId[] = [];
  readonly #not: string[] = [];
  readonly #flags: { -readonly [Key in (typeof FLAGS)[string]]?: boolean } = {};
  #done = false;
  #filter: string | undefined;
  #depth: number | undefined;
  #relative = false;
  #since: number | undefined;

  constructor(format: ObjectFormat) {
    this.#format = format;
  }

  /** @returns false for an argument this package does not know. */
  take(argument: string): boolean {
    const split = argument.indexOf(" ");
    const keyword = split === -1 ? argument : argument.slice(0, split);
    const value = split === -1 ? "" : argument.slice(split + 1);
    if (split === -1) return this.#takeFlag(keyword);
    if (keyword === "want") this.#wants.push(parseObjectId(value, this.#format));
    else if (keyword === "have") this.#haves.push(parseObjectId(value, this.#format));
    else if (keyword === "shallow") this.#shallow.push(parseObjectId(value, this.#format));
    else if (keyword === "want-ref") this.#wantRefs.push(parseRefName(value));
    else if (keyword === "deepen") this.#depth = parseCount(value, 0x7fff_ffff);
    else if (keyword === "deepen-since") this.#since = parseCount(value, Number.MAX_SAFE_INTEGER);
    else if (keyword === "deepen-not") this.#not.push(value);
    else if (keyword === "filter") this.#filter = value;
    else return false;
    return true;
  }

  /** What was collected. */
  request(): FetchRequest {
    const request: { -readonly [Key in keyof FetchRequest]: FetchRequest[Key] } = {
      wants: this.#wants,
      haves: this.#haves,
      done: this.#done,
      ...this.#flags,
    };
    if (this.#wantRefs.length > 0) request.wantRefs = this.#wantRefs;
    if (this.#shallow.length > 0) request.shallow = this.#shallow;
    if (this.#filter !== undefined) request.filter = this.#filter;
    const deepen = this.#deepen();
    if (deepen !== undefined) request.deepen = deepen;
    return request;
  }

  #takeFlag(keyword: string): boolean {
    const flag = FLAGS[keyword];
    if (flag !== undefined) this.#flags[flag] = true;
    else if (keyword === "done") this.#done = true;
    else if (keyword === "deepen-relative") this.#relative = true;
    else return false;
    return true;
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
