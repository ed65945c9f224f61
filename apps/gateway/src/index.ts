/** `@gitsync/gateway`: HTTP in front of the queue: webhooks, the API and the dashboard. */

export { createGateway, type Gateway, type GatewayOptions } from "./gateway.ts";
export { GatewayError, type GatewayErrorCode } from "./gateway-error.ts";
export {
  isLoopback,
  parseListenAddress,
  requireTokenBeyondLoopback,
  type ListenAddress,
} from "./listen-address.ts";
export { sampleDelivery } from "./hooks/forges.ts";
export { IGNORED_REASONS, type IgnoredReason } from "./hooks/receive-delivery.ts";
export type { SampleDelivery } from "./hooks/forge.ts";
export { PROBLEMS, type ProblemCode, type ProblemDocument, type ProblemFault } from "./http/problem.ts";
export type { AcceptedJob, JobSummary } from "./routes/job-document.ts";
