/** Where a client's boundary moves when it deepens: gitprotocol-pack(5), "Packfile Negotiation". */

import type { Deepen, ObjectId, ShallowInfo } from "@gitsync/protocol";
import { History } from "./history.ts";
import type { ObjectStore } from "./object-store.ts";

export interface DeepenQuestion {
  readonly wants: readonly ObjectId[];
  readonly deepen: Deepen | undefined;
  /** The client's boundary now. */
  readonly clientShallow: ReadonlySet<ObjectId>;
  /** The boundary of this repository. */
  readonly ownShallow: ReadonlySet<ObjectId>;
  /** All ids that refs of this repository have. */
  readonly tips: readonly ObjectId[];
  /** The id that a name of `deepen-not` stands for. */
  readonly resolve: (name: string) => ObjectId | undefined;
}

/** A depth beyond every history: git's word for "all of it". */
const INFINITE_DEPTH = 0x7fff_ffff;

/** How the boundary moves. Throws in plain words what the client asked in vain. */
export function moveBoundary(store: ObjectStore, question: DeepenQuestion): ShallowInfo {
  const { edge, inside } = cut(new History(store, question.ownShallow), question);
  const { clientShallow } = question;
  return {
    shallow: [...edge].filter((oid) => !inside.has(oid) && !clientShallow.has(oid)),
    unshallow: [...clientShallow].filter((oid) => inside.has(oid)),
  };
}

interface Cut {
  readonly edge: ReadonlySet<ObjectId>;
  readonly inside: ReadonlySet<ObjectId>;
}

function cut(history: History, question: DeepenQuestion): Cut {
  const { deepen, wants, clientShallow, tips } = question;
  if (deepen?.type === "boundary") return cutByRevision(history, question, deepen);
  const isEndless = deepen === undefined || deepen.depth >= INFINITE_DEPTH;
  if (isEndless) return endless(history, question);
  if (deepen.relative !== true) return history.cutAt(wants, deepen.depth);
  const reachable = history.commitsFrom(tips);
  const starts = [...clientShallow].filter((oid) => reachable.has(oid));
  return history.cutAt(starts, deepen.depth + 1);
}

/** As deep as this repository goes itself. */
function endless(history: History, { wants, clientShallow, ownShallow }: DeepenQuestion): Cut {
  if (ownShallow.size === 0) return { edge: new Set(), inside: clientShallow };
  const reachable = history.commitsFrom(wants);
  const edge = new Set([...ownShallow].filter((oid) => reachable.has(oid)));
  return { edge, inside: new Set([...reachable].filter((oid) => !edge.has(oid))) };
}

function cutByRevision(
  history: History,
  { wants, resolve }: DeepenQuestion,
  deepen: Extract<Deepen, { readonly type: "boundary" }>,
): Cut {
  const reachable = history.commitsFrom(wants);
  const unwanted = (deepen.not ?? []).map((name) => {
    const oid = resolve(name);
    if (oid === undefined) throw new Error(`git upload-pack: ambiguous deepen-not: ${name}`);
    return oid;
  });
  const since = deepen.since ?? 0;
  // Whatever an old commit leads to is as old, whatever its date says.
  const old = [...reachable].filter((oid) => history.store.commit(oid).committedAt < since);
  const excluded = history.commitsFrom([...unwanted, ...old]);
  const selected = [...reachable].filter((oid) => !excluded.has(oid));
  if (selected.length === 0) throw new Error("no commits selected for shallow requests");
  const edge = new Set(selected.filter((oid) => history.parents(oid).some((parent) => excluded.has(parent))));
  return { edge, inside: new Set(selected.filter((oid) => !edge.has(oid))) };
}
