// What was asked in a fetch, and the seam between reading its packets and understanding them.

import type { FetchSection } from "./fetch-response.ts";
import type { ObjectFormat, ObjectId } from "./object-id.ts";
import type { PktLineKind } from "./pkt-line/packet-scanner.ts";
import type { AckMode, SidebandChoice } from "./upload-capabilities.ts";

/** What was asked in v2. What is left out is not checked. */
export interface FetchResponseV2Options {
  readonly version: 2;
  /** `sideband-all` was asked for, so every packet has a band. Default: false. */
  readonly sidebandAll?: boolean;
  /** The request said `done`, so there must be no acknowledgments section; false: there must be one. */
  readonly sentDone?: boolean;
  /** Ids must be as wide as its are. Default: either width is taken. */
  readonly objectFormat?: ObjectFormat;
  /** ACKs for other objects are refused. */
  readonly sentHaves?: ReadonlySet<ObjectId>;
}

/** What was asked in v0 or v1: the outcome of `chooseUploadCapabilities`, and the round. */
export interface UploadResponseOptions {
  readonly version: 0 | 1;
  readonly ackMode: AckMode;
  readonly sideband: SidebandChoice;
  /** `no-done` was sent: after `ready` the pack follows without our `done`. Default: false. */
  readonly noDone?: boolean;
  /** The round ended in `done`, so the pack follows. */
  readonly sentDone: boolean;
  /** The request deepens, so shallow lines come first. */
  readonly expectShallow: boolean;
  /** The request ended with its deepening, so the answer ends with the shallow lines. Default: false. */
  readonly shallowOnly?: boolean;
  /** Ids must be as wide as its are. Default: either width is taken. */
  readonly objectFormat?: ObjectFormat;
  /** Everything this conversation called a have. ACKs for other objects are refused. */
  readonly sentHaves: ReadonlySet<ObjectId>;
}

/** What a grammar makes of a packet: more packets, the end of the answer, or the pack from the next byte on. */
export type GrammarStep = "more" | "end" | "pack";

/** The packets of one protocol version before the pack. */
export interface FetchGrammar {
  /** First byte of the next packet, before it is read as one: true when it is not a pkt-line but a bare pack. */
  startsBarePack(byte: number): boolean;
  /** True when this packet is already side-band data. */
  startsSideband(payload: Uint8Array): boolean;
  onPacket(kind: PktLineKind, line: string): GrammarStep;
  /** May the stream end here, without a pack? */
  mayEnd(): boolean;
  /** Was this part on the wire, empty or not? */
  hasSeen(section: Exclude<FetchSection, "packfile">): boolean;
}
