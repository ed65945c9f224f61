/** Counts what a run exchanges with each side, and tells an observer at most four times a second. */

import { monotonicNow } from "./clock.ts";
import type { Side, SyncObserver } from "./observer.ts";
import type { TrafficMeter } from "./remote/connection.ts";
import type { ServiceStats, SideBytes, Stats } from "./schema/index.ts";

const PROGRESS_INTERVAL_MS = 250;
/** A rate is that of so long: short enough to show a standstill, long enough to be read. */
const RATE_WINDOW_MS = 3_000;

interface MutableService {
  name: string;
  requests: number;
  requestBytes: number;
  responseBytes: number;
  wants: number;
  haves: number;
  commands: number;
}

interface SideState {
  bytes: number;
  firstMs: number | undefined;
  lastMs: number;
  /** The phase that bytes belong to now. */
  phase: string;
}

export class RunMeter {
  readonly #startMs = monotonicNow();
  readonly #services = new Map<string, MutableService>();
  readonly #sides: Record<Side, SideState> = {
    source: { bytes: 0, firstMs: undefined, lastMs: this.#startMs, phase: "" },
    target: { bytes: 0, firstMs: undefined, lastMs: this.#startMs, phase: "" },
  };

  /** What the connections of one side report to. */
  traffic(side: Side): TrafficMeter {
    return {
      request: (phase) => {
        this.#sides[side].phase = phase;
        this.#service(phase).requests += 1;
      },
      repeated: () => {
        this.#service(this.#sides[side].phase).requests += 1;
      },
      sent: (bytes) => {
        this.#count(side, bytes).requestBytes += bytes;
      },
      received: (bytes) => {
        this.#count(side, bytes).responseBytes += bytes;
      },
    };
  }

  /** What a request asked for, added to the phase that side is in. */
  asked(
    side: Side,
    facts: { readonly wants?: number; readonly haves?: number; readonly commands?: number },
  ): void {
    const service = this.#service(
      side === "source" ? "source upload-pack fetch" : "target receive-pack push",
    );
    service.wants += facts.wants ?? 0;
    service.haves += facts.haves ?? 0;
    service.commands += facts.commands ?? 0;
  }

  /** All bytes that were exchanged with a side so far. */
  bytes(side: Side): number {
    return this.#sides[side].bytes;
  }

  stats(enabled: boolean): Stats {
    const nowMs = monotonicNow();
    const items: Record<string, ServiceStats> = {};
    if (enabled) for (const [name, service] of this.#services) items[name] = { ...service };
    return {
      enabled,
      items,
      sides: enabled ? this.#sideBytes(nowMs) : [],
      elapsedNanos: nanos(nowMs - this.#startMs),
    };
  }

  #sideBytes(nowMs: number): readonly SideBytes[] {
    return (["source", "target"] as const).map((label) => {
      const side = this.#sides[label];
      const firstMs = side.firstMs ?? side.lastMs;
      return {
        label,
        bytes: side.bytes,
        activeNanos: nanos(side.lastMs - firstMs),
        idleNanos: nanos(nowMs - side.lastMs),
      };
    });
  }

  #count(side: Side, bytes: number): MutableService {
    const state = this.#sides[side];
    state.bytes += bytes;
    state.lastMs = monotonicNow();
    state.firstMs ??= state.lastMs;
    return this.#service(state.phase);
  }

  #service(name: string): MutableService {
    const existing = this.#services.get(name);
    if (existing) return existing;
    const made = { name, requests: 0, requestBytes: 0, responseBytes: 0, wants: 0, haves: 0, commands: 0 };
    this.#services.set(name, made);
    return made;
  }
}

/** Pack bytes that passed one side, told at most every {@link PROGRESS_INTERVAL_MS} and once at the end. */
export class PackProgress {
  readonly #side: Side;
  readonly #observer: SyncObserver;
  /** What was told within the window of the rate, the oldest first; the last one before it as well. */
  readonly #told: { readonly atMs: number; readonly bytes: number }[] = [{ atMs: monotonicNow(), bytes: 0 }];
  #bytes = 0;
  #objects: number | undefined;

  constructor(side: Side, observer: SyncObserver) {
    this.#side = side;
    this.#observer = observer;
  }

  /** Count bytes, and say how many objects there will be once that is known. */
  add(bytes: number, objects?: number): void {
    this.#bytes += bytes;
    this.#objects ??= objects;
    const now = monotonicNow();
    if (this.#told.length === 1 || now - (this.#told.at(-1)?.atMs ?? 0) >= PROGRESS_INTERVAL_MS)
      this.#tell(now);
  }

  finish(): void {
    this.#tell(monotonicNow());
  }

  get bytes(): number {
    return this.#bytes;
  }

  #tell(now: number): void {
    const told = this.#told;
    while (told.length > 1 && now - (told[1]?.atMs ?? 0) >= RATE_WINDOW_MS) told.shift();
    const from = told[0] ?? { atMs: now, bytes: 0 };
    const seconds = Math.max(0.001, (now - from.atMs) / 1000);
    const bytesPerSecond = Math.round((this.#bytes - from.bytes) / seconds);
    told.push({ atMs: now, bytes: this.#bytes });
    this.#observer({
      type: "progress",
      side: this.#side,
      bytes: this.#bytes,
      bytesPerSecond,
      ...(this.#objects === undefined ? {} : { objects: this.#objects }),
    });
  }
}

function nanos(milliseconds: number): number {
  return Math.max(0, Math.round(milliseconds * 1e6));
}
