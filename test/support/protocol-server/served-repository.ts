/** A repository in memory: objects, refs, HEAD, boundary, and what its owner allows. */

import {
  type AdvertisedRef,
  compareRefNames,
  type ObjectFormat,
  type ObjectId,
  parseRefName,
  type RefName,
} from "@gitsync/protocol";
import { ObjectStore } from "./object-store.ts";

/** What the owner allows beyond what every repository can do. */
export interface RepositoryPolicy {
  /** Offer partial fetches. */
  readonly filter?: boolean;
  /** Offer to resolve wanted names (v2). */
  readonly refInWant?: boolean;
  /** Give away objects that are no tip, in v0 and v1; v2 always does. */
  readonly wantAny?: "tip" | "reachable";
  /** Answer under side-band from the first packet (v2). */
  readonly sidebandAll?: boolean;
  /** Tell the sizes of objects (v2). */
  readonly objectInfo?: boolean;
  /** Take `server-option`s (v2). */
  readonly serverOptions?: boolean;
  readonly atomic?: boolean;
  readonly pushOptions?: boolean;
  readonly noThin?: boolean;
  readonly noDelete?: boolean;
  readonly sessionId?: string;
  /** Refs with these prefixes may not be pushed to. */
  readonly hiddenRefs?: readonly string[];
  /** Refuse updates that lose commits. */
  readonly denyNonFastForwards?: boolean;
  /** Refuse to delete refs. */
  readonly denyDeletes?: boolean;
}

export class ServedRepository {
  readonly objects: ObjectStore;
  readonly policy: RepositoryPolicy;
  readonly #refs = new Map<RefName, ObjectId>();
  #sorted: readonly (readonly [RefName, ObjectId])[] | undefined;
  /** A branch, which need not exist, or a commit. */
  head: RefName | { readonly detachedAt: ObjectId } = parseRefName("refs/heads/main");
  shallow: ReadonlySet<ObjectId> = new Set();

  constructor(format: ObjectFormat, policy: RepositoryPolicy = {}) {
    this.objects = new ObjectStore(format);
    this.policy = policy;
  }

  get format(): ObjectFormat {
    return this.objects.format;
  }

  ref(name: RefName): ObjectId | undefined {
    return this.#refs.get(name);
  }

  setRef(name: RefName, oid: ObjectId): void {
    this.#refs.set(name, oid);
    this.#sorted = undefined;
  }

  deleteRef(name: RefName): void {
    this.#refs.delete(name);
    this.#sorted = undefined;
  }

  /** In byte order. */
  refs(): readonly (readonly [RefName, ObjectId])[] {
    this.#sorted ??= [...this.#refs].toSorted(([left], [right]) => compareRefNames(left, right));
    return this.#sorted;
  }

  /** The id that HEAD leads to; undefined while its branch is unborn. */
  headId(): ObjectId | undefined {
    return typeof this.head === "string" ? this.#refs.get(this.head) : this.head.detachedAt;
  }

  /** HEAD first, if it leads anywhere, then all refs, with what tags peel to. */
  listing(): readonly AdvertisedRef[] {
    const headId = this.headId();
    const refs: AdvertisedRef[] = [];
    if (headId !== undefined) {
      const target = typeof this.head === "string" ? { symrefTarget: this.head } : {};
      refs.push({ name: parseRefName("HEAD"), oid: headId, ...target });
    }
    for (const [name, oid] of this.refs()) {
      const peeled = this.objects.peel(oid);
      refs.push(peeled === oid ? { name, oid } : { name, oid, peeled });
    }
    return refs;
  }

  /** The branch that HEAD waits for. */
  unbornHead(): RefName | undefined {
    return typeof this.head === "string" && this.headId() === undefined ? this.head : undefined;
  }

  /** A full name, or one that stands for a branch or tag, as on git's command line. */
  resolve(name: string): ObjectId | undefined {
    for (const candidate of [name, `refs/${name}`, `refs/tags/${name}`, `refs/heads/${name}`]) {
      const oid = candidate === "HEAD" ? this.headId() : this.#refs.get(candidate as RefName);
      if (oid !== undefined) return oid;
    }
    return undefined;
  }

  /** All ids that refs and HEAD have. */
  tips(): ObjectId[] {
    const headId = this.headId();
    return [...new Set([...this.#refs.values(), ...(headId === undefined ? [] : [headId])])];
  }
}
