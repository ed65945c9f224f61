/** A target in this file system: made bare when it is not there yet, otherwise like any other. */

import { CapabilityList, RefTable, type ObjectFormat, type RefName } from "@gitsync/protocol";
import { SyncError } from "../../errors.ts";
import { isMissing } from "../../location/local-path.ts";
import type { PushAnswer, PushRequest, RemoteObserver, TargetListing, TargetRemote } from "../remote.ts";
import type { ChildEnvironment } from "../stream/service-process.ts";
import { runGit } from "./local-service.ts";

/** What stock git's receive-pack can do; assumed of a repository that it is about to serve. */
const CAPABILITIES = [
  "report-status",
  "report-status-v2",
  "delete-refs",
  "side-band-64k",
  "quiet",
  "atomic",
  "ofs-delta",
];

export class LocalTarget implements TargetRemote {
  readonly #path: string;
  readonly #environment: ChildEnvironment;
  readonly #served: TargetRemote;

  /** `served` talks to the repository once it exists. */
  constructor(path: string, environment: ChildEnvironment, served: TargetRemote) {
    this.#path = path;
    this.#environment = environment;
    this.#served = served;
  }

  async list(signal: AbortSignal): Promise<TargetListing> {
    if (!isMissing(this.#path)) return this.#served.list(signal);
    return {
      exists: false,
      objectFormat: undefined,
      capabilities: new CapabilityList(CAPABILITIES.map((name) => ({ name }))),
      refs: RefTable.from("sha1", []),
      extraTips: [],
      shallow: [],
      invalidNames: [],
    };
  }

  async head(signal: AbortSignal): Promise<RefName | undefined> {
    return isMissing(this.#path) ? undefined : this.#served.head(signal);
  }

  async create(objectFormat: ObjectFormat, head: RefName | undefined, signal: AbortSignal): Promise<void> {
    if (!isMissing(this.#path)) return;
    const branch =
      head?.startsWith("refs/heads/") && head.isWellFormed() ? head.slice("refs/heads/".length) : undefined;
    const args = ["init", "--quiet", "--bare", `--object-format=${objectFormat}`];
    if (branch !== undefined) args.push(`--initial-branch=${branch}`);
    try {
      await runGit([...args, "--", this.#path], this.#environment, signal);
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      throw new SyncError(
        "LOCAL_FAILED",
        `Cannot create the target ${this.#path}: ${error.message}`,
        error.details,
      );
    }
  }

  push(request: PushRequest, observer: RemoteObserver, signal: AbortSignal): Promise<PushAnswer> {
    return this.#served.push(request, observer, signal);
  }

  close(): Promise<void> {
    return this.#served.close();
  }
}
