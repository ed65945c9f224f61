/**
 * Carries packs from the source's answer into the target's push, one request at a time, and tries again where
 * that is safe and promises more.
 *
 * Knows what the target proved to have, and claims nothing else.
 */

import { setTimeout as wait } from "node:timers/promises";
import { emptyPack, type ObjectFormat, type ObjectId, type RefUpdateCommand } from "@gitsync/protocol";
import type { DownloadedPack } from "../ancestry.ts";
import type { SizeEvidence } from "../batch/size-limit.ts";
import { demandsOf } from "../batch/known-hosts.ts";
import { PackProgress } from "../meter.ts";
import type { Side } from "../observer.ts";
import type { RemoteObserver, SourceListing, TargetListing } from "../remote/remote.ts";
import type { Run } from "../run.ts";
import { busyRefs, nextAttempt, NO_ATTEMPTS, type CarriedPack, type NextAttempt } from "./next-attempt.ts";
import type { Verdicts } from "./outcome.ts";
import { bufferPack, type BufferedPack } from "./pack-buffer.ts";
import { completePack, counted } from "./pack-body.ts";
import { PackGuard } from "./pack-guard.ts";
import { describePush, pushOnce, type PushOutcome } from "./push.ts";
import type { SpoolFolder } from "./spool.ts";

/** One request: refs to move, and the objects that they need. */
export interface Delivery {
  readonly commands: readonly RefUpdateCommand[];
  /** None: the target has everything. */
  readonly wants: readonly ObjectId[];
  /** Only what the target listed or reported. */
  readonly haves: readonly ObjectId[];
  readonly atomic: boolean;
  /** Give the pack up when it has more. */
  readonly mostBytes: number;
  /** What the push is for, to whoever watches. */
  readonly phase?: "push" | "clean-up";
  /** Whether a pack of so many objects is worth sending. */
  readonly admits?: (objects: number) => boolean;
}

export interface Delivered {
  /** `declined`: we gave the pack up. `too-large`: the target did, by all appearances. */
  readonly type: "settled" | "declined" | "too-large";
  readonly outcome: PushOutcome;
  /** Of a `too-large` one. */
  readonly evidence: SizeEvidence | undefined;
  /** What was fetched and pushed last; none when no object was missing. */
  readonly pack: { readonly bytes: number; readonly objects: number } | undefined;
}

export interface CarrierInput {
  readonly sourceListing: SourceListing;
  readonly targetListing: TargetListing;
  readonly objectFormat: ObjectFormat;
  /** A pack that the plan had to download already; the push that needs just that is spared a second download. */
  readonly downloaded: DownloadedPack | undefined;
}

interface FetchedPack extends BufferedPack {
  /** It may hold deltas to objects that only the target has. */
  readonly isThin: boolean;
  readonly guard: PackGuard;
}

export class PackCarrier {
  readonly #run: Run;
  readonly #input: CarrierInput;
  #thin: boolean;
  /** Until it is used: whoever sends it frees its chunks. */
  #download: DownloadedPack | undefined;

  constructor(run: Run, input: CarrierInput) {
    this.#run = run;
    this.#input = input;
    this.#download = input.downloaded;
    this.#thin = !input.targetListing.capabilities.has("no-thin");
  }

