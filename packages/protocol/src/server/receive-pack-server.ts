// The server's side of a push: a client's bytes in, its commands and pack out, and bytes for what the caller answers.
// Does no I/O, knows no object and no ref, and never waits.

import type { AdvertisedRef } from "../advertisement.ts";
import { encodeRefAdvertisement } from "../advertisement-encoder.ts";
import { throwUnlessIn } from "../call-order.ts";
import { type Capability, CapabilityList } from "../capabilities.ts";
import { ProtocolError } from "../errors.ts";
import { type ProtocolLimits, resolveLimits } from "../limits.ts";
import type { ObjectFormat, ObjectId } from "../object-id.ts";
import { encodeReportStatus, type ReportStatus } from "../report-status.ts";
import { needsPack } from "../ref-update-command.ts";
import { type DecodedUpdateRequest, UpdateRequestDecoder } from "../update-request-decoder.ts";
import { ChunkLoan } from "./chunk-loan.ts";
import { encodeErrPacket, SidebandOutput } from "./sideband-output.ts";

/**
 * Where a conversation stands.
 *
 * `advertisement`: the first word is ours. `request`: the commands are due. `pack`: the pack comes, and the caller
 * reports when it knows its fate. `report`: there is no pack, and the caller's report is due. `done`: all is said.
 * `failed`: it was refused.
 */
export type ReceivePackState = "advertisement" | "request" | "pack" | "report" | "done" | "failed";

/** Options of {@link ReceivePackServer}. */
export interface ReceivePackServerOptions {
  /** What the client asked for; there is no v2 push, so that one is answered in v0. */
  readonly version: 0 | 1;
  /**
   * `stateful`: one server for all of a connection (ssh, git://, pipes). `stateless`: one for the advertisement and one
   * for the POST request (HTTP).
   */
  readonly transport: "stateful" | "stateless";
  readonly objectFormat: ObjectFormat;
  /** To advertise, and what a client may use: see `receivePackCapabilities`. */
  readonly capabilities: Iterable<Capability | string>;
  readonly limits?: Partial<ProtocolLimits>;
}

/** What the repository of a {@link ReceivePackServer} says about itself. */
export interface ReceivePackContent {
  /** In byte order. `HEAD` and what tags lead to may be among them; receive-pack does not advertise them. */
  readonly refs: readonly AdvertisedRef[];
  /** Boundary of this repository, when it has one. */
  readonly shallow?: readonly ObjectId[];
  /** Tips that a client may take for present though no ref is there. */
  readonly alternateTips?: readonly ObjectId[];
}

/**
 * The commands. No answer is due before the pack is in, but `progress` may be sent.
 * gitprotocol-pack(5), "Reference Update Request and Packfile Transfer".
 */
export interface UpdateCommands {
  readonly type: "update";
  readonly update: DecodedUpdateRequest;
  /** A pack comes; when not, `report` is due. */
  readonly hasPack: boolean;
}

/** A piece of the pack, of any size: a view of the fed chunk. */
export interface PackPiece {
  readonly type: "pack";
  readonly data: Uint8Array;
}

/** One thing that a client says to a `ReceivePackServer`. */
export type ReceivePackRequest = UpdateCommands | PackPiece;

const PHASE = "receive-pack";

/**
 * The server's side of git-receive-pack: gitprotocol-pack(5), "Pushing Data To a Server".
 *
 * ```
 * advertisement → request → pack → done
 *                         ↘ report ↗
 * ```
 *
 * A pack has no end that this machine could see: over HTTP it ends with the request, and on a connection that stays
 * open only reading it tells. The caller reads it, and calls {@link report}. Each method returns bytes for the client,
 * to be sent in the order of the calls.
 *
 * A call out of place throws `STATE_INVALID` and changes nothing.
 */
export class ReceivePackServer {
  readonly #version: 0 | 1;
  readonly #stateless: boolean;
  readonly #objectFormat: ObjectFormat;
  readonly #capabilities: CapabilityList;
  readonly #decoder: UpdateRequestDecoder;
  readonly #loan = new ChunkLoan(PHASE);
  #state: ReceivePackState = "advertisement";
  #isInsideRequest = false;
  #agreed: CapabilityList = new CapabilityList();
  #output: SidebandOutput = new SidebandOutput("none", false);

  constructor(options: ReceivePackServerOptions) {
    this.#version = options.version;
    this.#stateless = options.transport === "stateless";
    this.#objectFormat = options.objectFormat;
    this.#capabilities = new CapabilityList(options.capabilities);
    this.#decoder = new UpdateRequestDecoder({ limits: resolveLimits(options.limits) });
  }

  get state(): ReceivePackState {
    return this.#state;
  }

