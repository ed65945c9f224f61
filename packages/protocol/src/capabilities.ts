// Capabilities: an ordered list of name[=value] that repeats names and keeps what it does not know.

import { ProtocolError } from "./errors.ts";
import type { ObjectFormat } from "./object-id.ts";

/**
 * One capability. No `value` means that the wire had no `=`; an empty value means it had one.
 * gitprotocol-capabilities(5).
 */
export interface Capability {
  readonly name: string;
  readonly value?: string;
}

/**
 * Capabilities in the order of the wire. Names may repeat (`symref`); unknown ones are kept. Immutable.
 * gitprotocol-capabilities(5).
 */
export class CapabilityList implements Iterable<Capability> {
  readonly #entries: readonly Capability[];

  /** Takes capabilities, or their wire text (`"agent=x"`, split at the first `=`). */
  constructor(entries: Iterable<Capability | string> = []) {
    this.#entries = Array.from(entries, (entry) =>
      typeof entry === "string" ? parseCapability(entry) : entry,
    );
  }

  get size(): number {
    return this.#entries.length;
  }

  has(name: string): boolean {
    return this.#entries.some((entry) => entry.name === name);
  }

  /** Value of the first capability of that name; undefined when there is none or it has no value. */
  get(name: string): string | undefined {
    return this.#entries.find((entry) => entry.name === name)?.value;
  }

  /** Values of all capabilities of that name, in order; those without a value are left out. */
  getAll(name: string): string[] {
    return this.#entries.flatMap((entry) =>
      entry.name === name && entry.value !== undefined ? [entry.value] : [],
    );
  }

  entries(): readonly Capability[] {
    return this.#entries;
  }

  [Symbol.iterator](): Iterator<Capability> {
    return this.#entries[Symbol.iterator]();
  }
}

/** Read one capability, split at the first `=` (gitprotocol-v2(5), "Capability Advertisement"). */
export function parseCapability(text: string): Capability {
  const split = text.indexOf("=");
  return split === -1 ? { name: text } : { name: text.slice(0, split), value: text.slice(split + 1) };
}

/** Read the space-separated list of v0 and v1 (gitprotocol-pack(5), "Reference Discovery"); extra spaces are ignored. */
export function parseCapabilities(text: string): CapabilityList {
  return new CapabilityList(text.split(" ").filter((part) => part !== ""));
}

/**
 * Write one capability as a v2 line without its LF: gitprotocol-capabilities(5). A value may hold spaces.
 *
 * @throws {ProtocolError} `CAPABILITY_INVALID` for NUL, LF or an empty name.
 */
export function encodeCapability(capability: Capability): string {
  const text = capability.value === undefined ? capability.name : `${capability.name}=${capability.value}`;
  if (capability.name === "" || /[\0\n]/.test(text) || /[ =]/.test(capability.name)) throw invalid(text);
  return text;
}

/**
 * Write the space-separated list of v0 and v1, without a leading space: gitprotocol-capabilities(5).
 *
 * @throws {ProtocolError} `CAPABILITY_INVALID` for a value with a space, NUL or LF.
 */
export function encodeCapabilities(list: Iterable<Capability>): string {
  return Array.from(list, (capability) => {
    const text = encodeCapability(capability);
    if (text.includes(" ")) throw invalid(text);
    return text;
  }).join(" ");
}

/**
 * The hash that a peer speaks: the first `object-format`, or sha1 when there is none. gitprotocol-capabilities(5).
 *
 * @throws {ProtocolError} `OBJECT_FORMAT_UNSUPPORTED` for another hash.
 */
export function objectFormatOf(list: CapabilityList): ObjectFormat {
  const format = list.get("object-format");
  if (format === undefined || format === "sha1") return "sha1";
  if (format === "sha256") return "sha256";
  throw new ProtocolError(
    "OBJECT_FORMAT_UNSUPPORTED",
    "Cannot speak this object-format: expected sha1 or sha256",
    {
      phase: "capabilities",
      excerpt: new TextEncoder().encode(format.slice(0, 80)),
    },
  );
}

/**
 * True when a space-separated capability value (`fetch=shallow filter`) holds the word.
 * gitprotocol-capabilities(5).
 */
export function hasFeature(list: CapabilityList, capability: string, feature: string): boolean {
  return list.getAll(capability).some((value) => value.split(" ").includes(feature));
}

/**
 * An agent as git writes it: anything but printable ASCII without spaces becomes a dot.
 * gitprotocol-capabilities(5).
 */
export function agentCapability(agent: string): Capability {
  return { name: "agent", value: agent.trim().replace(/[^!-~]/g, ".") };
}

function invalid(text: string): ProtocolError {
  return new ProtocolError("CAPABILITY_INVALID", "Cannot write capability: it holds a separator", {
    phase: "capabilities",
    excerpt: new TextEncoder().encode(text.slice(0, 80)),
  });
}
