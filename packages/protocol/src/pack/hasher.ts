// Hashing for objects and packs.

import { accelerators } from "../accelerators.ts";
import { encodeText } from "../byte-text.ts";
import { type ObjectFormat, type ObjectId, objectIdFromBytes } from "../object-id.ts";
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
  return createHasher(format)
    .update(encodeText(`${type} ${content.length}\0`))
    .update(content)
    .digestHex();
}
