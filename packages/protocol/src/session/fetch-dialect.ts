// A fetch in the words of v2, or of v0 and v1: the same rounds, written as each server expects them.

import type { RefAdvertisement } from "../advertisement.ts";
import type { UploadResponseOptions } from "../fetch-grammar.ts";
import type { FetchRequest } from "../fetch-request.ts";
import { encodeFetchRequestV2 } from "../fetch-request-v2.ts";
import type { FetchResponseOptions } from "../fetch-response-decoder.ts";
import type { ObjectId } from "../object-id.ts";
import { chooseUploadCapabilities } from "../upload-capabilities.ts";
import { encodeHaves, encodeUploadRequest, uploadRequestOf } from "../upload-request.ts";
import type { V2Session } from "../v2-command.ts";
import type { SessionTransport } from "./conversation.ts";
import type { NegotiationRound, NegotiationStyle } from "./negotiator.ts";
import type { ClientIdentity } from "./session.ts";

/** A message, and how to read what is said to it; nothing is said to one that expects nothing. */
export interface FetchMessage {
  readonly body: Uint8Array;
  readonly expected: FetchResponseOptions | undefined;
}

/** One fetch, as one server is told of it. */
export interface FetchDialect {
  readonly style: NegotiationStyle;
  /** What goes out before any have is told. */
  readonly opening: FetchMessage | undefined;
  /** A round. `sent` are all haves so far, this round's included. */
  round(round: NegotiationRound, sent: ReadonlySet<ObjectId>): FetchMessage;
}

/** What is asked in every round. */
export type StandingRequest = Omit<FetchRequest, "done" | "haves">;

/**
 * v2: each round is a whole command, on any connection: gitprotocol-v2(5), "fetch".
 *
 * @throws {ProtocolError} from `round`: `CAPABILITY_MISSING`.
 */
export function v2Dialect(request: StandingRequest, session: V2Session): FetchDialect {
  return {
    style: "v2",
    opening: undefined,
    round: ({ haves, done }, sentHaves) => ({
      body: encodeFetchRequestV2({ ...request, haves, done }, session),
      expected: {
        version: 2,
        objectFormat: session.objectFormat,
        sidebandAll: request.sidebandAll ?? false,
        sentDone: done,
        sentHaves,
      },
    }),
  };
}

/**
 * v0 and v1: wants are said once, or with every request where each stands alone: gitprotocol-pack(5), "Packfile
 * Negotiation". Where history is cut, the server says where before anything is told.
 *
 * @throws {ProtocolError} `CAPABILITY_MISSING`.
 */
export function uploadDialect(
  request: StandingRequest,
  advertisement: RefAdvertisement,
  transport: SessionTransport,
  identity: ClientIdentity,
): FetchDialect {
  const stateless = transport === "stateless";
  const server = {
    capabilities: advertisement.capabilities,
    stateless,
    ...identity,
  };
  const whole = { ...request, haves: [], done: false };
  const { capabilities, ackMode, sideband, noDone } = chooseUploadCapabilities(whole, server);
  const wants = encodeUploadRequest(uploadRequestOf(whole, capabilities));
  const deepens = request.deepen !== undefined;
  const expect = (
    sentDone: boolean,
    expectShallow: boolean,
    sentHaves: ReadonlySet<ObjectId>,
  ): UploadResponseOptions => ({
    version: advertisement.version,
    objectFormat: advertisement.objectFormat,
    ackMode,
    sideband,
    noDone,
    sentDone,
    expectShallow,
    sentHaves,
  });
  const boundary: FetchResponseOptions = { ...expect(false, true, new Set()), shallowOnly: true };
  return {
    style: transport,
    opening: deepens
      ? { body: wants, expected: boundary }
      : stateless
        ? undefined
        : { body: wants, expected: undefined },
    round: (round, sentHaves) => ({
      body: stateless ? concat(wants, encodeHaves(round)) : encodeHaves(round),
      expected: expect(round.done, stateless && deepens, sentHaves),
    }),
  };
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}
