// Hashing for objects and packs.

import { accelerators } from "../accelerators.ts";
import { hashByteLength, type ObjectFormat, type ObjectId, objectIdFromBytes } from "../object-id.ts";
import type { ObjectType } from "./entry.ts";

/** An incremental hash. A digest may be taken once; the bytes fed are not kept. */
export interface Hasher {
  update(bytes: Uint8Array): Hasher;
  /** 20 or 32 bytes, owned by the caller. */
  digest(): Uint8Array;
  digestHex(): ObjectId;
}

/** Start a hash of the repository's format. Host code where there is some, else our own. */
export function createHasher(format: ObjectFormat): Hasher {
  const state = accelerators.createHash(format);
  const hasher: Hasher = {
    update: (bytes) => {
      state.update(bytes);
      return hasher;
    },
    digest: () => state.digest(),
    digestHex: () => objectIdFromBytes(state.digest()),
  };
  return hasher;
}

/** The id of an object: the hash of `type SP size NUL content` (gitformat-loose(5); git-hash-object(1)). */
export function hashObject(type: ObjectType, content: Uint8Array, format: ObjectFormat): ObjectId {
  const id = new Uint8Array(hashByteLength(format));
  hasherOf(format).hash(type, content, id, 0);
  return objectIdFromBytes(id);
}

const hashers: Partial<Record<ObjectFormat, ObjectHasher>> = {};

/** Shared, as what it writes to is used again. */
function hasherOf(format: ObjectFormat): ObjectHasher {
  return (hashers[format] ??= new ObjectHasher(format));
}

/** Objects up to this size are copied behind their header, so that one call hashes both. */
const COPIED_BYTES = 8192;

/** Hashes one object after another, as {@link hashObject} does, for the many. */
export class ObjectHasher {
  readonly #format: ObjectFormat;
  #joined: Uint8Array = new Uint8Array(256);

  constructor(format: ObjectFormat) {
    this.#format = format;
  }

  /** Write the id of an object to `target` at `at`. */
  hash(type: ObjectType, content: Uint8Array, target: Uint8Array, at: number): void {
    if (content.length > COPIED_BYTES) {
      target.set(this.begin(type, content.length).update(content).digest(), at);
      return;
    }
    if (content.length + 32 > this.#joined.length) this.#joined = new Uint8Array(2 * content.length + 32);
    const joined = this.#joined;
    const length = writeObjectHeader(joined, type, content.length);
    joined.set(content, length);
    accelerators.hashInto(this.#format, joined.subarray(0, length + content.length), target, at);
  }

  /** Start the id of an object whose content comes in pieces. */
  begin(type: ObjectType, size: number): Hasher {
    const length = writeObjectHeader(this.#joined, type, size);
    return createHasher(this.#format).update(this.#joined.subarray(0, length));
  }
}

/** @returns its length. */
function writeObjectHeader(target: Uint8Array, type: ObjectType, size: number): number {
  for (let index = 0; index < type.length; index += 1) target[index] = type.charCodeAt(index);
  target[type.length] = 0x20;
  let end = type.length + 1;
  for (let scale = size; scale >= 10; scale = Math.floor(scale / 10)) end += 1;
  let rest = size;
  for (let at = end; at > type.length; at -= 1) {
    target[at] = 0x30 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
  target[end + 1] = 0;
  return end + 2;
}
