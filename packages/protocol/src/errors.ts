// The one error class of the package. Nothing here reads or writes bytes of a peer except to show a short, escaped excerpt.

import { escapeExcerpt } from "./sanitize-text.ts";

/** Every way in which bytes of a peer, or a request to this package, can be refused. */
export type ProtocolErrorCode =
  | "ACKNOWLEDGMENTS_MISSING"
  | "ACKNOWLEDGMENTS_UNEXPECTED"
  | "ACK_INVALID"
  | "ACK_UNKNOWN"
  | "ADVERTISEMENT_EMPTY"
  | "ANSWER_UNEXPECTED"
  | "BUNDLE_LIST_INVALID"
  | "BYTES_AFTER_END"
  | "CAPABILITY_INVALID"
  | "CAPABILITY_MISSING"
  | "CERTIFICATE_INVALID"
  | "DELIM_UNEXPECTED"
  | "DELIM_WITHOUT_READY"
  | "DELTA_INVALID"
  | "FILTER_INVALID"
  | "FLUSH_UNEXPECTED"
  | "LIMIT_EXCEEDED"
  | "NONCE_INVALID"
  | "NOT_GIT"
  | "OBJECT_FORMAT_UNSUPPORTED"
  | "OBJECT_ID_INVALID"
  | "OBJECT_INFO_INVALID"
  | "OBJECT_INVALID"
  | "PACKFILE_URI_INVALID"
  | "PACK_BASE_MISSING"
  | "PACK_CHECKSUM"
  | "PACK_INDEX_INVALID"
  | "PACK_INVALID"
  | "PACK_TRUNCATED"
  | "PACK_UNEXPECTED"
  | "PKT_LENGTH_INVALID"
  | "PKT_LENGTH_RESERVED"
  | "PKT_TOO_LONG"
  | "PKT_TRUNCATED"
  | "READY_WITHOUT_DELIM"
  | "REF_LINE_INVALID"
  | "REF_NAME_INVALID"
  | "REMOTE_ERROR"
  | "REPORT_MISSING"
  | "REPORT_OPTION_INVALID"
  | "REPORT_STATUS_INVALID"
  | "REPORT_UNPACK_INVALID"
  | "REQUEST_INVALID"
  | "RESPONSE_END_UNEXPECTED"
  | "SECTION_DUPLICATED"
  | "SECTION_OUT_OF_ORDER"
  | "SECTION_UNKNOWN"
  | "SERVICE_MISMATCH"
  | "SHALLOW_INVALID"
  | "SIDEBAND_INVALID"
  | "STATE_INVALID"
  | "STREAM_TRUNCATED"
  | "VERSION_UNSUPPORTED"
  | "WANTED_REF_INVALID";

/** The part of a conversation in which an error arose. */
export type ProtocolPhase =
  | "advertisement"
  | "bundle-uri"
  | "capabilities"
  | "daemon-request"
  | "fetch-request"
  | "fetch-response"
  | "fetch-session"
  | "filter"
  | "ls-refs"
  | "object"
  | "object-id"
  | "object-info"
  | "pack"
  | "pkt-line"
  | "push-certificate"
  | "push-session"
  | "receive-pack"
  | "ref-name"
  | "report-status"
  | "request-command"
  | "side-band"
  | "smart-http"
  | "ssh-command"
  | "update-request"
  | "upload-pack"
  | "v2-command";

/** The rules of git-check-ref-format(1), as {@link ProtocolErrorDetails} names them. */
export type RefNameRule =
  | "at-alone"
  | "at-brace"
  | "component-begins-with-dot"
  | "component-empty"
  | "component-ends-with-lock"
  | "double-dot"
  | "empty"
  | "ends-with-dot"
  | "forbidden-byte"
  | "not-bytes"
  | "one-level";

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
  /** The rule of git-check-ref-format(1) that a name breaks, for `REF_NAME_INVALID`. */
  readonly rule?: RefNameRule;
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
  ACK_INVALID: false,
  ACK_UNKNOWN: false,
  ADVERTISEMENT_EMPTY: false,
  ANSWER_UNEXPECTED: false,
  BUNDLE_LIST_INVALID: false,
  BYTES_AFTER_END: false,
  CAPABILITY_INVALID: false,
  CAPABILITY_MISSING: false,
  CERTIFICATE_INVALID: false,
  DELIM_UNEXPECTED: false,
  DELIM_WITHOUT_READY: false,
  DELTA_INVALID: false,
  FILTER_INVALID: false,
  FLUSH_UNEXPECTED: false,
  LIMIT_EXCEEDED: false,
  NONCE_INVALID: false,
  NOT_GIT: false,
  OBJECT_FORMAT_UNSUPPORTED: false,
  OBJECT_ID_INVALID: false,
  OBJECT_INFO_INVALID: false,
  OBJECT_INVALID: false,
  PACKFILE_URI_INVALID: false,
  PACK_BASE_MISSING: false,
  PACK_CHECKSUM: true,
  PACK_INDEX_INVALID: false,
  PACK_INVALID: false,
  PACK_TRUNCATED: true,
  PACK_UNEXPECTED: false,
  PKT_LENGTH_INVALID: false,
  PKT_LENGTH_RESERVED: false,
  PKT_TOO_LONG: false,
  PKT_TRUNCATED: true,
  READY_WITHOUT_DELIM: false,
  REF_LINE_INVALID: false,
  REF_NAME_INVALID: false,
  REMOTE_ERROR: false,
  REPORT_MISSING: false,
  REPORT_OPTION_INVALID: false,
  REPORT_STATUS_INVALID: false,
  REPORT_UNPACK_INVALID: false,
  REQUEST_INVALID: false,
  RESPONSE_END_UNEXPECTED: false,
  SECTION_DUPLICATED: false,
  SECTION_OUT_OF_ORDER: false,
  SECTION_UNKNOWN: false,
  SERVICE_MISMATCH: false,
  SHALLOW_INVALID: false,
  SIDEBAND_INVALID: false,
  STATE_INVALID: false,
  STREAM_TRUNCATED: true,
  VERSION_UNSUPPORTED: false,
  WANTED_REF_INVALID: false,
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
