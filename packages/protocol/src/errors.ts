// The one error class of the package. Nothing here reads or writes bytes of a peer except to show a short, escaped excerpt.

import { escapeExcerpt } from "./sanitize-text.ts";

/** Every way in which bytes of a peer, or a request to this package, can be refused. */
export type ProtocolErrorCode =
  | "ACKNOWLEDGMENTS_MISSING"
  | "ACKNOWLEDGMENTS_UNEXPECTED"
  | "ACK_UNKNOWN"
  | "ADVERTISEMENT_INVALID"
  | "ANSWER_UNEXPECTED"
  | "CAPABILITY_INVALID"
  | "CAPABILITY_MISSING"
  | "DELIM_WITHOUT_READY"
  | "DELTA_INVALID"
  | "FETCH_RESPONSE_INVALID"
  | "LIMIT_EXCEEDED"
  | "LS_REFS_INVALID"
  | "NOT_GIT"
  | "OBJECT_FORMAT_UNSUPPORTED"
  | "OBJECT_ID_INVALID"
  | "OBJECT_INVALID"
  | "PACK_BASE_MISSING"
  | "PACK_CHECKSUM"
  | "PACK_INVALID"
  | "PACK_TRUNCATED"
  | "PKT_LENGTH_INVALID"
  | "PKT_TRUNCATED"
  | "READY_WITHOUT_DELIM"
  | "REF_NAME_INVALID"
  | "REMOTE_ERROR"
  | "REPORT_INVALID"
  | "REPORT_MISSING"
  | "REQUEST_INVALID"
  | "RESPONSE_END_UNEXPECTED"
  | "SECTION_DUPLICATED"
  | "SECTION_OUT_OF_ORDER"
  | "SECTION_UNKNOWN"
  | "SIDEBAND_INVALID"
  | "STATE_INVALID"
  | "STREAM_TRUNCATED";

/** The part of a conversation in which an error arose. */
export type ProtocolPhase =
  | "advertisement"
  | "capabilities"
  | "daemon-request"
  | "fetch-request"
  | "fetch-response"
  | "fetch-session"
  | "ls-refs"
  | "object"
  | "object-id"
  | "pack"
  | "pkt-line"
  | "push-session"
  | "receive-pack"
  | "ref-name"
  | "report-status"
  | "side-band"
  | "ssh-command"
  | "update-request"
  | "upload-pack";

/** Facts about a failure, apart from its static message. Peer text in it is already sanitised. */
export interface ProtocolErrorDetails {
  /** What the remote said, for `REMOTE_ERROR`; sanitised and bounded. */
  readonly message?: string;
  /** The limit that was exceeded, for `LIMIT_EXCEEDED`: a key of `ProtocolLimits` or of the reader's options. */
  readonly limit?: string;
  /** The capability that the server did not advertise, for `CAPABILITY_MISSING`. */
  readonly capability?: string;
  /** The state of a session in which a call was illegal, for `STATE_INVALID`. */
  readonly state?: string;
  /** The states in which that call is legal, for `STATE_INVALID` of a session. */
  readonly expectedStates?: readonly string[];
}

/** How to build a {@link ProtocolError}. */
export interface ProtocolErrorOptions {
  readonly phase: ProtocolPhase;
  /** Byte offset in the stream being decoded. */
  readonly offset?: number;
  /** Bytes at fault; at most 64 of them are kept, escaped. */
  readonly excerpt?: Uint8Array;
  readonly details?: ProtocolErrorDetails;
  readonly cause?: unknown;
}

// A connection that was cut may work when made again; a peer that speaks wrongly will speak wrongly again.
const RETRYABLE: Readonly<Record<ProtocolErrorCode, boolean>> = {
  ACKNOWLEDGMENTS_MISSING: false,
  ACKNOWLEDGMENTS_UNEXPECTED: false,
  ACK_UNKNOWN: false,
  ADVERTISEMENT_INVALID: false,
  ANSWER_UNEXPECTED: false,
  CAPABILITY_INVALID: false,
  CAPABILITY_MISSING: false,
  DELIM_WITHOUT_READY: false,
  DELTA_INVALID: false,
  FETCH_RESPONSE_INVALID: false,
  LIMIT_EXCEEDED: false,
  LS_REFS_INVALID: false,
  NOT_GIT: false,
  OBJECT_FORMAT_UNSUPPORTED: false,
  OBJECT_ID_INVALID: false,
  OBJECT_INVALID: false,
  PACK_BASE_MISSING: false,
  PACK_CHECKSUM: true,
  PACK_INVALID: false,
  PACK_TRUNCATED: true,
  PKT_LENGTH_INVALID: false,
  PKT_TRUNCATED: true,
  READY_WITHOUT_DELIM: false,
  REF_NAME_INVALID: false,
  REMOTE_ERROR: false,
  REPORT_INVALID: false,
  REPORT_MISSING: false,
  REQUEST_INVALID: false,
  RESPONSE_END_UNEXPECTED: false,
  SECTION_DUPLICATED: false,
  SECTION_OUT_OF_ORDER: false,
  SECTION_UNKNOWN: false,
  SIDEBAND_INVALID: false,
  STATE_INVALID: false,
  STREAM_TRUNCATED: true,
};

/** Every {@link ProtocolErrorCode}, sorted, for documentation and tests. */
export const PROTOCOL_ERROR_CODES: readonly string[] = Object.freeze(Object.keys(RETRYABLE).sort());

/**
 * A peer broke git's protocol, reported an error through it, or was asked for something it does not offer.
 *
 * Match on `code`. `message` is safe to print: peer text in it is sanitised and short.
 */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  readonly code: ProtocolErrorCode;
  readonly phase: ProtocolPhase;
  /** Byte offset in the decoded stream, where known. */
  readonly offset?: number;
  /** Up to 64 bytes at fault as text; everything but printable ASCII is escaped. */
  readonly excerpt?: string;
  readonly details: ProtocolErrorDetails;

  constructor(code: ProtocolErrorCode, message: string, options: ProtocolErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.phase = options.phase;
    if (options.offset !== undefined) this.offset = options.offset;
    if (options.excerpt !== undefined) this.excerpt = escapeExcerpt(options.excerpt);
    this.details = options.details ?? {};
  }

  /** True when the same exchange may succeed on a new connection without anyone changing anything. */
  get retryable(): boolean {
    return RETRYABLE[this.code];
  }
}
