/**
 * Names that hold parts of a history at the target until the refs that need it are there.
 *
 * `refs/gitsync/batch/<source>/<bytes>/<object id>`: the name says what it holds, so that making it twice is no
 * conflict; for which source it was made, so that two mirrors into one target do not clear each other's away; and
 * which size of pack the target took, so that a run after a crash need not find out again.
 */

import { createHash } from "node:crypto";
import { parseRefName, type ObjectId, type RefName, type RefTable } from "@gitsync/protocol";
import { OWN_PREFIX } from "../plan/ref-kind.ts";
import type { CommitGraph, NodeIndex } from "./commit-graph.ts";

const PREFIX = `${OWN_PREFIX}batch/`;

/** The temporary refs of one source at one target. */
export interface TemporaryRefs {
  /** Listed ones, also those that a run left behind that did not come to its end. */
  readonly found: ReadonlyMap<RefName, ObjectId>;
  /** The size of pack that the run meant to send which left them. */
  readonly limitBytes: number | undefined;
  nameOf(id: ObjectId, limitBytes: number): RefName;
}

/** `source` is the address as it may be shown. */
export function temporaryRefs(source: string, targetRefs: RefTable): TemporaryRefs {
  const own = `${PREFIX}${createHash("sha256").update(source).digest("hex").slice(0, 12)}/`;
  const found = new Map<RefName, ObjectId>();
  let limitBytes: number | undefined;
  for (const { name, oid } of targetRefs.under(own)) {
    found.set(name, oid);
    const bytes = Number(/^(\d{1,15})\//u.exec(name.slice(own.length))?.[1] ?? Number.NaN);
    if (bytes > 0) limitBytes = Math.min(bytes, limitBytes ?? bytes);
  }
  return {
    found,
    limitBytes,
    nameOf: (id, bytes) => parseRefName(`${own}${Math.floor(bytes)}/${id}`),
  };
}

/** What temporary refs name, of whichever source: it is at the target and worth claiming. */
export function* temporaryTips(targetRefs: RefTable): Generator<ObjectId, void, undefined> {
  yield* targetRefs.under(PREFIX).ids();
}

/** Tips of a run, by what became of them. */
export interface TipsInTheEnd {
  /** Wanted at the target and not there: too large, refused, or moved by somebody else meanwhile. */
  readonly open: readonly ObjectId[];
  /** There, under names that stay. */
  readonly there: readonly ObjectId[];
}

/**
 * Those of `names` that hold what is nearest to the open tips: what lies further back is behind them, the rest
 * elsewhere or there under another name. All of them where the history is not known.
 */
export function namesBehind(
  { open, there }: TipsInTheEnd,
  names: ReadonlyMap<RefName, ObjectId>,
  graph: CommitGraph | undefined,
): ReadonlySet<RefName> {
  if (open.length === 0) return new Set();
  if (graph === undefined) return new Set(names.keys());
  const holders = new Map([...names].map(([name, id]) => [graph.find(id), name]));
  const found = new Set<RefName>();
  const isSeen = new Uint8Array(graph.size);
  walk(graph, there, isSeen, () => true);
  walk(graph, open, isSeen, (node) => {
    const name = holders.get(node);
    if (name !== undefined) found.add(name);
    return name === undefined;
  });
  return found;
}

/** Go from tips to what is behind them, each object once, as long as `visit` wants to go on. */
function walk(
  graph: CommitGraph,
  tips: readonly ObjectId[],
  isSeen: Uint8Array,
  visit: (node: NodeIndex) => boolean,
): void {
  const open = tips.flatMap((id) => graph.find(id) ?? []);
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (isSeen[node] === 1) continue;
    isSeen[node] = 1;
    if (!visit(node)) continue;
    for (let index = 0; index < graph.parentCount(node); index += 1) open.push(graph.parentOf(node, index));
  }
}
