/** The git servers of the tests: nginx as operators run it, and a scripted host of the same backend for faults. */

export type { HttpFault } from "./http-fault.ts";
export { startNginxGitServer, type LoggedRequest, type NginxGitServer } from "./nginx-git-server.ts";
export {
  startNodeGitServer,
  type HttpIntercept,
  type NodeGitServer,
  type NodeGitServerOptions,
} from "./node-git-server.ts";
export type { RecordedRequest } from "./recorded-request.ts";
