/** Remotes in memory that follow a script: for what real git will not do, such as lie or hang. */

import { trace } from "@opentelemetry/api";
import {
  CapabilityList,
  encodePack,
  type ObjectId,
  type RefName,
  type RefUpdateCommand,
} from "@gitsync/protocol";
import { AncestryCache } from "../ancestry-cache.ts";
import { startMeasurement } from "../measure.ts";
import { RunMeter } from "../meter.ts";
import type { SyncEvent } from "../observer.ts";
import { resolveLimits, type Limits } from "../options.ts";
import type {
  PackRequest,
  PushAnswer,
  PushRequest,
  RemoteObserver,
  SourceListing,
  SourceRemote,
  TargetListing,
  TargetRemote,
} from "../remote/remote.ts";
import { resolveSyncRequest } from "../request.ts";
import type { RefScope, SyncPolicy, SyncResult } from "../schema/index.ts";
import { spansOf } from "../spans.ts";
import { sync } from "../sync.ts";
import { desiredId, leasedId } from "../transfer/outcome.ts";
import type { SpoolFolder } from "../transfer/spool.ts";
import { TargetMemory } from "../transfer/target-memory.ts";
import { listed } from "./values.ts";

/** A pack of one object; what is in it does not matter to a relay. */
export const PACK: Uint8Array = encodePack(
  [{ type: "blob", data: new TextEncoder().encode("content\n") }],
  "sha1",
);

/** What happens to one fetch instead of the pack. */
export type FetchStep = (request: PackRequest, signal: AbortSignal) => AsyncIterable<Uint8Array>;

export class ScriptedSource implements SourceRemote {
  refs: ReadonlyMap<RefName, ObjectId>;
  readonly fetches: PackRequest[] = [];
  /** Taken one by one; afterwards the pack is sent. */
  readonly script: FetchStep[] = [];
  canFilter = true;
  listings = 0;
  /** Answers that were begun and not ended. */
  open = 0;

  constructor(refs: ReadonlyMap<RefName, ObjectId>) {
    this.refs = refs;
  }

  list(): Promise<SourceListing> {
    this.listings += 1;
    return Promise.resolve({
      protocol: "v2",
      objectFormat: "sha1",
      capabilities: new CapabilityList([]),
      refs: listed(this.refs),
      isEmpty: this.refs.size === 0,
      head: undefined,
      headUnborn: false,
      shallow: false,
      canFilter: this.canFilter,
      invalidNames: [],
    });
  }

  async *fetch(
    request: PackRequest,
    _observer: RemoteObserver,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    this.fetches.push(request);
    const step = this.script.shift();
    this.open += 1;
    try {
      if (step === undefined) yield PACK.slice();
      else yield* step(request, signal);
    } finally {
      this.open -= 1;
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** What happens to one push; `honest` does what git would. */
export type PushStep = (
  request: PushRequest,
  honest: (request: PushRequest) => Promise<PushAnswer>,
  signal: AbortSignal,
) => Promise<PushAnswer>;

export class ScriptedTarget implements TargetRemote {
  readonly refs: Map<RefName, ObjectId>;
  readonly pushes: (readonly RefUpdateCommand[])[] = [];
  /** Taken one by one; afterwards the target is honest. */
  readonly script: PushStep[] = [];
  /** Called before a listing, with its number from 1. */
  beforeListing: (listing: number) => void = () => {};
  listings = 0;
  headName: RefName | undefined;
  shallow: readonly ObjectId[] = [];
  capabilities: readonly string[] = ["report-status", "delete-refs", "ofs-delta", "atomic"];

  constructor(refs: ReadonlyMap<RefName, ObjectId>) {
    this.refs = new Map(refs);
  }

  async list(signal: AbortSignal): Promise<TargetListing> {
    signal.throwIfAborted();
    this.listings += 1;
    this.beforeListing(this.listings);
    return {
      exists: true,
      objectFormat: "sha1",
      capabilities: new CapabilityList(this.capabilities.map((name) => ({ name }))),
      refs: listed(this.refs),
      extraTips: [],
      shallow: this.shallow,
      invalidNames: [],
    };
  }

  head(): Promise<RefName | undefined> {
    return Promise.resolve(this.headName);
  }

  create(): Promise<void> {
    return Promise.resolve();
  }

  push(request: PushRequest, _observer: RemoteObserver, signal: AbortSignal): Promise<PushAnswer> {
    this.pushes.push(request.commands);
    const step = this.script.shift();
    return step === undefined ? this.#honest(request) : step(request, (each) => this.#honest(each), signal);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #honest({ commands, pack }: PushRequest): Promise<PushAnswer> {
    if (pack !== undefined) await drain(pack.chunks);
    return {
      unpack: { ok: true },
      commands: commands.map((command) => {
        const { ref } = command;
        if (this.refs.get(ref) !== leasedId(command))
          return { type: "ng", ref, reason: "failed to update ref" };
        const newId = desiredId(command);
        if (newId === undefined) this.refs.delete(ref);
        else this.refs.set(ref, newId);
        return { type: "ok", ref, options: {} };
      }),
    };
  }
}

/** Read everything. */
export async function drain(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const chunk of chunks) bytes += chunk.length;
  return bytes;
}

/** Report everything as done, or every command as refused with these words. */
export function report(request: PushRequest, refusal?: string, unpackError?: string): PushAnswer {
  return {
    unpack: unpackError === undefined ? { ok: true } : { ok: false, error: unpackError },
    commands: request.commands.map(({ ref }) =>
      refusal === undefined ? { type: "ok", ref, options: {} } : { type: "ng", ref, reason: refusal },
    ),
  };
}

export interface ScriptedRun {
  readonly policy?: SyncPolicy;
  readonly scope?: RefScope;
  readonly limits?: Limits;
  readonly signal?: AbortSignal;
  readonly dryRun?: boolean;
  readonly events?: SyncEvent[];
  readonly targets?: TargetMemory;
  readonly spool?: SpoolFolder;
}

/** Run a sync between two scripted remotes. */
export function runBetween(
  source: SourceRemote,
  target: TargetRemote,
  options: ScriptedRun = {},
): Promise<SyncResult> {
  const request = resolveSyncRequest({
    source: { url: "https://source.example/a" },
    target: { url: "https://target.example/a" },
    policy: options.policy,
    scope: options.scope,
  });
  return sync(
    {
      request,
      source,
      target,
      sourceLabel: "https://source.example/a",
      targetLabel: "https://target.example/a",
      limits: resolveLimits(options.limits),
      signal: options.signal ?? new AbortController().signal,
      meter: new RunMeter(),
      observe: (event) => options.events?.push(event),
      span: spansOf(trace.getTracer("test")),
      ancestryCache: new AncestryCache(),
      targets: options.targets ?? new TargetMemory(),
      spool: options.spool,
      batchStrategy: "first-parent",
      heldBack: [],
      approvedPlan: undefined,
      pace: undefined,
      dryRun: options.dryRun ?? false,
      onlyNew: false,
      packBytes: 0,
      packObjects: 0,
    },
    startMeasurement(false),
  );
}
