// Reads a v2 client: one command after the other.

import { decodeBundleUriRequest } from "../bundle-uri.ts";
import { type CapabilityList, hasFeature, objectFormatOf } from "../capabilities.ts";
import type { FetchRequest } from "../fetch-request.ts";
import { decodeFetchRequestV2 } from "../fetch-request-v2.ts";
import type { ProtocolLimits } from "../limits.ts";
import { decodeLsRefsRequest } from "../ls-refs-request.ts";
import type { ObjectFormat } from "../object-id.ts";
import { decodeObjectInfoRequest } from "../object-info.ts";
import { type V2Command, V2CommandDecoder } from "../v2-command.ts";
import {
  type ClientMessage,
  type ClientMessageReader,
  endedEarly,
  refusedRequest,
} from "./client-message.ts";
import { FetchHaveAcknowledger } from "./have-acknowledger.ts";
import { SidebandOutput } from "./sideband-output.ts";

/** Capabilities that are commands, and so cannot accompany one. */
const COMMANDS: ReadonlySet<string> = new Set(["ls-refs", "fetch", "object-info", "bundle-uri"]);

/** gitprotocol-v2(5), "Command Request". */
export class CommandReader implements ClientMessageReader {
  readonly #advertised: CapabilityList;
  readonly #objectFormat: ObjectFormat;
  readonly #limits: ProtocolLimits;
  #decoder: V2CommandDecoder | undefined;
  #command: V2Command | undefined;

  constructor(advertised: CapabilityList, objectFormat: ObjectFormat, limits: ProtocolLimits) {
    this.#advertised = advertised;
    this.#objectFormat = objectFormat;
    this.#limits = limits;
  }

  feed(chunk: Uint8Array): Uint8Array | undefined {
    if (chunk.length === 0) return undefined;
    const decoder = (this.#decoder ??= new V2CommandDecoder({ limits: this.#limits }));
    if (!decoder.feed(chunk)) return undefined;
    this.#command = decoder.finish();
    this.#decoder = undefined;
    return decoder.rest();
  }

  message(): ClientMessage {
    const command = this.#command;
    if (command === undefined) return { type: "goodbye" };
    this.#checkCapabilities(command);
    const { command: name, capabilities } = command;
    if (!COMMANDS.has(name) || !this.#advertised.has(name)) throw refusedRequest("an unknown command", name);
    switch (name) {
      case "ls-refs":
        return { type: name, request: decodeLsRefsRequest(command), capabilities };
      case "object-info":
        return { type: name, request: decodeObjectInfoRequest(command, this.#objectFormat), capabilities };
      case "bundle-uri":
        decodeBundleUriRequest(command);
        return { type: name, capabilities };
      default:
        return this.#fetch(command);
    }
  }

  finish(): void {
    if (this.#decoder !== undefined) throw endedEarly();
  }

  #fetch(command: V2Command): ClientMessage {
    const { haves, ...wanted } = decodeFetchRequestV2(command, this.#objectFormat);
    const request: FetchRequest = { ...wanted, haves: [] };
    this.#checkFeatures(request);
    const isNothingWanted = request.wants.length === 0 && request.wantRefs === undefined;
    // git answers such a command with not a single byte.
    if (isNothingWanted && request.waitForDone !== true) return { type: "nothing" };
    return {
      type: "wants",
      request,
      capabilities: command.capabilities,
      acknowledger: new FetchHaveAcknowledger(request.waitForDone === true),
      output: new SidebandOutput("side-band-64k", request.noProgress !== true),
      ...(haves.length > 0 ? { round: { haves, done: request.done } } : {}),
    };
  }

  /** Whatever accompanies a command must have been offered, and must not itself be a command. */
  #checkCapabilities(command: V2Command): void {
    for (const { name } of command.capabilities) {
      if (COMMANDS.has(name) || !this.#advertised.has(name))
        throw refusedRequest("an unknown capability", name);
    }
    if (objectFormatOf(command.capabilities) !== this.#objectFormat) {
      throw refusedRequest("another object-format", objectFormatOf(command.capabilities));
    }
  }

  #checkFeatures(request: FetchRequest): void {
    const needed: readonly (readonly [feature: string, isUsed: boolean])[] = [
      ["shallow", request.shallow !== undefined || request.deepen !== undefined],
      ["filter", request.filter !== undefined],
      ["ref-in-want", request.wantRefs !== undefined],
      ["wait-for-done", request.waitForDone === true],
      ["sideband-all", request.sidebandAll === true],
      ["packfile-uris", request.packfileUris !== undefined],
    ];
    for (const [feature, isUsed] of needed) {
      if (isUsed && !hasFeature(this.#advertised, "fetch", feature)) {
        throw refusedRequest("an argument that was not offered", feature);
      }
    }
  }
}
