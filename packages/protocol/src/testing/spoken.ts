// What clients of upload-pack say on one connection, message by message, as text and written again.

import { formatLsRefsRequest, formatV2Command } from "../format/advertisement.ts";
import { formatFetchRequest, formatHaveRound, formatUploadRequest } from "../format/fetch.ts";
import { CapabilityList, objectFormatOf } from "../capabilities.ts";
import { decodeFetchRequestV2, encodeFetchRequestV2 } from "../fetch-request-v2.ts";
import { decodeLsRefsRequest, encodeLsRefsRequest } from "../ls-refs-request.ts";
import { FLUSH_PKT } from "../pkt-line/pkt-line-encoder.ts";
import {
  encodeHaves,
  encodeUploadRequest,
  type HaveRound,
  requestedFormat,
  type UploadRequest,
} from "../upload-request.ts";
import { HaveRoundDecoder, UploadRequestDecoder } from "../upload-request-decoder.ts";
import { type V2Command, V2CommandDecoder, type V2Session } from "../v2-command.ts";
import { concat } from "./bytes.ts";
import type { Subject } from "./cuts.ts";

/** A reader of messages one after the other, up to the end of the stream. */
class Messages<Message> implements Subject {
  readonly #next: (before: readonly Message[]) => MessageReader<Message>;
  readonly #isOver: (before: readonly Message[]) => boolean;
  readonly #show: (message: Message) => string;
  readonly messages: Message[] = [];
  #decoder: MessageReader<Message> | undefined;

  constructor(
    next: (before: readonly Message[]) => MessageReader<Message>,
    isOver: (before: readonly Message[]) => boolean,
    show: (message: Message) => string,
  ) {
    this.#next = next;
    this.#isOver = isOver;
    this.#show = show;
  }

  feed(chunk: Uint8Array): void {
    let left = chunk;
    while (left.length > 0) {
      const decoder = (this.#decoder ??= this.#next(this.messages));
      if (!decoder.feed(left)) return;
      this.messages.push(decoder.finish());
      left = decoder.rest();
      this.#decoder = undefined;
    }
  }

  finish(): string {
    if (this.#decoder !== undefined) this.messages.push(this.#decoder.finish());
    else if (!this.#isOver(this.messages)) this.#next(this.messages).finish();
    return this.messages.map(this.#show).join("\n\n");
  }
}

interface MessageReader<Message> {
  feed(chunk: Uint8Array): boolean;
  rest(): Uint8Array;
  finish(): Message;
}

type Spoken = UploadRequest | HaveRound;

function isRound(message: Spoken): message is HaveRound {
  return "done" in message;
}

function uploadConversation(): Messages<Spoken> {
  return new Messages<Spoken>(
    ([first]) => {
      if (first === undefined || isRound(first)) return new UploadRequestDecoder();
      const objectFormat = requestedFormat(first.capabilities, first.wants[0] ?? "");
      return new HaveRoundDecoder({ objectFormat });
    },
    (before) => before.some((message) => isRound(message) && message.done),
    (message) => (isRound(message) ? formatHaveRound(message) : formatUploadRequest(message)),
  );
}

/** v0: an upload-request, then rounds of haves to `done`. */
export function readUploadConversation(): Subject {
  return uploadConversation();
}

export function rewriteUploadConversation(stream: Uint8Array): Uint8Array {
  const { messages } = heard(uploadConversation(), stream);
  return concat(
    ...messages.map((message) => (isRound(message) ? encodeHaves(message) : encodeUploadRequest(message))),
  );
}

function commands(): Messages<V2Command | undefined> {
  return new Messages<V2Command | undefined>(
    () => new V2CommandDecoder(),
    () => true,
    (command) => {
      if (command === undefined) return "goodbye";
      const { args: _, ...head } = command;
      return `${formatV2Command({ ...head, args: [] })}\n${formatArguments(command)}`;
    },
  );
}

function formatArguments(command: V2Command): string {
  return command.command === "ls-refs"
    ? formatLsRefsRequest(decodeLsRefsRequest(command))
    : formatFetchRequest(decodeFetchRequestV2(command, objectFormatOf(command.capabilities)));
}

/** v2: commands, and a goodbye. */
export function readCommands(): Subject {
  return commands();
}

export function rewriteCommands(stream: Uint8Array): Uint8Array {
  const { messages } = heard(commands(), stream);
  return concat(...messages.map((command) => (command === undefined ? FLUSH_PKT : rewriteCommand(command))));
}

/** From the command's own arguments, not from its lines. */
function rewriteCommand(command: V2Command): Uint8Array {
  const { capabilities } = command;
  const agent = capabilities.get("agent");
  const objectFormat = objectFormatOf(capabilities);
  const session: V2Session = {
    capabilities: new CapabilityList([
      "ls-refs=unborn",
      "fetch=shallow wait-for-done filter ref-in-want sideband-all packfile-uris",
      "server-option",
      "agent",
      "object-format=sha1",
    ]),
    objectFormat,
    ...(agent === undefined ? {} : { agent }),
    serverOptions: capabilities.getAll("server-option"),
  };
  return command.command === "ls-refs"
    ? encodeLsRefsRequest({ ...decodeLsRefsRequest(command), ...session })
    : encodeFetchRequestV2(decodeFetchRequestV2(command, objectFormat), session);
}

function heard<Message>(messages: Messages<Message>, stream: Uint8Array): Messages<Message> {
  messages.feed(stream);
  messages.finish();
  return messages;
}
