// Collects what a fetch answer says before the pack. Shared by the v0 and the v2 decoder.

import { ProtocolError, type ProtocolErrorCode } from "./errors.ts";
import type {
  Acknowledgment,
  AcknowledgmentStatus,
  PackfileUri,
  ShallowInfo,
  WantedRef,
} from "./fetch-response.ts";
import type { ProtocolLimits } from "./limits.ts";
import { isObjectId, type ObjectFormat, type ObjectId } from "./object-id.ts";
import { isValidRefName, type RefName } from "./ref-name.ts";

/** The lines of one answer, checked. */
export class NegotiationRecord {
  readonly acks: Acknowledgment[] = [];
  nak = false;
  ready = false;
  readonly shallow: ObjectId[] = [];
  readonly unshallow: ObjectId[] = [];
  readonly wantedRefs: WantedRef[] = [];
  readonly packfileUris: PackfileUri[] = [];
  readonly #sentHaves: ReadonlySet<ObjectId> | undefined;
  readonly #format: ObjectFormat | undefined;
  readonly #limits: ProtocolLimits;
  #lines = 0;
  #bytes = 0;

  constructor(
    expected: { readonly sentHaves?: ReadonlySet<ObjectId>; readonly objectFormat?: ObjectFormat },
    limits: ProtocolLimits,
  ) {
    this.#sentHaves = expected.sentHaves;
    this.#format = expected.objectFormat;
    this.#limits = limits;
  }

  /** Count a line of `length` bytes against the limits. */
  count(length: number): void {
    this.#lines += 1;
    this.#bytes += length;
    if (this.#lines > this.#limits.maxNegotiationLines) throw exceeded("maxNegotiationLines", "lines");
    if (this.#bytes > this.#limits.maxNegotiationBytes) throw exceeded("maxNegotiationBytes", "bytes");
  }

  /** @returns the status when `line` is an ACK, which is then kept. `implied` is the meaning of a bare one. */
  takeAck(line: string, implied: "common" | "final"): AcknowledgmentStatus | undefined {
    const match = /^ACK ([0-9A-Fa-f]+)(?: (continue|common|ready))?$/.exec(line);
    const oid = match?.[1]?.toLowerCase();
    if (oid === undefined || !isObjectId(oid, this.#format)) return undefined;
    // Servers may acknowledge what they do not have, but never what was not asked about.
    if (this.#sentHaves !== undefined && !this.#sentHaves.has(oid)) {
      throw fetchResponseError("ACK_UNKNOWN", "an ACK for an object that was not a have", line);
    }
    const word = match?.[2];
    const status = word === "continue" || word === "common" || word === "ready" ? word : implied;
    if (status === "ready") this.ready = true;
    this.acks.push({ oid, status });
    return status;
  }

  /** @returns true when `line` is a shallow or unshallow line, which is then kept. */
  takeShallow(line: string): boolean {
    const match = /^(un)?shallow ([0-9A-Fa-f]+)$/.exec(line);
    const oid = match?.[2]?.toLowerCase();
    if (oid === undefined || !isObjectId(oid, this.#format)) return false;
    (match?.[1] === undefined ? this.shallow : this.unshallow).push(oid);
    return true;
  }

  /** @returns true when `line` is a wanted-refs line, which is then kept. */
  takeWantedRef(line: string): boolean {
    const split = line.indexOf(" ");
    const oid = line.slice(0, split).toLowerCase();
    const name = line.slice(split + 1);
    if (!isObjectId(oid, this.#format) || !(isValidRefName(name) || name === "HEAD")) return false;
    this.wantedRefs.push({ name: name as RefName, oid });
    return true;
  }

  /** @returns true when `line` is a packfile-uris line, which is then kept. */
  takePackfileUri(line: string): boolean {
    const split = line.indexOf(" ");
    const hash = line.slice(0, split).toLowerCase();
    if (!isObjectId(hash, this.#format)) return false;
    this.packfileUris.push({ hash, uri: line.slice(split + 1) });
    return true;
  }

  get shallowInfo(): ShallowInfo {
    return { shallow: this.shallow, unshallow: this.unshallow };
  }
}

function exceeded(limit: "maxNegotiationLines" | "maxNegotiationBytes", what: string): ProtocolError {
  return new ProtocolError("LIMIT_EXCEEDED", `Cannot read fetch response: too many ${what} before the pack`, {
    phase: "fetch-response",
    details: { limit },
  });
}

/** An error of this phase that shows the line at fault. */
export function fetchResponseError(code: ProtocolErrorCode, found: string, line: string): ProtocolError {
  return new ProtocolError(code, `Cannot read fetch response: found ${found}`, {
    phase: "fetch-response",
    excerpt: new TextEncoder().encode(line.slice(0, 80)),
  });
}
