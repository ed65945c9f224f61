/**
 * Carries the planned changes to the target: packs from the source's answer into the target's push, request by
 * request, and says what became of each ref.
 */

import { emptyPack, type ObjectFormat, type ObjectId, type RefName } from "@gitsync/protocol";
import { isSyncError, SyncError } from "../errors.ts";
import { PackProgress } from "../meter.ts";
import type { PlannedChange } from "../plan/plan.ts";
import type { SourceListing, TargetListing } from "../remote/remote.ts";
import type { Run } from "../run.ts";
import { chooseHaves, missingTips } from "./choose.ts";
import type { RefVerdict, Verdicts } from "./outcome.ts";
import { bufferPack, type BufferedPack } from "./pack-buffer.ts";
import type { PackBody } from "./pack-body.ts";
import { pushGroup, type PushOutcome } from "./push.ts";
import type { PushGroup } from "./push-stages.ts";

export interface TransferInput {
  readonly groups: readonly PushGroup[];
  readonly sourceListing: SourceListing;
  readonly targetListing: TargetListing;
  readonly objectFormat: ObjectFormat;
  /** The archive ref that keeps each change's old tip; the change waits for its `ok`. */
  readonly archives: ReadonlyMap<PlannedChange, RefName>;
}

export interface TransferOutcome {
  readonly verdicts: Verdicts;
  readonly requestsDone: number;
  /** Ended the transfer before its last request. */
  readonly error: unknown;
}

/** A sample of target tips that only the target has, offered as haves. */
const HAVE_SAMPLE = 256;

export async function transfer(run: Run, input: TransferInput): Promise<TransferOutcome> {
  const verdicts: Verdicts = new Map();
  const carrier = new PackCarrier(run, input);
  let requestsDone = 0;
  for (const [index, group] of input.groups.entries()) {
    try {
      const outcome = await carrier.push(group, input.groups.slice(index));
      requestsDone += 1;
      for (const [ref, verdict] of outcome.verdicts) verdicts.set(ref, verdict);
      if (
        outcome.error !== undefined &&
        [...outcome.verdicts.values()].some((verdict) => verdict.outcome === "refused")
      ) {
        markNotAttempted(verdicts, outcome.verdicts, input.groups.slice(index + 1), outcome.error);
        return { verdicts, requestsDone, error: outcome.error };
      }
      if (group.purpose === "archive" && outcome.unpackFailed) throw archiveFailed();
    } catch (error) {
      const unknown = isSyncError(error) && error.code === "OUTCOME_UNKNOWN";
      const reason = error instanceof Error ? error.message : "the run ended";
      for (const change of group.changes) {
        verdicts.set(change.targetRef, { outcome: unknown ? "unknown" : "not-attempted", reason });
      }
      markNotAttempted(verdicts, new Map(), input.groups.slice(index + 1), error);
      return { verdicts, requestsDone, error };
    }
  }
  return { verdicts, requestsDone, error: undefined };
}

function archiveFailed(): SyncError {
  return new SyncError(
    "PUSH_REFUSED",
    "The target did not take the archive refs, so nothing was overwritten or deleted",
    {},
  );
}

/** The connection broke and the target stayed as it was: those refs were not refused, they were not reached. */
function markNotAttempted(
  verdicts: Verdicts,
  current: Verdicts,
  later: readonly PushGroup[],
  error: unknown,
): void {
  const verdict: RefVerdict = {
    outcome: "not-attempted",
    reason: error instanceof Error ? error.message : "the run ended before it",
  };
  for (const [ref, judged] of current) if (judged.outcome === "refused") verdicts.set(ref, verdict);
  for (const change of later.flatMap((group) => group.changes)) verdicts.set(change.targetRef, verdict);
}

/** Knows what the target still lacks and fetches it for the request that needs it first. */
class PackCarrier {
  readonly #run: Run;
  readonly #input: TransferInput;
  /** Tips that the target proved to have: listed, or pushed with a pack that it kept. */
  readonly #present: Set<ObjectId>;
  #thin: boolean;

  constructor(run: Run, input: TransferInput) {
    this.#run = run;
    this.#input = input;
    this.#present = new Set([...input.targetListing.refs.values(), ...input.targetListing.extraTips]);
    this.#thin = !input.targetListing.capabilities.has("no-thin");
  }

