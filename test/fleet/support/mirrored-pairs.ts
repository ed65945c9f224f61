/** Mirrors between real repositories that write down every change of a ref, and people who push to their sources. */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Producer } from "@gitsync/producer";
import { installRefLog, type RefLog } from "../../support/ref-log.ts";
import { commit, createRepository, refsOf } from "../../support/repository.ts";
import type { TakenHint } from "./oracle.ts";

const HEADS = "refs/heads";
const PUSH_EVERY_MS = 150;
/** A forge delivers again what was not accepted. */
const REDELIVER_MS = 500;

/** A source and its one target. */
export interface MirroredPair {
  /** Of the route: `m0/t`. */
  readonly id: string;
  readonly source: string;
  readonly target: string;
  readonly logs: readonly [source: RefLog, target: RefLog];
}

/** Make `count` pairs below a folder: each source has one commit, each target is empty. */
export async function makePairs(root: string, count: number): Promise<readonly MirroredPair[]> {
  await mkdir(root, { recursive: true });
  const pairs: MirroredPair[] = [];
  for (let n = 0; n < count; n += 1) {
    const source = await createRepository(join(root, `m${n}-source.git`));
    const target = await createRepository(join(root, `m${n}-target.git`));
    await commit(source, `${HEADS}/main`, { "file.txt": "0" });
    const logs = [await installRefLog(source), await installRefLog(target)] as const;
    pairs.push({ id: `m${n}/t`, source, target, logs });
  }
  return pairs;
}

/** The configuration of pairs that a server on this machine has at `url`. `further`: lines at its top level. */
export function configOfPairs(
  url: string,
  pairs: readonly MirroredPair[],
  { further = "", credential = "" }: { readonly further?: string; readonly credential?: string } = {},
): string {
  const named = credential === "" ? "" : `, credential: ${credential}`;
  const mirrors = pairs.map(({ id }) => {
    const name = id.slice(0, id.indexOf("/"));
    const end = (side: string): string => `url: "${url}/${name}-${side}.git"${named}`;
    return `  - { id: ${name}, source: { ${end("source")} }, targets: [{ id: t, ${end("target")} }] }\n`;
  });
  return `version: 1\negress: { schemes: [http], allow: [{ cidr: 127.0.0.0/8 }] }\n${further}mirrors:\n${mirrors.join("")}`;
}

/** What people pushed so far. */
export interface Pushed {
  bursts: number;
  /** Every hint that was accepted. */
  readonly hints: TakenHint[];
}

/**
 * Bursts of one to four pushes to a random source, each told like a webhook, until `isOver` says so. A hint is told
 * until it is taken, or until the signal says that nobody cares any more.
 */
export async function pushAtRandom(
  producer: Producer,
  pairs: readonly MirroredPair[],
  pushed: Pushed,
  { isOver, signal }: { readonly isOver: () => boolean; readonly signal?: AbortSignal },
): Promise<void> {
  let pair: MirroredPair | undefined;
  while (!isOver()) {
    // Now and then somebody pushes again at once: into the run of the burst before.
    if (pair === undefined || Math.random() < 0.5) {
      if (pair !== undefined) await sleep(Math.random() * 4 * PUSH_EVERY_MS);
      pair = pairs[Math.trunc(Math.random() * pairs.length)];
    }
    if (pair === undefined) return;
    const size = 1 + Math.trunc(Math.random() * 4);
    for (let n = 0; n < size; n += 1) {
      const branch = Math.random() < 0.7 ? "main" : `b${Math.trunc(Math.random() * 3)}`;
      await commit(pair.source, `${HEADS}/${branch}`, { "file.txt": String(Math.random()) });
    }
    const { id } = pair;
    const taken = await Promise.all(Array.from({ length: size }, () => hintUntilTaken(producer, id, signal)));
    pushed.bursts += 1;
    pushed.hints.push(...taken.flat());
  }
}

/** As a forge does: a delivery that was not accepted is delivered again. */
async function hintUntilTaken(
  producer: Producer,
  route: string,
  signal?: AbortSignal,
): Promise<readonly TakenHint[]> {
  while (signal?.aborted !== true) {
    try {
      const { requestedAt, coalesced } = await producer.enqueueRoute(route, { trigger: "webhook" });
      return [{ route, requestedAt, coalesced }];
    } catch {
      await sleep(REDELIVER_MS);
    }
  }
  return [];
}

/** Whether a target's branches are those of its source. */
export async function isEqual({ source, target }: MirroredPair): Promise<boolean> {
  const [from, to] = [await refsOf(source, HEADS), await refsOf(target, HEADS)];
  return JSON.stringify([...from]) === JSON.stringify([...to]);
}
