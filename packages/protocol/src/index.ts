// @gitsync/protocol: git's wire formats and packs as pure functions, client and server side.
// Bytes in, plain values out, and back. Nothing here opens a socket, a file or a timer.

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
export type {
  AdvertisedRef,
  Advertisement,
  CapabilityAdvertisement,
  GitService,
  RefAdvertisement,
} from "./advertisement.ts";
export {
  type BundleList,
  bundleListEntries,
  type BundleListEntry,
  BundleUriDecoder,
  decodeBundleUriRequest,
  encodeBundleUriRequest,
  encodeBundleUriResponse,
  type ListedBundle,
  parseBundleList,
} from "./bundle-uri.ts";
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
  equalAdvertisedRefs,
  equalAdvertisements,
  equalCapabilities,
  equalLsRefsRequests,
  equalLsRefsResults,
  equalV2Commands,
} from "./equal/advertisement.ts";
export {
  equalAcknowledgments,
  equalBundleListEntries,
  equalBundleLists,
  equalFetchRequests,
  equalFetchResponses,
  equalFilterSpecs,
  equalHaveRounds,
  equalHttpUploadRequests,
  equalNegotiationResults,
  equalObjectInfoRequests,
  equalObjectInfos,
  equalShallowInfo,
  equalSidebandPackets,
  equalUploadRequests,
} from "./equal/fetch.ts";
export {
  equalPushCertificates,
  equalRefUpdateCommands,
  equalReportStatuses,
  equalUpdateRequests,
} from "./equal/push.ts";
export { equalDaemonRequests, equalRequestCommands, equalSshCommands } from "./equal/transport.ts";
export {
  PROTOCOL_ERROR_CODES,
  ProtocolError,
  type ProtocolErrorCode,
  type ProtocolErrorDetails,
  type ProtocolErrorOptions,
  type ProtocolPhase,
  type RefNameRule,
} from "./errors.ts";
export type { FetchResponseV2Options, UploadResponseOptions } from "./fetch-grammar.ts";
export { decodeFetchRequestV2, encodeFetchRequestV2 } from "./fetch-request-v2.ts";
export type { Deepen, FetchRequest } from "./fetch-request.ts";
export {
  FetchResponseDecoder,
  type FetchResponseHandlers,
  type FetchResponseOptions,
} from "./fetch-response-decoder.ts";
export {
  encodeAck,
  encodeAcknowledgments,
  encodeFetchResponse,
  encodeNak,
  encodePackfileUris,
  encodeSectionHeader,
  encodeShallowInfo,
  encodeSidebandAll,
  encodeWantedRefs,
  type FetchResponseEncoding,
} from "./fetch-response-encoder.ts";
export type {
  Acknowledgment,
  Acknowledgments,
  AcknowledgmentStatus,
  FetchResponse,
  FetchSection,
  PackfileUri,
  ShallowInfo,
  WantedRef,
} from "./fetch-response.ts";
export { encodeFilterSpec, type FilterSpec, parseFilterSpec } from "./filter-spec.ts";
export {
  formatAdvertisedRef,
  formatAdvertisement,
  formatCapabilities,
  formatLsRefsRequest,
  formatLsRefsResult,
  formatV2Command,
} from "./format/advertisement.ts";
export {
  formatAcknowledgments,
  formatBundleList,
  formatBundleListEntries,
  formatFetchRequest,
  formatFetchResponse,
  formatFilterSpec,
  formatHaveRound,
  formatHttpUploadRequest,
  formatNegotiationResult,
  formatObjectInfo,
  formatObjectInfoRequest,
  formatShallowInfo,
  formatSidebandPacket,
  formatUploadRequest,
} from "./format/fetch.ts";
export {
  formatPushCertificate,
  formatRefUpdateCommand,
  formatReportStatus,
  formatUpdateRequest,
} from "./format/push.ts";
export { formatDaemonRequest, formatRequestCommand, formatSshCommand } from "./format/transport.ts";
export { frameRequest, type RequestBodyFacts, type RequestFraming } from "./http-framing.ts";
export {
  decideRedirect,
  type RedirectDecision,
  type RedirectedRequest,
  type RedirectRefusal,
} from "./http-redirect.ts";
export { DEFAULT_LIMITS, type ProtocolLimits } from "./limits.ts";
export type { RequestDecoderOptions } from "./line-reader.ts";
export { encodeLsRefsResponse } from "./ls-refs-encoder.ts";
export {
  decodeLsRefsRequest,
  encodeLsRefsRequest,
  type LsRefsRequest,
  type LsRefsRequestOptions,
} from "./ls-refs-request.ts";
export {
  type DecodedLsRefs,
  LsRefsDecoder,
  type LsRefsDecoderOptions,
  type LsRefsResult,
} from "./ls-refs.ts";
export { decodeMessage, type MessageDecoder } from "./message-decoder.ts";
export {
  decodeNegotiationResult,
  encodeNegotiationResult,
  type NegotiationResult,
  negotiationResultOf,
} from "./negotiation-result.ts";
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
export {
  decodeObjectInfoRequest,
  encodeObjectInfo,
  encodeObjectInfoRequest,
  type ObjectInfo,
  ObjectInfoDecoder,
  type ObjectInfoEntry,
  type ObjectInfoRequest,
} from "./object-info.ts";
export type { ContentWish } from "./pack/content-reader.ts";
export type { BaseObject, FindBase } from "./pack/delta-resolver.ts";
export { applyDelta, decodeDeltaHeader, type DeltaHeader } from "./pack/delta.ts";
export { DeltaBase, encodeDelta } from "./pack/delta-encoder.ts";
export {
  decodePackEntryHeader,
  encodePackEntryHeader,
  type ObjectType,
  objectTypeOf,
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
export {
  encodePackIndex,
  type EncodePackIndexOptions,
  encodeReverseIndex,
  type PackIndexColumns,
} from "./pack/index-encoder.ts";
export type { IndexedPack } from "./pack/indexed-pack.ts";
export { type CommitLinks, parseCommit, parseTag, type TagLinks } from "./pack/object.ts";
export { PackIndex, type PackIndexEntry, type PackIndexOptions } from "./pack/pack-index.ts";
export { indexPack, type PackedObject, PackIndexer, type ResolvePackOptions } from "./pack/pack-indexer.ts";
export {
  type PackEntry,
  type PackEntryPlace,
  type PackEntryStart,
  PackReader,
  type PackReaderHandlers,
  type PackReaderOptions,
} from "./pack/pack-reader.ts";
export { type PackObject, readPackObjects, type ReadPackOptions } from "./pack/reader.ts";
export { ReverseIndex } from "./pack/reverse-index.ts";
export type { PackScanOptions, PackSummary } from "./pack/scanner.ts";
export { packSource, type PackSource } from "./pack/source.ts";
export { completeThinPack } from "./pack/thin-pack.ts";
export { PackVerifier, type PackVerifierOptions } from "./pack/trailer.ts";
export {
  encodePack,
  encodePackEntries,
  type PackableEntry,
  type PackableObject,
  PackWriter,
  type PackWriterOptions,
} from "./pack/writer.ts";
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
  decodeSidebandPacket,
  encodeSidebandPacket,
  type SidebandPacket,
} from "./pkt-line/sideband-packet.ts";
export type { PromisorRemote } from "./promisor-remote.ts";
export {
  decodePushCertificate,
  encodePushCertificate,
  encodePushCertificateContent,
  type PushCertificate,
  type PushCertificateContent,
  type ReceivedPushCertificate,
} from "./push-certificate.ts";
export {
  checkPushNonce,
  createPushNonce,
  isPushNonce,
  type PushNonceCheck,
  type PushNonceSource,
  type PushNonceStatus,
} from "./push-nonce.ts";
export { formatRefName, parseFormattedRefName } from "./ref-name-format.ts";
export {
  compareRefNames,
  decodeRefName,
  encodeRefName,
  isValidRefName,
  parseRefName,
  type RefName,
  type RefNameRules,
} from "./ref-name.ts";
export { RefTable } from "./ref-table.ts";
export { needsPack, type RefUpdateCommand } from "./ref-update-command.ts";
export { ReportStatusDecoder, type ReportStatusDecoderOptions } from "./report-status-decoder.ts";
export {
  type CommandStatus,
  encodeReportStatus,
  type RefReport,
  type ReportStatus,
  type UnpackStatus,
} from "./report-status.ts";
export { parseRequestCommand, type RequestCommand } from "./request-command.ts";
export { sanitizeText, type SanitizeTextOptions } from "./sanitize-text.ts";
export {
  type ReceivePackFeatures,
  receivePackFeatures,
  uploadPackFeatures,
  type UploadPackFeatures,
  type V2Features,
  v2Features,
} from "./server-features.ts";
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
  receivePackCapabilities,
  type ReceivePackOffer,
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
  DescribeObjectsRequest,
  ListBundlesRequest,
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
export type { CommandAnswers, FetchState, FetchStatus } from "./session/fetch-status.ts";
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
  requestContentType,
  resultContentType,
  servicePath,
} from "./smart-http.ts";
export { decodeSshCommand, encodeSshCommand, quoteSshArgument, type SshCommand } from "./ssh-command.ts";
export { chooseUpdateCapabilities, type UpdateCapabilityWishes } from "./update-capabilities.ts";
export { type DecodedUpdateRequest, UpdateRequestDecoder } from "./update-request-decoder.ts";
export { encodeUpdateRequest, type UpdateRequest } from "./update-request.ts";
export {
  type AckMode,
  chooseUploadCapabilities,
  type SidebandChoice,
  type UploadCapabilityChoice,
  type UploadRequestOptions,
} from "./upload-capabilities.ts";
export {
  HaveRoundDecoder,
  type HaveRoundDecoderOptions,
  HttpUploadRequestDecoder,
  UploadRequestDecoder,
} from "./upload-request-decoder.ts";
export {
  encodeHaves,
  encodeHttpUploadRequest,
  encodeUploadRequest,
  fetchRequestOf,
  type HaveRound,
  type HttpUploadRequest,
  type UploadRequest,
  uploadRequestOf,
} from "./upload-request.ts";
export { urlWithoutCredentials } from "./url-without-credentials.ts";
export { encodeV2Command, type V2Command, V2CommandDecoder, type V2Session } from "./v2-command.ts";
