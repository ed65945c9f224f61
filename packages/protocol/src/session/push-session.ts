// The client's side of a push as a state machine: bytes in, bytes out. Opens no connection; the pack never passes through.

import type { Advertisement, RefAdvertisement } from "../advertisement.ts";
import { ProtocolError } from "../errors.ts";
import type { ObjectId } from "../object-id.ts";
import type { PushCertificate } from "../push-certificate.ts";
import { needsPack, type RefUpdateCommand } from "../ref-update-command.ts";
import { chooseUpdateCapabilities } from "../update-capabilities.ts";
import { encodeUpdateRequest } from "../update-request.ts";
import { PushAnswer } from "./push-answer.ts";
import type { PushStatus } from "./push-status.ts";
import { Session, type SessionOptions } from "./session.ts";

/** How to begin a {@link PushSession}. */
export interface PushSessionOptions extends SessionOptions {
  /** From an earlier session with this server: this one begins in state `request`. */
  readonly advertisement?: RefAdvertisement;
}

/** A push. */
export interface PushPlan {
  /** At least one. */
  readonly commands: readonly RefUpdateCommand[];
  /** All or nothing. */
  readonly atomic?: boolean;
  /** Ask for less progress, where the server can do with less. */
  readonly quiet?: boolean;
  readonly pushOptions?: readonly string[];
  /** Boundary of what we push from, when that is shallow. */
  readonly shallow?: readonly ObjectId[];
  /**
   * Signs the push: for these commands and options, with the nonce of the advertisement, which
   * `receivePackFeatures` finds.
   */
  readonly certificate?: PushCertificate;
}

/** Where the news of a push go. Called synchronously from `feed`. */
export interface PushHandlers {
  /** A piece of progress: a view of the fed chunk. Feed it to `ProgressLines` before showing it. */
  readonly onProgress?: (view: Uint8Array) => void;
}

/**
 * A push from the advertisement to the report: gitprotocol-pack(5), "Pushing Data To a Server"; gitprotocol-http(5).
 * {@link Session} says how it is driven.
 *
 * In state `packfile` the caller writes its pack, an empty one at least, behind the bytes it took, or behind the body
 * of the request whose `packFollows` is true; then it calls {@link packSent}. Meanwhile it feeds what the server says.
 *
 * That a session failed is no proof that nothing was done: see the `outcome` of its status.
 */
export class PushSession extends Session<PushStatus> {
  constructor(options: PushSessionOptions) {
    const { advertisement } = options;
    super(options, {
      service: "git-receive-pack",
      phase: "push-session",
      // v2 has no push, and asking for it gains nothing.
      version: 0,
      receiving: ["advertisement", "packfile", "report"],
      status: advertisement === undefined ? { state: "advertisement" } : { state: "request", advertisement },
    });
  }

  /**
   * Ask the server to move refs. The next state is `packfile` when a pack must follow, else `report`.
   *
   * @throws {ProtocolError} `CAPABILITY_MISSING` for a wish that the server cannot grant; `NONCE_INVALID` for a
   * certificate made for another conversation; `REQUEST_INVALID` without commands; what `encodeUpdateRequest` throws; `STATE_INVALID`.
   */
  push(plan: PushPlan, handlers: PushHandlers = {}): void {
    const { advertisement } = this.require("push", ["request"]);
    const { capabilities: server, objectFormat, version } = advertisement;
    const { commands, atomic = false, quiet = false, pushOptions = [], shallow, certificate } = plan;
    if (commands.length === 0) {
      throw new ProtocolError("REQUEST_INVALID", "Cannot push: there are no commands", {
        phase: "push-session",
      });
    }
    const need = (capability: string, wanted: boolean): void => {
      if (wanted && !server.has(capability)) throw missing(capability);
    };
    need("atomic", atomic);
    need("push-options", pushOptions.length > 0);
    need("push-cert", certificate !== undefined);
    if (certificate !== undefined && certificate.nonce !== server.get("push-cert")) {
      throw new ProtocolError(
        "NONCE_INVALID",
        "Cannot push: the certificate has another nonce than the server's",
        {
          phase: "push-session",
        },
      );
    }
    need(
      "delete-refs",
      commands.some(({ type }) => type === "delete"),
    );
    const capabilities = chooseUpdateCapabilities(server, {
      objectFormat,
      atomic,
      quiet,
      pushOptions: pushOptions.length > 0,
      ...this.identity,
    });
    const head = encodeUpdateRequest({
      commands,
      capabilities,
      objectFormat,
      pushOptions,
      ...(shallow === undefined ? {} : { shallow }),
      ...(certificate === undefined ? {} : { certificate }),
    });
    const packFollows = needsPack(commands);
    const answer = new PushAnswer(capabilities, { ...handlers, limits: this.limits });
    this.conversation.ask(
      head,
      {
        decoder: answer,
        conclude: () => {
          this.stand({ state: "done", advertisement, outcome: answer.outcome(commands) });
        },
      },
      version,
      packFollows,
    );
    this.stand({ state: packFollows ? "packfile" : "report", advertisement });
  }

  /**
   * The pack was sent to its end. Nothing happens when the server answered before it was.
   *
   * @throws {ProtocolError} `STATE_INVALID`.
   */
  packSent(): void {
    const status = this.require("end the pack", ["packfile", "done", "failed"]);
    if (status.state === "packfile") this.stand({ state: "report", advertisement: status.advertisement });
  }

  /**
   * Say goodbye: nothing is pushed. Write what {@link takeBytes} gives and close the connection.
   *
   * @throws {ProtocolError} `STATE_INVALID`.
   */
  close(): void {
    const { advertisement } = this.require("close", ["request"]);
    this.sayGoodbye(advertisement);
    this.stand({ state: "done", advertisement });
  }

  protected override opened(advertisement: Advertisement): PushStatus {
    if (advertisement.version !== 2) return { state: "request", advertisement };
    throw new ProtocolError(
      "VERSION_UNSUPPORTED",
      "Cannot push: the server answers in v2, which has no push",
      { phase: "push-session" },
    );
  }

  protected override failed(error: unknown): PushStatus {
    return { state: "failed", error, ...(this.conversation.spoke ? { outcome: { type: "unknown" } } : {}) };
  }
}

function missing(capability: string): ProtocolError {
  return new ProtocolError("CAPABILITY_MISSING", `Cannot push: the server does not advertise ${capability}`, {
    phase: "push-session",
    details: { capability },
  });
}
