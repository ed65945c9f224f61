/** The git servers of the tests: nginx as operators run it, and a scripted host of the same backend for faults. */

export { startNginxGitServer, type LoggedRequest, type NginxGitServer } from "./nginx-git-server.ts";
export {
  startNodeGitServer,
  type HttpFault,
  type HttpIntercept,
  type NodeGitServer,
  type NodeGitServerOptions,
  type RecordedRequest,
} from "./node-git-server.ts";
