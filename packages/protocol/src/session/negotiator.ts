// Which haves to tell a server, in which portions, and when to stop. Pure: no bytes, no clock, no repository.

import type { Acknowledgment, Acknowledgments } from "../fetch-response.ts";
import type { ObjectId } from "../object-id.ts";

/**
 * Where haves come from: a store that walks its commits newest first, and stops below those that are common.
 *
 * Both methods are called synchronously, and `next` only as far as the portions need.
 */
export interface HaveSource {
  /** The next object to name; undefined when there are no more. */
  next(): ObjectId | undefined;
  /**
   * The server has this one, too, and so all that it leads to. Called each time the server says so.
   *
   * @returns true when that followed from what was common before: it then need not be said again.
   */
  common(oid: ObjectId): boolean;
}

/**
 * How the server listens. gitprotocol-capabilities(5), "multi_ack".
 *
 * `stateful`: v0 and v1 on one connection: it remembers, and is kept one portion behind. `stateless`: v0 and v1 over
 * HTTP: each request stands alone, so what is common is said again. `v2`: each request stands alone on any
 * connection, and its portions grow by themselves rather than with the total.
 */
export type NegotiationStyle = "stateful" | "stateless" | "v2";

/** Options of {@link Negotiator}. */
export interface NegotiatorOptions {
  readonly style: NegotiationStyle;
  /** Objects we have, the most telling first. Those that repeat are told once. */
  readonly haves: Iterable<ObjectId> | HaveSource;
  /**
   * `rounds` asks in growing portions until the server knows enough; `at-once` tells everything together with `done`;
   * `wait-for-done` asks in portions and never says `done` (v2 only). Default: `rounds`.
   */
  readonly strategy?: NegotiationStrategy;
  /** Portions to ask about before giving up. Default: 4096. */
  readonly maxRounds?: number;
}

/** See {@link NegotiatorOptions.strategy}. */
export type NegotiationStrategy = "rounds" | "at-once" | "wait-for-done";

/** What to say next. */
export interface NegotiationRound {
  /** In this order: what must be repeated, then what is new. */
  readonly haves: readonly ObjectId[];
  /** The round ends in `done`, and nothing comes after it; otherwise a flush-pkt ends it. */
  readonly done: boolean;
}

/** Far beyond what any history needs; only a peer that agrees with nothing gets here. */
const DEFAULT_MAX_ROUNDS = 4096;

const INITIAL_WINDOW = 16;
/** Haves that fit, with their answers, into the smallest pipe between two processes. */
const PIPE_SAFE_WINDOW = 32;
const LARGE_WINDOW = 16_384;
/** Haves told without learning anything, after which the rest of our history is not worth telling. */
const MAX_IN_VAIN = 256;

/**
 * One negotiation: gitprotocol-pack(5), "Packfile Negotiation"; gitprotocol-v2(5), "fetch". The portions, and when to
 * give up, are those of git's own fetch-pack, so that the same histories take the same number of rounds.
 *
 * Call {@link next} until it says undefined, then {@link answer} with what the server said, and so on until
 * {@link over}.
 */
export class Negotiator {
  readonly #style: NegotiationStyle;
  readonly #strategy: NegotiationStrategy;
  readonly #maxRounds: number;
  readonly #source: HaveSource;
  readonly #release: () => void;
  readonly #sent = new Set<ObjectId>();
  readonly #common = new Set<ObjectId>();
  /** Common ones that a server without memory must hear again. */
  readonly #repeated = new Set<ObjectId>();
  #exhausted = false;
  /** The server knows enough, or will say no more: only `done` is left to say. */
  #settled = false;
  #over = false;
  #saidDone = false;
  #acknowledged = false;
  #told = 0;
  #inVain = 0;
  #window = INITIAL_WINDOW;
  #rounds = 0;
  #unanswered = 0;