  /**
   * Deliver one request, in as many attempts as it takes.
   *
   * @throws {SyncError} when the source fails before anything was pushed.
   */
  async deliver(delivery: Delivery): Promise<Delivered> {
    const verdicts: Verdicts = new Map();
    let attempts = NO_ATTEMPTS;
    let { commands } = delivery;
    let needsPack = delivery.wants.length > 0;
    let pack: FetchedPack | undefined;
    const ended = (
      type: Delivered["type"],
      outcome: Omit<PushOutcome, "verdicts">,
      facts: Delivered["pack"],
      evidence?: SizeEvidence,
    ): Delivered => ({ type, outcome: { ...outcome, verdicts }, pack: facts, evidence });
    try {
      for (;;) {
        const guard = this.#guard(delivery);
        try {
          const { pace, signal } = this.#run;
          await pace?.ready(signal);
          if (needsPack) pack ??= await this.#fetch(delivery, guard);
          await pace?.enter(signal);
        } catch (error) {
          if (!guard.isDeclined && verdicts.size === 0) throw error;
          return ended(guard.isDeclined ? "declined" : "settled", { ...NOT_PUSHED, error }, guard.facts);
        }
        const { outcome, carried } = await this.#push(commands, delivery, pack);
        for (const [ref, verdict] of outcome.verdicts) verdicts.set(ref, verdict);
        if (pack?.guard.isDeclined === true) return ended("declined", outcome, pack.guard.facts);
        const next = nextAttempt(outcome, carried, attempts, this.#run.spool !== undefined);
        if (next.type === "settled") return ended("settled", outcome, carried?.facts);
        if (next.type === "too-large") return ended("too-large", outcome, carried?.facts, next.evidence);
        attempts = next.attempts;
        this.#prepare(next);
        if (next.type === "later") {
          try {
            await wait(next.delayMs, undefined, { signal: this.#run.signal });
          } catch {
            return ended("settled", outcome, carried?.facts);
          }
          const busy = new Set(busyRefs(outcome));
          commands = commands.filter((command) => busy.has(command.ref));
          if (outcome.packKept) needsPack = false;
        }
        const isReusable = pack?.mode !== "stream" && (next.type === "same" || next.type === "later");
        if (!isReusable || !needsPack) {
          await pack?.close();
          pack = undefined;
        }
      }
    } finally {
      await pack?.close();
    }
  }

  /** Change what the next attempt is made like, and say so. */
  #prepare(next: Exclude<NextAttempt, { readonly type: "settled" | "too-large" }>): void {
    if (next.type === "whole-pack") this.#thin = false;
    if (next.type === "spooled") this.#run.targets.learn(this.#run.targetLabel, { needsSpool: true });
    const { replays, waits } = next.attempts;
    this.#run.observe({
      type: "retry",
      phase: "push",
      reason: reasonOf(next),
      attempt: Math.max(1, next.type === "later" ? waits : replays),
    });
  }

