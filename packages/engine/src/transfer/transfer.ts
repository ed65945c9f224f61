/**
 * Carries the planned changes to the target: packs from the source's answer into the target's push, request by
 * request, and says what became of each ref.
 */

import { emptyPack, formatRefName, type ObjectFormat, type ObjectId, type RefName } from "@gitsync/protocol";
import { isSyncError, SyncError } from "../errors.ts";
import type { DownloadedPack } from "../ancestry.ts";
import { PackProgress } from "../meter.ts";
import type { PlannedChange } from "../plan/plan.ts";
import type { SourceListing, TargetListing } from "../remote/remote.ts";
import type { Run } from "../run.ts";
import { chooseHaves, missingTips, presentTips } from "./choose.ts";
import type { Verdicts } from "./outcome.ts";
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
  /** A pack that the plan had to download already; the push that needs just that is spared a second download. */
  readonly downloaded: DownloadedPack | undefined;
}

export interface TransferOutcome {
  readonly verdicts: Verdicts;
  readonly requestsDone: number;
  /** Ended the transfer before its last request. */
  readonly error: unknown;
}

/** A sample of target tips that only the target has, offered as haves. */
const HAVE_SAMPLE = 256;

/** Never rejects: what ended the transfer early is part of its outcome. */
export async function transfer(run: Run, input: TransferInput): Promise<TransferOutcome> {
  const verdicts: Verdicts = new Map();
  const carrier = new PackCarrier(run, input);
  let requestsDone = 0;
  for (const [index, group] of input.groups.entries()) {
    let outcome: PushOutcome;
    try {
      outcome = await carrier.push(group, input.groups.slice(index));
    } catch (error) {
      // Nothing of this group was sent.
      markNotAttempted(verdicts, input.groups.slice(index), error);
      return { verdicts, requestsDone, error };
    }
    requestsDone += 1;
    // Whether old archives went away says nothing about the refs that were asked for.
    if (group.purpose === "expire") continue;
    const error = group.purpose === "archive" ? archiveError(outcome) : endOf(outcome);
    if (group.purpose !== "archive")
      for (const [ref, verdict] of outcome.verdicts) verdicts.set(ref, verdict);
    if (error === undefined) continue;
    markNotAttempted(verdicts, input.groups.slice(index + 1), error);
    if (group.purpose !== "archive") markUnreached(verdicts, outcome, error);
    return { verdicts, requestsDone, error };
  }
  return { verdicts, requestsDone, error: undefined };
}

/** Why nothing may be overwritten or deleted: an old tip is not known to be safe. */
function archiveError(outcome: PushOutcome): unknown {
  const missing = [...outcome.verdicts].find(([, verdict]) => verdict.outcome !== "applied");
  if (missing === undefined) return undefined;
  const [ref, verdict] = missing;
  return (
    outcome.error ??
    new SyncError(
      "PUSH_REFUSED",
      "The target did not take the archive refs, so nothing was overwritten or deleted",
      { ref: formatRefName(ref), reason: verdict.outcome === "refused" ? verdict.reason : verdict.outcome },
    )
  );
}

/** The error that ends a transfer; one that left no ref behind does not. */
function endOf(outcome: PushOutcome): unknown {
  const isDone = [...outcome.verdicts.values()].every(
    (verdict) => verdict.outcome === "applied" || verdict.outcome === "lease-lost",
  );
  return isDone ? undefined : outcome.error;
}

function markNotAttempted(verdicts: Verdicts, groups: readonly PushGroup[], error: unknown): void {
  const reason = error instanceof Error ? error.message : "the run ended before it";
  for (const change of groups.flatMap((group) => group.changes)) {
    verdicts.set(change.targetRef, { outcome: "not-attempted", reason });
  }
}

/** The connection broke and the target stayed as it was: those refs were not refused, they were not reached. */
function markUnreached(verdicts: Verdicts, outcome: PushOutcome, error: unknown): void {
  const reason = error instanceof Error ? error.message : "the connection broke";
  for (const [ref, verdict] of outcome.verdicts) {
    if (verdict.outcome === "refused") verdicts.set(ref, { outcome: "not-attempted", reason });
  }
}

