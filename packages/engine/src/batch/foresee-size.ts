/**
 * Foresees whether a pack will be larger than one push may be, for a plan, which downloads no content: the source is
 * asked for the commits alone, and left when it has said how many there are.
 */

import { decodePackHeader, PACK_HEADER_LENGTH } from "@gitsync/protocol";
import type { Discovery } from "../discover.ts";
import type { PlannedChange } from "../plan/plan.ts";
import type { Run } from "../run.ts";
import { chooseHaves, HAVE_SAMPLE, type Transfer } from "../transfer/choose.ts";
import { FIRST_BYTES_PER_COMMIT } from "./batch-machine.ts";
import type { SizeLimit } from "./size-limit.ts";

/** What was chosen, unless more is missing than the limit, as far as commits can tell. */
export async function foreseen(
  run: Run,
  { source, target }: Discovery,
  changes: readonly PlannedChange[],
  chosen: Transfer,
  limit: SizeLimit | undefined,
): Promise<Transfer> {
  if (chosen.mode !== "relay" || limit === undefined || !source.canFilter) return chosen;
  const wants = chosen.missing;
  const { maxHaves } = run.limits;
  const haves = chooseHaves(changes, source.refs, target.refs, { maxHaves, sample: HAVE_SAMPLE });
  run.observe({ type: "phase", phase: "history" });
  run.meter.asked("source", { wants: wants.length, haves: haves.length });
  const leaving = new AbortController();
  const answer = run.source.fetch(
    {
      wants,
      haves,
      shallow: target.shallow,
      thin: false,
      ofsDelta: true,
      filter: { type: "tree", depth: 0 },
    },
    {
      message: (text, isTransient) =>
        run.observe({ type: "remote-message", side: "source", text, isTransient }),
    },
    AbortSignal.any([run.signal, leaving.signal]),
  );
  let beginning: Uint8Array = new Uint8Array();
  try {
    for await (const chunk of answer) {
      beginning = Buffer.concat([beginning, chunk]);
      if (beginning.length >= PACK_HEADER_LENGTH) break;
    }
  } finally {
    leaving.abort();
  }
  const bytes = decodePackHeader(beginning).objectCount * FIRST_BYTES_PER_COMMIT;
  return bytes > limit.mostBytes ? { ...chosen, mode: "batched", reason: "limit-published" } : chosen;
}
