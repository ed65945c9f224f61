// What every decoder of a message offers, and the shortest way to use one when all bytes are at hand.

import { ProtocolError } from "./errors.ts";

/**
 * Decodes one message from chunks cut anywhere.
 *
 * Which message is due is known from the conversation, never guessed from bytes, so choosing the class is saying what is
 * expected next. Instances are for one message. Values that come out never alias the fed chunks.
 */
export interface MessageDecoder<Message> {
  /** Decode a chunk of any size. @returns true at the end of the message; later bytes are in {@link rest}. */
  feed(chunk: Uint8Array): boolean;
  /** After the end: bytes of the last chunk behind the message. A view. */
  rest(): Uint8Array;
  /**
   * Declare the end of the stream and take the message.
   *
   * @throws {ProtocolError} `PKT_TRUNCATED` inside a packet, `STREAM_TRUNCATED` between packets when more was due.
   */
  finish(): Message;
}

/**
 * The one message that `bytes` are: for bodies that lie in memory whole, for tests and for traces.
 *
 * @throws {ProtocolError} what the decoder throws; `BYTES_AFTER_END` when something follows the message.
 */
export function decodeMessage<Message>(decoder: MessageDecoder<Message>, bytes: Uint8Array): Message {
  if (decoder.feed(bytes) && decoder.rest().length > 0) {
    throw new ProtocolError("BYTES_AFTER_END", "Cannot read message: bytes follow its end", {
      phase: "pkt-line",
      offset: bytes.length - decoder.rest().length,
      excerpt: decoder.rest(),
    });
  }
  return decoder.finish();
}
