/** What a test may decide about a server, besides what is in its repositories. */

import type {
  Capability,
  DecodedUpdateRequest,
  GitService,
  ProtocolLimits,
  ReceivePackRequest,
  RefUpdateCommand,
  UploadPackRequest,
} from "@gitsync/protocol";
import type { MessageIntercept } from "./server-message.ts";

/** Hooks of a push, as a repository's owner would install them. */
export interface PushHooks {
  /** Called before anything is changed. `output` is shown to the user; a reason refuses every command. */
  readonly preReceive?: (update: DecodedUpdateRequest) => {
    readonly output?: string;
    readonly refusal?: string;
  };
  /** Called for each command; a reason refuses it. */
  readonly update?: (command: RefUpdateCommand) => string | undefined;
  /** Called after refs moved. The result is shown to the user. */
  readonly postReceive?: () => string;
}

/** Something that a client asked for. */
export interface RecordedRequest {
  readonly service: GitService;
  readonly version: 0 | 1 | 2;
  readonly transport: "stateful" | "stateless";
  readonly path: string;
  /** Pieces of packs are left out. */
  readonly request: UploadPackRequest | Exclude<ReceivePackRequest, { readonly type: "pack" }>;
}

export interface ServiceOptions {
  /** Changes what is said: see `server-message.ts`. */
  readonly intercept?: MessageIntercept;
  /** Another choice of capabilities than the repository's policy leads to: what is not offered is not done. */
  readonly capabilities?: (
    service: GitService,
    offered: readonly Capability[],
  ) => readonly (Capability | string)[];
  readonly hooks?: PushHooks;
  /** The highest version spoken; a client that asks for more gets this one. Default: 2. */
  readonly maxVersion?: 0 | 1 | 2;
  readonly limits?: Partial<ProtocolLimits>;
}

/** What the server says it is. */
export const AGENT = "protocol-server/1";