  constructor(options: NegotiatorOptions) {
    this.#style = options.style;
    this.#strategy = options.strategy ?? "rounds";
    this.#maxRounds = options.maxRounds ?? DEFAULT_MAX_ROUNDS;
    const { source, release } = openSource(options.haves, this.#common);
    this.#source = source;
    this.#release = release;
  }

  /** Every have told so far. The same set throughout, so it may be given to a decoder that checks ACKs. */
  get sent(): ReadonlySet<ObjectId> {
    return this.#sent;
  }

  /** What both sides have, as far as the server said so, in the order in which it did. */
  get common(): readonly ObjectId[] {
    return [...this.#common];
  }

  /** Portions asked about so far; `done` is no question. */
  get rounds(): number {
    return this.#rounds;
  }

  /** Portions whose answer has not come. */
  get unanswered(): number {
    return this.#unanswered;
  }

  /** Nothing more will be said. Answers may still be due. */
  get over(): boolean {
    return this.#over;
  }

  /** What to say next; undefined when an answer must come first, or nothing is left to say. */
  next(): NegotiationRound | undefined {
    if (this.#over || this.#unanswered > (this.#style === "stateful" ? 1 : 0)) return undefined;
    if (this.#settled || this.#rounds >= this.#maxRounds) return this.#finish([]);
    if (this.#strategy === "at-once") return this.#finish(this.#take(Number.POSITIVE_INFINITY));
    return this.#style === "v2" ? this.#nextOfV2() : this.#nextOfV0();
  }

  /**
   * Take the answer to the oldest portion that has none, or to `done`.
   *
   * `final` in it settles the matter: without multi_ack a server names the first common one and says no more.
   */
  answer(acknowledgments: Acknowledgments): void {
    // The answer to `done` comes behind those to all portions before it.
    this.#unanswered = this.#saidDone ? 0 : Math.max(0, this.#unanswered - 1);
    for (const acknowledgment of acknowledgments.acks) this.#acknowledge(acknowledgment);
    if (acknowledgments.ready) this.#settled = true;
    if (this.#style !== "v2" && this.#acknowledged && this.#inVain > MAX_IN_VAIN) this.#settled = true;
  }

  #acknowledge({ oid, status }: Acknowledgment): void {
    this.#acknowledged = true;
    if (status === "final") this.#settled = true;
    // A server that is ready names the last have it read, whether it has that or not.
    if (status === "ready") {
      this.#inVain = 0;
      return;
    }
    const known = this.#source.common(oid);
    this.#common.add(oid);
    if (this.#style === "v2" || !known) this.#repeated.add(oid);
    // Without memory it acknowledges again what it is told again: nothing was learnt from that.
    if (this.#style !== "stateless" || status !== "common" || !known) this.#inVain = 0;
  }

  /** Portions end where the total reaches a mark, and the mark moves on. */
  #nextOfV0(): NegotiationRound | undefined {
    const wanted = this.#window - this.#told;
    const fresh = this.#take(wanted);
    if (fresh.length < wanted) return this.#finish(fresh);
    this.#window = grow(this.#window, this.#style);
    return this.#ask(fresh);
  }

  #nextOfV2(): NegotiationRound | undefined {
    const fresh = this.#take(this.#window);
    this.#window = grow(this.#window, this.#style);
    const inVain = this.#acknowledged && this.#inVain >= MAX_IN_VAIN;
    return fresh.length === 0 || inVain ? this.#finish(fresh) : this.#ask(fresh);
  }

  #ask(fresh: readonly ObjectId[]): NegotiationRound {
    this.#rounds += 1;
    this.#unanswered += 1;
    return { haves: this.#withRepeated(fresh), done: false };
  }

  #finish(fresh: readonly ObjectId[]): NegotiationRound | undefined {
    this.#over = true;
    this.#release();
    this.#saidDone = this.#strategy !== "wait-for-done";
    if (this.#saidDone) return { haves: this.#withRepeated(fresh), done: true };
    // A request without haves would be answered by a pack that nobody asked for.
    return fresh.length === 0 ? undefined : this.#ask(fresh);
  }

  #withRepeated(fresh: readonly ObjectId[]): readonly ObjectId[] {
    if (this.#style === "stateful" || this.#strategy === "wait-for-done") return fresh;
    return [...this.#repeated, ...fresh];
  }

  /** At most `count` haves that were not told before. */
  #take(count: number): ObjectId[] {
    const taken: ObjectId[] = [];
    while (taken.length < count && !this.#exhausted) {
      const oid = this.#source.next();
      if (oid === undefined) this.#exhausted = true;
      else if (!this.#sent.has(oid)) {
        this.#sent.add(oid);
        taken.push(oid);
      }
    }
    this.#told += taken.length;
    this.#inVain += taken.length;
    return taken;
  }
}

function grow(window: number, style: NegotiationStyle): number {
  if (style === "stateful") return window < PIPE_SAFE_WINDOW ? window * 2 : window + PIPE_SAFE_WINDOW;
  return window < LARGE_WINDOW ? window * 2 : Math.floor((window * 11) / 10);
}

function openSource(
  haves: Iterable<ObjectId> | HaveSource,
  common: ReadonlySet<ObjectId>,
): { readonly source: HaveSource; readonly release: () => void } {
  if (!(Symbol.iterator in haves)) return { source: haves, release: () => {} };
  const iterator = haves[Symbol.iterator]();
  const source: HaveSource = {
    next: () => {
      const { done, value } = iterator.next();
      return done === true ? undefined : value;
    },
    common: (oid) => common.has(oid),
  };
  return { source, release: () => void iterator.return?.() };
}