  /**
   * What the server says first. Over HTTP, `encodeServiceHeader` goes before it, and the conversation is done: the
   * POST request begins another one.
   */
  advertise(content: ReceivePackContent): Uint8Array {
    throwUnlessIn("advertise", PHASE, this.#state, "advertisement");
    this.#state = this.#stateless ? "done" : "request";
    return encodeRefAdvertisement({
      version: this.#version,
      objectFormat: this.#objectFormat,
      capabilities: this.#capabilities,
      refs: content.refs.filter(({ name }) => name !== "HEAD").map(({ name, oid }) => ({ name, oid })),
      shallow: content.shallow ?? [],
      alternateTips: content.alternateTips ?? [],
    });
  }

  /**
   * Take a chunk of any size.
   *
   * @returns what is in it. Iterate it to its end before the next chunk; it reads `chunk` while it lasts. After `done`
   * and `failed` whatever comes is ignored.
   * @throws {ProtocolError} while iterating: `REQUEST_INVALID`, `REF_NAME_INVALID`, `OBJECT_ID_INVALID`,
   * `OBJECT_FORMAT_UNSUPPORTED`, `CERTIFICATE_INVALID`, `LIMIT_EXCEEDED`, `NOT_GIT`, the `PKT_*` codes. The caller may tell the client
   * through {@link refuse}.
   */
  feed(chunk: Uint8Array): Iterable<ReceivePackRequest> {
    if (this.#stateless && this.#state === "advertisement") this.#state = "request";
    if (this.#state === "done" || this.#state === "failed") return [];
    throwUnlessIn("feed", PHASE, this.#state, "request", "pack");
    return this.#loan.lend(this.#requests(chunk));
  }

  /**
   * Declare the end of what the client sends. Before the commands that is a goodbye; in the pack it says nothing about
   * whether the pack is whole.
   *
   * @throws {ProtocolError} `PKT_TRUNCATED` or `STREAM_TRUNCATED` inside the commands.
   */
  end(): void {
    if (this.#isInsideRequest) this.#decoder.finish();
    if (this.#state === "advertisement" || this.#state === "request") this.#state = "done";
  }

  /** Hooks and the like speak to the user; empty when the client does not listen. */
  progress(text: string | Uint8Array): Uint8Array {
    throwUnlessIn("send progress", PHASE, this.#state, "pack", "report");
    return this.#output.progress(text);
  }

  /** Something to send while the work takes long, so that nobody takes the connection for dead. */
  keepalive(): Uint8Array {
    throwUnlessIn("keep alive", PHASE, this.#state, "pack", "report");
    return this.#output.keepalive();
  }

  /**
   * What became of the push, which ends the conversation: in the form that the client asked for, and empty when it
   * asked for none.
   */
  report(report: ReportStatus): Uint8Array {
    throwUnlessIn("report", PHASE, this.#state, "pack", "report");
    this.#state = "done";
    const v2 = this.#agreed.has("report-status-v2");
    if (!v2 && !this.#agreed.has("report-status")) return this.#output.end();
    return encodeReportStatus(report, { sideband: this.#output.hasSideband, v2 });
  }

  /**
   * Give up, with a word to the client: an ERR packet, or band 3 once side-band was agreed. Empty when the client
   * listens to neither; close the connection then.
   */
  refuse(message: string): Uint8Array {
    throwUnlessIn("refuse", PHASE, this.#state, "advertisement", "request", "pack", "report");
    const isWorking = this.#state === "pack" || this.#state === "report";
    this.#state = "failed";
    return isWorking && this.#output.hasSideband ? this.#output.error(message) : encodeErrPacket(message);
  }

  *#requests(chunk: Uint8Array): Generator<ReceivePackRequest, void, undefined> {
    let left = chunk;
    if (this.#state === "request") {
      if (left.length > 0) this.#isInsideRequest = true;
      if (!this.#decoder.feed(left)) return;
      this.#isInsideRequest = false;
      left = this.#decoder.rest();
      const update = this.#decoder.finish();
      if (update.commands.length === 0) {
        this.#state = "done";
        return;
      }
      this.#agree(update);
      const hasPack = needsPack(update.commands);
      this.#state = hasPack ? "pack" : "report";
      yield { type: "update", update, hasPack };
    }
    if (this.#state === "pack" && left.length > 0) yield { type: "pack", data: left };
  }

  #agree(update: DecodedUpdateRequest): void {
    if (update.objectFormat !== this.#objectFormat) {
      throw new ProtocolError("REQUEST_INVALID", "Cannot serve push: the client has another object-format", {
        phase: PHASE,
        excerpt: new TextEncoder().encode(update.objectFormat),
      });
    }
    if (update.certificate !== undefined && !this.#capabilities.has("push-cert")) {
      throw new ProtocolError(
        "REQUEST_INVALID",
        "Cannot serve push: it is signed, and no nonce was offered",
        {
          phase: PHASE,
        },
      );
    }
    // What the client echoes counts only if it was offered.
    this.#agreed = new CapabilityList(
      update.capabilities.entries().filter(({ name }) => this.#capabilities.has(name)),
    );
    // `quiet` is about the server's own progress, not about what hooks say: that is the caller's to know.
    this.#output = new SidebandOutput(this.#agreed.has("side-band-64k") ? "side-band-64k" : "none", true);
  }
}