  /** Where a pack goes that memory does not hold; none: it streams. */
  get #overflow(): SpoolFolder | undefined {
    const { spool, targets, targetLabel } = this.#run;
    if (spool === undefined) return undefined;
    const isNeeded =
      spool.isAlwaysUsed ||
      targets.recall(targetLabel).needsSpool === true ||
      demandsOf(targetLabel).needsLength === true;
    return isNeeded ? spool : undefined;
  }

  #guard(delivery: Delivery): PackGuard {
    const { admits = () => true } = delivery;
    const spool = this.#overflow;
    // A spool that others have filled is no limit of the target's: it fails instead, and is tried later.
    const room =
      spool === undefined
        ? Number.POSITIVE_INFINITY
        : Math.max(spool.freeBytes, this.#run.limits.memoryBytes);
    return new PackGuard({ admits, mostBytes: Math.min(delivery.mostBytes, room) });
  }

  async #push(
    commands: readonly RefUpdateCommand[],
    { atomic, phase = "push" }: Delivery,
    pack: FetchedPack | undefined,
  ): Promise<{ readonly outcome: PushOutcome; readonly carried: CarriedPack | undefined }> {
    const { objectFormat } = this.#input;
    const run = this.#run;
    run.meter.asked("target", { commands: commands.length });
    run.observe({ type: "phase", phase });
    return run.span("git.push", { "git_sync.commands": commands.length }, async (span) => {
      const sent = new PackProgress("target", (event) => run.observe(event));
      const body = pack && counted(pack.body, (bytes) => sent.add(bytes, objectsOf(pack)));
      const empty = commands.every(({ type }) => type === "delete")
        ? undefined
        : completePack(emptyPack(objectFormat));
      const outcome = await pushOnce(
        run.target,
        {
          commands,
          pack: body ?? empty,
          atomic,
          objectFormat,
          isGivenUp: () => pack?.guard.isDeclined === true,
        },
        this.#hearing("target"),
        run.signal,
      );
      sent.finish();
      describePush(span, outcome);
      if (pack === undefined) return { outcome, carried: undefined };
      const facts = pack.facts();
      if (outcome.error === undefined) {
        run.packBytes += facts.bytes;
        run.packObjects += facts.objects;
      }
      span.setAttributes({ "git_sync.pack.bytes": facts.bytes, "git_sync.pack.objects": facts.objects });
      return { outcome, carried: { mode: pack.mode, isThin: pack.isThin, facts, sentBytes: sent.bytes } };
    });
  }

  /** Ask the source for what is missing and read as much of its answer as the buffer takes. */
  #fetch(delivery: Delivery, guard: PackGuard): Promise<FetchedPack> {
    const run = this.#run;
    const { targetListing, objectFormat } = this.#input;
    const { wants, haves } = delivery;
    run.meter.asked("source", { wants: wants.length, haves: haves.length });
    run.observe({ type: "phase", phase: "fetch" });
    const attributes = { "git_sync.wants": wants.length, "git_sync.haves": haves.length };
    return run.span("git.fetch", attributes, async () => {
      const leaving = new AbortController();
      const spool = this.#overflow;
      const { memoryBytes } = run.limits;
      const received = new PackProgress("source", (event) => run.observe(event));
      const ofsDelta = targetListing.capabilities.has("ofs-delta");
      const thin = this.#thin && haves.length > 0;
      const downloaded = this.#downloaded(wants, ofsDelta);
      const answer =
        downloaded ??
        run.source.fetch(
          { wants, haves, shallow: targetListing.shallow, thin, ofsDelta },
          this.#hearing("source"),
          AbortSignal.any([run.signal, leaving.signal]),
        );
      try {
        const pack = await bufferPack(answer, {
          objectFormat,
          memoryBytes,
          spool,
          maxPackBytes: run.limits.maxPackBytes,
          guard,
          label: run.sourceLabel,
          onReceived: (bytes, objects) => {
            const before = received.bytes;
            received.add(bytes, objects);
            const isFull = before < memoryBytes && received.bytes >= memoryBytes;
            if (isFull && spool !== undefined) run.observe({ type: "phase", phase: "spool" });
          },
        });
        const close = async (): Promise<void> => {
          // A source that is still counting would not notice that nobody waits any more.
          leaving.abort();
          received.finish();
          await pack.close();
        };
        return { ...pack, close, guard, isThin: thin && downloaded === undefined };
      } catch (error) {
        leaving.abort();
        throw error;
      }
    });
  }

  /** Tell on what a side says while it works. */
  #hearing(side: Side): RemoteObserver {
    return {
      message: (text, isTransient) => this.#run.observe({ type: "remote-message", side, text, isTransient }),
    };
  }

  /** What the plan downloaded, if it is just what is wanted now and in a form that the target reads. */
  #downloaded(wants: readonly ObjectId[], ofsDelta: boolean): AsyncIterable<Uint8Array> | undefined {
    const download = this.#download;
    if (download === undefined || !ofsDelta || download.wants.size !== wants.length) return undefined;
    // The source was asked without a word of where the target's history ends.
    if (this.#input.targetListing.shallow.length > 0) return undefined;
    if (!wants.every((id) => download.wants.has(id))) return undefined;
    this.#download = undefined;
    return replayed(download.chunks);
  }
}

function reasonOf(next: Exclude<NextAttempt, { readonly type: "settled" | "too-large" }>): string {
  switch (next.type) {
    case "whole-pack":
      return "the target could not complete a thin pack";
    case "later":
      return "somebody else is writing the same refs";
    case "same":
    case "spooled":
      return next.reason;
  }
}

async function* replayed(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void, undefined> {
  yield* chunks;
}

function objectsOf(pack: FetchedPack): number {
  return pack.facts().objects;
}

const NOT_PUSHED = { unpackFailed: false, packKept: false } as const;
