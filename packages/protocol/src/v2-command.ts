// v2 commands: the frame that ls-refs, fetch and the others share, both directions.

import { agentCapability, CapabilityList, encodeCapability, parseCapability } from "./capabilities.ts";
import { ProtocolError } from "./errors.ts";
import { resolveLimits } from "./limits.ts";
import { LineReader, type RequestDecoderOptions } from "./line-reader.ts";
import type { MessageDecoder } from "./message-decoder.ts";
import type { ObjectFormat } from "./object-id.ts";
import type { PktLineKind } from "./pkt-line/packet-scanner.ts";
import { PktLineWriter } from "./pkt-line/pkt-line-encoder.ts";

/** A v2 command as sent: gitprotocol-v2(5), "Command Request". */
export interface V2Command {
  readonly command: string;
  readonly capabilities: CapabilityList;
  /** Argument lines without LF. Bytes that are not UTF-8 are lone surrogates, as in `RefName`. */
  readonly args: readonly string[];
}

/** What accompanies every command of a client. */
export interface V2Session {
  /** The server's. */
  readonly capabilities: CapabilityList;
  readonly objectFormat: ObjectFormat;
  /** Sent when the server advertised an agent. */
  readonly agent?: string;
  /** Sent when the server advertised one: printable, without white space. */
  readonly sessionId?: string;
  /** Sent as they are, in order; the server must have advertised `server-option`. */
  readonly serverOptions?: readonly string[];
}

/**
 * A command of any name, with LF behind every line: gitprotocol-v2(5), "Command Request". A new array.
 *
 * @throws {ProtocolError} `CAPABILITY_INVALID` for a capability or an argument that would not be one line.
 */
export function encodeV2Command(command: V2Command): Uint8Array {
  const writer = new PktLineWriter().line(
    `${encodeCapability({ name: "command", value: command.command })}\n`,
  );
  for (const capability of command.capabilities) writer.line(`${encodeCapability(capability)}\n`);
  if (command.args.length > 0) writer.delim();
  for (const argument of command.args) {
    if (argument.includes("\n")) {
      throw new ProtocolError("REQUEST_INVALID", "Cannot send command: an argument holds LF", {
        phase: "v2-command",
        excerpt: new TextEncoder().encode(argument.slice(0, 80)),
      });
    }
    writer.line(`${argument}\n`);
  }
  return writer.flush().take();
}

/**
 * Write `command=`, the capabilities that accompany it and the delim-pkt, in git's order and with git's LFs. Those
 * differ from command to command.
 *
 * @throws {ProtocolError} `CAPABILITY_MISSING`, `CAPABILITY_INVALID`.
 */
export function writeCommand(writer: PktLineWriter, command: string, session: V2Session): void {
  const { capabilities: server, agent, sessionId, serverOptions = [] } = session;
  if (!server.has(command)) throw missing(command);
  writer.line(command === "fetch" ? "command=fetch" : `command=${command}\n`);
  // Some servers close the connection on an agent they did not ask for.
  if (agent !== undefined && server.has("agent")) writer.line(encodeCapability(agentCapability(agent)));
  if (sessionId !== undefined && server.has("session-id"))
    writer.line(encodeCapability({ name: "session-id", value: sessionId }));
  if (serverOptions.length > 0 && !server.has("server-option")) throw missing("server-option");
  const options = serverOptions.map((value) => encodeCapability({ name: "server-option", value }));
  const format = server.has("object-format") ? [`object-format=${session.objectFormat}`] : [];
  const lines = command === "ls-refs" ? [...format, ...options] : [...options, ...format];
  for (const line of lines) writer.line(line);
  writer.delim();
}

/** Decodes one v2 command of any name: gitprotocol-v2(5), "Command Request". */
export class V2CommandDecoder implements MessageDecoder<V2Command | undefined> {
  readonly #reader: LineReader;
  #command: string | undefined;
  readonly #capabilities: string[] = [];
  readonly #args: string[] = [];
  #inArguments = false;

  constructor(options?: RequestDecoderOptions) {
    const limits = resolveLimits(options?.limits);
    this.#reader = new LineReader(
      { name: "command", phase: "v2-command", limits, side: "request" },
      this.#onPacket,
    );
  }

  /**
   * Decode a chunk of any size.
   *
   * @returns true at the flush-pkt; later bytes of the chunk are in {@link rest}.
   * @throws {ProtocolError} `REQUEST_INVALID`, `REMOTE_ERROR` (ERR packet), `LIMIT_EXCEEDED`, `NOT_GIT`, the `PKT_*` codes.
   */
  feed(chunk: Uint8Array): boolean {
    return this.#reader.feed(chunk);
  }

  /** After the end: bytes of the last chunk behind the flush-pkt. A view. */
  rest(): Uint8Array {
    return this.#reader.rest();
  }

  /**
   * The command; undefined when the client sent only a flush-pkt, which is its goodbye.
   *
   * @throws {ProtocolError} `PKT_TRUNCATED` or `STREAM_TRUNCATED` unless {@link feed} returned true.
   */
  finish(): V2Command | undefined {
    this.#reader.finish();
    if (this.#command === undefined) return undefined;
    return { command: this.#command, capabilities: new CapabilityList(this.#capabilities), args: this.#args };
  }

  readonly #onPacket = (kind: PktLineKind, line: string, payload: Uint8Array): boolean => {
    if (kind === "flush") {
      const isGoodbye = this.#capabilities.length === 0 && !this.#inArguments;
      if (this.#command === undefined && !isGoodbye) throw this.#invalid("no command", payload);
      return true;
    }
    if (kind === "delim" && !this.#inArguments) {
      this.#inArguments = true;
      return false;
    }
    if (kind !== "data") throw this.#invalid(`a ${kind}-pkt`, payload);
    if (this.#inArguments) this.#args.push(line);
    else if (line.startsWith("command=")) {
      if (this.#command !== undefined) throw this.#invalid("two commands", payload);
      this.#command = parseCapability(line).value ?? "";
    } else this.#capabilities.push(line);
    return false;
  };

  #invalid(found: string, payload: Uint8Array): ProtocolError {
    return this.#reader.error("REQUEST_INVALID", found, payload);
  }
}

/** A refused argument of a command. */
export function invalidArgument(command: string, argument: string): ProtocolError {
  return new ProtocolError(
    "REQUEST_INVALID",
    `Cannot read ${command} command: found an argument it has not`,
    {
      phase: "v2-command",
      excerpt: new TextEncoder().encode(argument.slice(0, 80)),
    },
  );
}

function missing(capability: string): ProtocolError {
  return new ProtocolError(
    "CAPABILITY_MISSING",
    `Cannot send command: the server does not advertise ${capability}`,
    { phase: "v2-command", details: { capability } },
  );
}
