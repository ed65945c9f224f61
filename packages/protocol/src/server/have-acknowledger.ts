// What a server says about haves, have by have and round by round.

import { encodeAck, encodeAcknowledgments, encodeNak } from "../fetch-response-encoder.ts";
import type { ObjectId } from "../object-id.ts";
import { PktLineWriter } from "../pkt-line/pkt-line-encoder.ts";
import type { AckMode } from "../upload-capabilities.ts";
import type { HaveRound } from "../upload-request.ts";

/** What a repository knows about haves. A repository that must be asked over a wire asks first, then answers these. */
export interface HaveKnowledge {
  /** True for an object that is here. Called once for each have, in order. */
  readonly has: (oid: ObjectId) => boolean;
  /**
   * True when every want leads to something common, so that more haves would not make the pack smaller. Called when
   * something is common, and again only after more is.
   */
  readonly isReady: (common: ReadonlySet<ObjectId>) => boolean;
}

/** The answer to one batch. */
export interface HaveAnswer {
  readonly bytes: Uint8Array;
  /** The negotiation is over and the pack follows. */
  readonly packFollows: boolean;
}

/** Remembers what is common, and writes acknowledgments. */
export interface HaveAcknowledger {
  /** Haves that are here, in the order they came. */
  readonly common: ReadonlySet<ObjectId>;
  answer(round: HaveRound, knowledge: HaveKnowledge): HaveAnswer;
}

/** Asks for readiness only when the answer may have changed. */
class Readiness {
  readonly #common: ReadonlySet<ObjectId>;
  #askedAt = 0;
  #isReady = false;

  constructor(common: ReadonlySet<ObjectId>) {
    this.#common = common;
  }

  ask(knowledge: HaveKnowledge): boolean {
    if (this.#common.size > this.#askedAt) {
      this.#askedAt = this.#common.size;
      this.#isReady = knowledge.isReady(this.#common);
    }
    return this.#isReady;
  }
}

/**
 * v0 and v1: gitprotocol-pack(5), "Packfile Negotiation"; gitprotocol-capabilities(5), "multi_ack", "no-done".
 *
 * As git's own server does, a have that is not here is acknowledged all the same once enough is common: the client
 * need not go on along that line of history.
 */
export class UploadHaveAcknowledger implements HaveAcknowledger {
  readonly common: Set<ObjectId> = new Set<ObjectId>();
  readonly #mode: AckMode;
  readonly #noDone: boolean;
  readonly #readiness = new Readiness(this.common);
  #last: ObjectId | undefined;
  #saidReady = false;

  constructor(mode: AckMode, noDone: boolean) {
    this.#mode = mode;
    this.#noDone = noDone;
  }

  answer({ haves, done }: HaveRound, knowledge: HaveKnowledge): HaveAnswer {
    const writer = new PktLineWriter();
    let seenCommon = false;
    let seenOther = false;
    for (const oid of haves) {
      if (knowledge.has(oid)) {
        seenCommon = true;
        this.#acknowledge(writer, oid);
      } else {
        seenOther = true;
        this.#acknowledgeBlindly(writer, oid, knowledge);
      }
    }
    const last = this.#last;
    if (done) {
      if (last === undefined) writer.raw(encodeNak());
      else if (this.#mode !== "none") writer.raw(encodeAck({ oid: last, status: "final" }));
      return { bytes: writer.take(), packFollows: true };
    }
    const isSettled = seenCommon && !seenOther && this.#mode === "multi_ack_detailed";
    if (isSettled && last !== undefined && this.#readiness.ask(knowledge)) {
      this.#saidReady = true;
      writer.raw(encodeAck({ oid: last, status: "ready" }));
    }
    if (last === undefined || this.#mode !== "none") writer.raw(encodeNak());
    const packFollows = this.#noDone && this.#saidReady;
    if (packFollows && last !== undefined) writer.raw(encodeAck({ oid: last, status: "final" }));
    return { bytes: writer.take(), packFollows };
  }

  #acknowledge(writer: PktLineWriter, oid: ObjectId): void {
    const isFirst = this.common.size === 0;
    this.common.add(oid);
    this.#last = oid;
    if (this.#mode === "multi_ack_detailed") writer.raw(encodeAck({ oid, status: "common" }));
    else if (this.#mode === "multi_ack") writer.raw(encodeAck({ oid, status: "continue" }));
    else if (isFirst) writer.raw(encodeAck({ oid, status: "final" }));
  }

  #acknowledgeBlindly(writer: PktLineWriter, oid: ObjectId, knowledge: HaveKnowledge): void {
    if (this.#mode === "none" || !this.#readiness.ask(knowledge)) return;
    if (this.#mode === "multi_ack") {
      writer.raw(encodeAck({ oid, status: "continue" }));
      return;
    }
    this.#saidReady = true;
    writer.raw(encodeAck({ oid, status: "ready" }));
  }
}

/** v2: gitprotocol-v2(5), "fetch", section acknowledgments. Each command stands alone. */
export class FetchHaveAcknowledger implements HaveAcknowledger {
  readonly common: Set<ObjectId> = new Set<ObjectId>();
  readonly #waitForDone: boolean;
  readonly #readiness = new Readiness(this.common);

  constructor(waitForDone: boolean) {
    this.#waitForDone = waitForDone;
  }

  answer({ haves, done }: HaveRound, knowledge: HaveKnowledge): HaveAnswer {
    for (const oid of haves) if (knowledge.has(oid)) this.common.add(oid);
    // After `done` the pack comes whatever is common, and no acknowledgments do.
    if (done) return { bytes: new Uint8Array(0), packFollows: true };
    const ready = !this.#waitForDone && this.#readiness.ask(knowledge);
    const acks = Array.from(this.common, (oid) => ({ oid, status: "common" as const }));
    const round = { acks, nak: acks.length === 0 && !ready, ready };
    return { bytes: encodeAcknowledgments(round, { version: 2 }), packFollows: ready };
  }
}