  /** Push a group, again where that is safe and promises more: without deltas to absent bases, or after a cut. */
  async push(group: PushGroup, remaining: readonly PushGroup[]): Promise<PushOutcome> {
    let replays = 0;
    for (;;) {
      const needed = missingTips(group.changes, this.#present);
      const wants =
        needed.length === 0
          ? []
          : missingTips(
              remaining.flatMap((each) => each.changes),
              this.#present,
            );
      const pack = wants.length === 0 ? undefined : await this.#fetch(wants, remaining);
      const outcome = await this.#pushWith(group, pack);
      if (outcome.unpackFailed && outcome.nothingApplied && pack !== undefined && this.#thin) {
        this.#thin = false;
        this.#retry("the target could not complete a thin pack", 1);
        continue;
      }
      if (
        outcome.error !== undefined &&
        outcome.nothingApplied &&
        replays === 0 &&
        mayReplay(outcome.error, pack)
      ) {
        replays += 1;
        this.#retry("the connection to the target broke", replays);
        continue;
      }
      if (!outcome.nothingApplied) for (const id of wants) this.#present.add(id);
      return outcome;
    }
  }

  async #pushWith(group: PushGroup, pack: BufferedPack | undefined): Promise<PushOutcome> {
    const { objectFormat } = this.#input;
    const run = this.#run;
    const deletesOnly = group.commands.every((command) => command.type === "delete");
    const body: PackBody | undefined = deletesOnly
      ? undefined
      : (pack?.body ?? complete(emptyPack(objectFormat)));
    run.meter.asked("target", { commands: group.commands.length });
    run.observe({ type: "phase", phase: "push" });
    try {
      return await run.span("git.push", { "git_sync.commands": group.commands.length }, async (span) => {
        const sent = new PackProgress("target", (event) => run.observe(event));
        if (body?.kind === "complete") sent.add(body.byteLength, pack?.facts().objects);
        const counted: PackBody | undefined =
          body?.kind === "stream"
            ? { kind: "stream", chunks: counting(body.chunks, (bytes) => sent.add(bytes)) }
            : body;
        const outcome = await pushGroup(
          run.target,
          { group, pack: counted, atomic: run.request.policy.atomic, objectFormat },
          { message: (text) => run.observe({ type: "remote-message", side: "target", text }) },
          run.signal,
        );
        sent.finish();
        const facts = pack?.facts();
        if (facts) {
          run.packBytes += facts.bytes;
          run.packObjects += facts.objects;
          span.setAttributes({ "git_sync.pack.bytes": facts.bytes, "git_sync.pack.objects": facts.objects });
        }
        return outcome;
      });
    } finally {
      await pack?.close();
    }
  }

  /** Ask the source for what is missing and read as much of its answer as the buffer takes. */
  #fetch(wants: readonly ObjectId[], remaining: readonly PushGroup[]): Promise<BufferedPack> {
    const run = this.#run;
    const { sourceListing, targetListing, objectFormat } = this.#input;
    const haves = chooseHaves(
      remaining.flatMap((group) => group.changes),
      new Set(sourceListing.refs.values()),
      targetListing.refs,
      { maxHaves: run.limits.maxHaves, sample: HAVE_SAMPLE },
    );
    run.meter.asked("source", { wants: wants.length, haves: haves.length });
    run.observe({ type: "phase", phase: "fetch" });
    const attributes = { "git_sync.wants": wants.length, "git_sync.haves": haves.length };
    return run.span("git.fetch", attributes, () => {
      const received = new PackProgress("source", (event) => run.observe(event));
      const answer = run.source.fetch(
        {
          wants,
          haves,
          thin: this.#thin && haves.length > 0,
          ofsDelta: targetListing.capabilities.has("ofs-delta"),
        },
        { message: (text) => run.observe({ type: "remote-message", side: "source", text }) },
        run.signal,
      );
      return bufferPack(answer, {
        objectFormat,
        memoryBytes: run.limits.memoryBytes,
        maxPackBytes: run.limits.maxPackBytes,
        label: run.sourceLabel,
        onReceived: (bytes, objects) => received.add(bytes, objects),
      });
    });
  }

  #retry(reason: string, attempt: number): void {
    this.#run.observe({ type: "retry", phase: "push", reason, attempt });
  }
}

/** The same chunks, counted when the transport comes back for the next. */
async function* counting(
  chunks: AsyncIterable<Uint8Array>,
  onTaken: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    yield chunk;
    onTaken(chunk.length);
  }
}

/** A cut connection may be tried once more: two listings agreed that nothing was applied. */
function mayReplay(error: unknown, pack: BufferedPack | undefined): boolean {
  if (pack?.body.kind === "stream") return false;
  return isSyncError(error) && (error.code === "REMOTE_UNREACHABLE" || error.code === "REMOTE_UNAVAILABLE");
}

function complete(bytes: Uint8Array): PackBody {
  return { kind: "complete", chunks: [bytes], byteLength: bytes.length };
}
