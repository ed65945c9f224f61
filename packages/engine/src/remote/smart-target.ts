/** A target over any connection: receive-pack's listing, its push and its report. */

import {
  chooseUpdateCapabilities,
  encodeUpdateRequest,
  ProgressLines,
  ReportStatusDecoder,
  type RefName,
} from "@gitsync/protocol";
import { isSyncError, SyncError } from "../errors.ts";
import type { GitConnection, TrafficMeter } from "./connection.ts";
import { AMID_ANSWER } from "./connection-failure.ts";
import { protocolFailure } from "./protocol-failure.ts";
import type {
  PushAnswer,
  PushRequest,
  RemoteObserver,
  SourceRemote,
  TargetListing,
  TargetRemote,
} from "./remote.ts";

export interface SmartTargetOptions {
  readonly connection: GitConnection;
  /** The target's upload-pack, opened only when its HEAD must be known. */
  readonly uploadPack: () => SourceRemote;
  readonly label: string;
  readonly agent: string;
  readonly meter: TrafficMeter;
}

export class SmartTarget implements TargetRemote {
  readonly #options: SmartTargetOptions;
  #listing: TargetListing | undefined;

  constructor(options: SmartTargetOptions) {
    this.#options = options;
  }

  async list(signal: AbortSignal): Promise<TargetListing> {
    const { connection, label } = this.#options;
    try {
      const advertisement = await connection.open(signal);
      if (advertisement.version === 2) {
        throw new SyncError(
          "PROTOCOL_INVALID",
          `The target answered a push listing in protocol v2: ${label}`,
          { url: label },
        );
      }
      this.#listing = {
        exists: true,
        objectFormat: advertisement.objectFormat,
        capabilities: advertisement.capabilities,
        refs: advertisement.table.under("refs/"),
        extraTips: advertisement.alternateTips,
        shallow: advertisement.shallow,
        invalidNames: advertisement.invalidNames,
      };
      return this.#listing;
    } catch (error) {
      throw protocolFailure(error, "target", label);
    }
  }

  async head(signal: AbortSignal): Promise<RefName | undefined> {
    const uploadPack = this.#options.uploadPack();
    try {
      // Only HEAD matters; this prefix narrows a v2 listing to it and to what hides below it.
      return (await uploadPack.list(["HEAD"], signal)).head;
    } catch (error) {
      // A credential that may push need not be one that may read: then HEAD stays unknown.
      if (error instanceof SyncError && error.code !== "ABORTED") return undefined;
      throw error;
    } finally {
      await uploadPack.close();
    }
  }

  create(): Promise<void> {
    return Promise.resolve();
  }

  async push(request: PushRequest, observer: RemoteObserver, signal: AbortSignal): Promise<PushAnswer> {
    const { connection, label, meter, agent } = this.#options;
    const capabilities = (this.#listing ?? (await this.list(signal))).capabilities;
    const chosen = chooseUpdateCapabilities(capabilities, {
      objectFormat: request.objectFormat,
      atomic: request.atomic,
      agent,
    });
    const head = encodeUpdateRequest({
      commands: request.commands,
      capabilities: chosen,
      objectFormat: request.objectFormat,
    });
    const v2 = chosen.has("report-status-v2");
    const reports = v2 || chosen.has("report-status");
    const progress = new ProgressLines({
      onLine: ({ text, transient }) => observer.message(text, transient),
    });
    const hasSideband = chosen.has("side-band-64k");
    const decoder = new ReportStatusDecoder({
      sideband: hasSideband,
      v2,
      onProgress: (view) => progress.feed(view),
    });
    meter.request("target receive-pack push");
    let isAnswering = false;
    try {
      for await (const chunk of connection.exchange({ head, pack: request.pack }, signal)) {
        isAnswering = true;
        // Not every server hangs up after its last flush-pkt. Without side-band hooks still run after the report.
        if (reports && decoder.feed(chunk) && hasSideband) break;
      }
      progress.finish();
      return reports ? decoder.finish() : undefined;
    } catch (error) {
      const failure = protocolFailure(error, "target", label, connection.said());
      throw isAnswering ? amidAnswer(failure) : failure;
    }
  }

  close(): Promise<void> {
    return this.#options.connection.close();
  }
}

/** The failure of a target that had begun to answer when its connection broke. */
function amidAnswer(failure: unknown): unknown {
  if (!isSyncError(failure) || failure.code !== "REMOTE_UNREACHABLE") return failure;
  const { code, message, details } = failure;
  return new SyncError(code, message, { ...details, phase: AMID_ANSWER }, { cause: failure });
}