interface FetchedPack extends BufferedPack {
  /** It may hold deltas to objects that only the target has. */
  readonly isThin: boolean;
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
    const { refs, extraTips } = input.targetListing;
    this.#present = presentTips(
      input.groups.flatMap((group) => group.changes),
      refs,
      extraTips,
    );
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
      if (pack?.isThin === true && mayBeThin(outcome)) {
        this.#thin = false;
        this.#retry("the target could not complete a thin pack", 1);
        continue;
      }
      if (replays === 0 && mayReplay(outcome, pack)) {
        replays += 1;
        this.#retry("the connection to the target broke", replays);
        continue;
      }
      if (outcome.packKept) for (const id of wants) this.#present.add(id);
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
  #fetch(wants: readonly ObjectId[], remaining: readonly PushGroup[]): Promise<FetchedPack> {
    const run = this.#run;
    const { sourceListing, targetListing, objectFormat } = this.#input;
    const haves = chooseHaves(
      remaining.flatMap((group) => group.changes),
      sourceListing.refs,
      targetListing.refs,
      { maxHaves: run.limits.maxHaves, sample: HAVE_SAMPLE },
    );
    run.meter.asked("source", { wants: wants.length, haves: haves.length });
    run.observe({ type: "phase", phase: "fetch" });
    const attributes = { "git_sync.wants": wants.length, "git_sync.haves": haves.length };
    return run.span("git.fetch", attributes, async () => {
      const leaving = new AbortController();
      const received = new PackProgress("source", (event) => run.observe(event));
      const ofsDelta = targetListing.capabilities.has("ofs-delta");
      const thin = this.#thin && haves.length > 0;
      const downloaded = this.#downloaded(wants, ofsDelta);
      const answer =
        downloaded ??
        run.source.fetch(
          { wants, haves, thin, ofsDelta },
          { message: (text) => run.observe({ type: "remote-message", side: "source", text }) },
          AbortSignal.any([run.signal, leaving.signal]),
        );
      const pack = await bufferPack(answer, {
        objectFormat,
        memoryBytes: run.limits.memoryBytes,
        maxPackBytes: run.limits.maxPackBytes,
        label: run.sourceLabel,
        onReceived: (bytes, objects) => received.add(bytes, objects),
      });
      const close = async (): Promise<void> => {
        // A source that is still counting would not notice that nobody waits any more.
        leaving.abort();
        received.finish();
        await pack.close();
      };
      return { ...pack, close, isThin: thin && downloaded === undefined };
    });
  }

  /** What the plan downloaded, if it is just what is wanted now and in a form that the target reads. */
  #downloaded(wants: readonly ObjectId[], ofsDelta: boolean): AsyncIterable<Uint8Array> | undefined {
    const { downloaded } = this.#input;
    if (downloaded === undefined || !ofsDelta || downloaded.wants.size !== wants.length) return undefined;
    return wants.every((id) => downloaded.wants.has(id)) ? replayed(downloaded.chunks) : undefined;
  }

  #retry(reason: string, attempt: number): void {
    this.#run.observe({ type: "retry", phase: "push", reason, attempt });
  }
}

async function* replayed(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void, undefined> {
  yield* chunks;
}

/** The same chunks, counted when the transport comes back for the next. */
async function* counting(
  chunks: AsyncIterable<Uint8Array>,
  onTaken: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    // Read now: whoever takes the chunk may free it.
    const { length } = chunk;
    yield chunk;
    onTaken(length);
  }
}

/** A target that cannot complete a thin pack says only that it could not unpack it. */
function mayBeThin(outcome: PushOutcome): boolean {
  if (!outcome.unpackFailed) return false;
  return [...outcome.verdicts.values()].every(
    (verdict) =>
      verdict.outcome === "refused" &&
      (verdict.code === "missing-objects" || verdict.code === "refused-unknown"),
  );
}

/** A cut connection may be tried once more when two listings agreed that nothing was applied. */
function mayReplay(outcome: PushOutcome, pack: BufferedPack | undefined): boolean {
  const { error, verdicts } = outcome;
  if (pack?.body.kind === "stream" || !isSyncError(error)) return false;
  if ([...verdicts.values()].some((verdict) => verdict.outcome !== "refused")) return false;
  return error.code === "REMOTE_UNREACHABLE" || error.code === "REMOTE_UNAVAILABLE";
}

function complete(bytes: Uint8Array): PackBody {
  return { kind: "complete", chunks: [bytes], byteLength: bytes.length };
}
