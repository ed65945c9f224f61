// @gitsync/protocol: git's wire formats and packs as pure functions, client and server side.
// Bytes in, plain values out, and back. Nothing here opens a socket, a file or a timer.

export type {
  AdvertisedRef,
  Advertisement,
  CapabilityAdvertisement,
  GitService,
  RefAdvertisement,
} from "./advertisement.ts";
export {
  AdvertisementDecoder,
  type AdvertisementDecoderOptions,
  type DecodedAdvertisement,
  type DecodedRefAdvertisement,
} from "./advertisement-decoder.ts";
export {
  encodeCapabilityAdvertisement,
  encodeRefAdvertisement,
  encodeServiceHeader,
  type RefAdvertisementContent,
} from "./advertisement-encoder.ts";
export {
  agentCapability,
  type Capability,
  CapabilityList,
  encodeCapabilities,
  encodeCapability,
  hasFeature,
  objectFormatOf,
  parseCapabilities,
  parseCapability,
} from "./capabilities.ts";
export { type DaemonRequest, decodeDaemonRequest, encodeDaemonRequest } from "./daemon-request.ts";
export {
  equalAcknowledgments,
  equalAdvertisedRefs,
  equalAdvertisements,
  equalCapabilities,
  equalFetchRequests,
  equalRefUpdateCommands,
  equalReportStatuses,
  equalShallowInfo,
} from "./equal.ts";
export {
  PROTOCOL_ERROR_CODES,
  ProtocolError,
  type ProtocolErrorCode,
  type ProtocolErrorDetails,
  type ProtocolErrorOptions,
  type ProtocolPhase,
} from "./errors.ts";
export {
  type AckMode,
  chooseUploadCapabilities,
  type Deepen,
  encodeFetchRequestV2,
  encodeHaves,
  encodeUploadRequest,
  type FetchRequest,
  type FetchRequestV2Options,
  type SidebandChoice,
  type UploadCapabilityChoice,
  type UploadRequestOptions,
} from "./fetch-request.ts";
export {
  type Acknowledgment,
  type Acknowledgments,
  type AcknowledgmentStatus,
  encodeAck,
  encodeAcknowledgments,
  encodeNak,
  encodePackfileUris,
  encodeSectionHeader,
  encodeShallowInfo,
  encodeWantedRefs,
  type FetchSection,
  type PackfileUri,
  type ShallowInfo,
  type WantedRef,
} from "./fetch-response.ts";
export {
  FetchResponseDecoder,
  type FetchResponseHandlers,
  type FetchResponseOptions,
} from "./fetch-response-decoder.ts";
export type { FetchResponseV2Options, UploadResponseOptions } from "./fetch-grammar.ts";
export {
  formatAcknowledgments,
  formatAdvertisedRef,
  formatAdvertisement,
  formatCapabilities,
  formatFetchRequest,
  formatRefUpdateCommand,
  formatReportStatus,
  formatShallowInfo,
} from "./format.ts";
export { DEFAULT_LIMITS, type ProtocolLimits } from "./limits.ts";
export {
  type DecodedLsRefs,
  encodeLsRefsRequest,
  LsRefsDecoder,
  type LsRefsDecoderOptions,
  type LsRefsRequest,
  type LsRefsRequestOptions,
  type LsRefsResult,
} from "./ls-refs.ts";
export { encodeLsRefsResponse } from "./ls-refs-encoder.ts";
export {
  hashByteLength,
  isObjectId,
  isZeroObjectId,
  type ObjectFormat,
  type ObjectId,
  objectIdFromBytes,
  objectIdHexLength,
  objectIdToBytes,
  parseObjectId,
  zeroObjectId,
} from "./object-id.ts";
export { applyDelta, decodeDeltaHeader, type DeltaHeader } from "./pack/delta.ts";
export {
  decodePackEntryHeader,
  encodePackEntryHeader,
  type ObjectType,
  type PackEntryDescription,
  type PackEntryHeader,
} from "./pack/entry.ts";
export { createHasher, type Hasher, hashObject } from "./pack/hasher.ts";
export {
  decodePackHeader,
  emptyPack,
  encodePackHeader,
  PACK_HEADER_LENGTH,
  type PackHeader,
} from "./pack/header.ts";
export { type CommitLinks, parseCommit, parseTag, type TagLinks } from "./pack/object.ts";
export { type PackObject, readPackObjects, type ReadPackOptions } from "./pack/reader.ts";
export { PackVerifier, type PackVerifierOptions } from "./pack/trailer.ts";
export { encodePack, encodePackEntries, type PackableEntry, type PackableObject } from "./pack/writer.ts";
export type { PktLineKind } from "./pkt-line/packet-scanner.ts";
export { PktLineDecoder, type PktLineHandler } from "./pkt-line/pkt-line-decoder.ts";
export {
  DELIM_PKT,
  encodePktLine,
  FLUSH_PKT,
  MAX_PKT_PAYLOAD_LENGTH,
  PktLineWriter,
  RESPONSE_END_PKT,
  textOf,
} from "./pkt-line/pkt-line-encoder.ts";
export { type ProgressLine, ProgressLines, type ProgressLinesOptions } from "./pkt-line/progress-lines.ts";
export {
  SidebandDecoder,
  type SidebandDecoderOptions,
  type SidebandHandlers,
} from "./pkt-line/sideband-decoder.ts";
export { type SidebandChannel, SidebandEncoder, type SidebandMode } from "./pkt-line/sideband-encoder.ts";
export {
  compareRefNames,
  decodeRefName,
  encodeRefName,
  isValidRefName,
  parseRefName,
  type RefName,
  type RefNameRules,
} from "./ref-name.ts";
export { formatRefName, parseFormattedRefName } from "./ref-name-format.ts";
export { RefTable } from "./ref-table.ts";
export {
  type CommandStatus,
  encodeReportStatus,
  type RefReport,
  type ReportStatus,
  type UnpackStatus,
} from "./report-status.ts";
export { ReportStatusDecoder, type ReportStatusDecoderOptions } from "./report-status-decoder.ts";
export { sanitizeText, type SanitizeTextOptions } from "./sanitize-text.ts";
export type { HaveKnowledge } from "./server/have-acknowledger.ts";
export {
  type PackPiece,
  type ReceivePackContent,
  type ReceivePackRequest,
  ReceivePackServer,
  type ReceivePackServerOptions,
  type ReceivePackState,
  type UpdateCommands,
} from "./server/receive-pack-server.ts";
export { selectRefs } from "./server/ref-selection.ts";
export {
  type ReceivePackOffer,
  receivePackCapabilities,
  type ServerIdentity,
  uploadPackCapabilities,
  type UploadPackOffer,
} from "./server/server-capabilities.ts";
export { encodeErrPacket } from "./server/sideband-output.ts";
export {
  type HttpRequestHead,
  parseSmartHttpRequest,
  type SmartHttpRequest,
} from "./server/smart-http-request.ts";
export type {
  ListRefsRequest,
  NegotiationRequest,
  PackRequest,
  UploadPackRequest,
  WantsAnswer,
  WantsRequest,
} from "./server/upload-pack-request.ts";
export {
  UploadPackServer,
  type UploadPackServerOptions,
  type UploadPackState,
} from "./server/upload-pack-server.ts";
export type { SessionTransport } from "./session/conversation.ts";
export type { FetchHandlers, FetchPlan, FetchResult, HavePlan } from "./session/fetch-plan.ts";
export { FetchSession, type FetchSessionOptions } from "./session/fetch-session.ts";
export type { FetchState, FetchStatus } from "./session/fetch-status.ts";
export type { HttpRequest } from "./session/http-request.ts";
export {
  type HaveSource,
  type NegotiationRound,
  type NegotiationStrategy,
  type NegotiationStyle,
  Negotiator,
  type NegotiatorOptions,
} from "./session/negotiator.ts";
export { type CommandOutcome, matchReport, type PushOutcome } from "./session/push-outcome.ts";
export {
  type PushHandlers,
  type PushPlan,
  PushSession,
  type PushSessionOptions,
} from "./session/push-session.ts";
export type { PushState, PushStatus } from "./session/push-status.ts";
export type { Session, SessionOptions, SessionStatus } from "./session/session.ts";
export {
  advertisementContentType,
  gitProtocolHeader,
  infoRefsPath,
  mediaTypeOf,
  parseGitProtocolHeader,
  repositoryUrlAfterRedirect,
  requestContentType,
  resultContentType,
  servicePath,
} from "./smart-http.ts";
export { encodeSshCommand, quoteSshArgument } from "./ssh-command.ts";
export {
  chooseUpdateCapabilities,
  encodeUpdateRequest,
  needsPack,
  type RefUpdateCommand,
  type UpdateCapabilityWishes,
  type UpdateRequest,
} from "./update-request.ts";
export { type DecodedUpdateRequest, UpdateRequestDecoder } from "./update-request-decoder.ts";
export { type UploadRequest, UploadRequestDecoder } from "./upload-request-decoder.ts";
export { decodeFetchRequestV2, decodeLsRefsRequest, type V2Command, V2CommandDecoder } from "./v2-command.ts";
