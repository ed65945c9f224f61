// Every bound on what a peer may make us keep or do, in one place.

/** Bounds on a peer. All are inclusive; exceeding one throws `LIMIT_EXCEEDED` unless said otherwise. */
export interface ProtocolLimits {
  /** Bytes of payload in one pkt-line; a longer one is `PKT_TOO_LONG`. git itself accepts 65519. */
  readonly maxPktPayloadBytes: number;
  /** Bytes of a ref or capability advertisement, or of an ls-refs answer. */
  readonly maxAdvertisementBytes: number;
  /** Refs in an advertisement or ls-refs answer, counting peeled, `.have` and shallow lines. */
  readonly maxRefs: number;
  /** Capabilities in a v2 capability advertisement or command. */
  readonly maxCapabilities: number;
  /** Lines before the pack of one fetch response: acknowledgments, shallow lines, wanted refs, URIs. */
  readonly maxNegotiationLines: number;
  /** Bytes of those lines. */
  readonly maxNegotiationBytes: number;
  /** Bytes of progress (band 2) in one side-band stream. */
  readonly maxProgressBytes: number;
  /** UTF-16 code units of one progress line; a longer one is cut, not refused. */
  readonly maxProgressLineLength: number;
  /** UTF-16 code units of one message of a remote (ERR, band 3, `ng` reasons); a longer one is cut, not refused. */
  readonly maxRemoteMessageLength: number;
  /** Lines of an answer to object-info or bundle-uri. */
  readonly maxResponseLines: number;
  /** Bytes of an answer to object-info or bundle-uri. */
  readonly maxResponseBytes: number;
  /** Bytes of a report-status. */
  readonly maxReportBytes: number;
  /** Lines of a report-status: a short one costs many times its bytes. */
  readonly maxReportLines: number;
  /** Objects that a pack header may announce. */
  readonly maxPackObjects: number;
  /** Objects of a pack that is read for its index: some 80 bytes of each are kept. */
  readonly maxIndexedObjects: number;
  /** Bytes of one object or delta of a pack, inflated. It need not fit into memory. */
  readonly maxObjectBytes: number;
  /** Bytes of an object that is a delta or the base of one: it must fit into memory, three times. */
  readonly maxDeltaObjectBytes: number;
  /** Bytes of all objects and deltas of a pack, inflated, counting each as often as it is inflated. */
  readonly maxInflatedBytes: number;
  /** Deltas between an object and the whole object that it goes back to. git itself makes 4095 at most. */
  readonly maxDeltaDepth: number;
  /** Bytes of delta bases that are kept while others are resolved; more are made anew, not refused. */
  readonly maxDeltaCacheBytes: number;
  /** Server side: lines (wants, haves, commands, arguments, options) in one request, and rounds of haves. */
  readonly maxRequestLines: number;
  /** Server side: bytes of one request, the pack not counted. */
  readonly maxRequestBytes: number;
}

/**
 * The limits in force when a caller gives none: far above what known repositories need.
 *
 * What a decoder keeps of one stream stays below 64 MiB, but for listings: those keep up to four times
 * `maxAdvertisementBytes`, which a caller with little memory therefore lowers, and `maxRefs` with it.
 */
export const DEFAULT_LIMITS: ProtocolLimits = Object.freeze({
  maxPktPayloadBytes: 65519,
  maxAdvertisementBytes: 512 * 1024 * 1024,
  maxRefs: 5_000_000,
  maxCapabilities: 250,
  maxNegotiationLines: 150_000,
  maxNegotiationBytes: 6 * 1024 * 1024,
  maxProgressBytes: 64 * 1024 * 1024,
  maxProgressLineLength: 1000,
  maxRemoteMessageLength: 4000,
  maxReportBytes: 16 * 1024 * 1024,
  maxReportLines: 150_000,
  maxResponseLines: 150_000,
  maxResponseBytes: 10 * 1024 * 1024,
  maxPackObjects: 0xffff_ffff,
  maxIndexedObjects: 100_000_000,
  maxObjectBytes: 2 ** 40,
  maxDeltaObjectBytes: 2 ** 30,
  maxInflatedBytes: 2 ** 44,
  maxDeltaDepth: 100_000,
  maxDeltaCacheBytes: 96 * 1024 * 1024,
  maxRequestLines: 150_000,
  maxRequestBytes: 10 * 1024 * 1024,
});

/** Complete limits from a caller's overrides. The result is frozen. */
export function resolveLimits(overrides?: Partial<ProtocolLimits>): ProtocolLimits {
  return overrides === undefined ? DEFAULT_LIMITS : Object.freeze({ ...DEFAULT_LIMITS, ...overrides });
}
