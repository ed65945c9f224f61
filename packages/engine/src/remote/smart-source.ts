/**
 * A source over any connection: listing and fetching in protocol v2, v1 or v0, whichever the server answers.
 *
 * One round: wants, haves and `done` together. There is no local store to negotiate about; what the target has
 * is known before the first byte.
 */

import {
  chooseUploadCapabilities,
  encodeFetchRequestV2,
  encodeHttpUploadRequest,
  encodeLsRefsRequest,
  FetchResponseDecoder,
  hasFeature,
  LsRefsDecoder,
  ProgressLines,
  uploadRequestOf,
  type Advertisement,
  type DecodedAdvertisement,
  type DecodedRefAdvertisement,
  type FetchRequest,
  type FetchResponseOptions,
  type RefTable,
} from "@gitsync/protocol";
import { SyncError } from "../errors.ts";
import type { ResolvedLimits } from "../options.ts";
import type { GitConnection, TrafficMeter } from "./connection.ts";
import { Gatherer } from "./gather.ts";
import { PaceWatch } from "./pace.ts";
import { protocolFailure } from "./protocol-failure.ts";
import type { PackRequest, RemoteObserver, SourceListing, SourceRemote } from "./remote.ts";

export interface SmartSourceOptions {
  readonly connection: GitConnection;
  /** The address as it may be shown. */
  readonly label: string;
  readonly agent: string;
  readonly limits: ResolvedLimits;
  readonly meter: TrafficMeter;
  readonly side: "source" | "target";
}

export class SmartSource implements SourceRemote {
  readonly #options: SmartSourceOptions;
  #advertisement: DecodedAdvertisement | undefined;

  constructor(options: SmartSourceOptions) {
    this.#options = options;
  }

  async list(prefixes: readonly string[], signal: AbortSignal): Promise<SourceListing> {
    const { connection, side, label } = this.#options;
    try {
      const advertisement = await connection.open(signal);
      this.#advertisement = advertisement;
      return advertisement.version === 2
        ? await this.#listRefs(advertisement, prefixes, signal)
        : listingOf(advertisement);
    } catch (error) {
      throw protocolFailure(error, side, label);
    }
  }

  async *fetch(
    request: PackRequest,
    observer: RemoteObserver,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const { connection, side, label, meter, limits } = this.#options;
    const advertisement = (this.#advertisement ??= await connection.open(signal));
    const { head, expected } = this.#encode(advertisement, request);
    const gatherer = new Gatherer();
    const progress = new ProgressLines({
      onLine: ({ text, transient }) => observer.message(text, transient),
    });
    const decoder = new FetchResponseDecoder(expected, {
      onPack: (view) => gatherer.push(view),
      onProgress: (view) => progress.feed(view),
      // Protocol v2 tells of a cut-off history only here.
      onPackStart: () => {
        refuseShallow(decoder, label);
        refuseElsewhere(decoder, label);
      },
    });
    meter.request(`${side} upload-pack fetch`);
    const pace = new PaceWatch(limits);
    let isDone = false;
    try {
      for await (const chunk of connection.exchange({ head }, signal)) {
        const before = gatherer.total;
        isDone = decoder.feed(chunk);
        this.#keepPace(pace, gatherer.total, gatherer.total - before);
        for (let full = gatherer.takeFull(); full !== undefined; full = gatherer.takeFull()) yield full;
        if (isDone) break;
        pace.ask();
      }
      decoder.finish();
      progress.finish();
    } catch (error) {
      throw protocolFailure(error, side, label, connection.said());
    } finally {
      // An answer that was left half read cannot be followed by another on the same conversation.
      if (!isDone) await connection.close();
    }
    const rest = gatherer.takeRest();
    if (rest !== undefined) yield rest;
  }

  close(): Promise<void> {
    return this.#options.connection.close();
  }

  async #listRefs(
    advertisement: Extract<Advertisement, { readonly version: 2 }>,
    prefixes: readonly string[],
    signal: AbortSignal,
  ): Promise<SourceListing> {
    const { connection, agent, limits, meter, side } = this.#options;
    const { capabilities, objectFormat } = advertisement;
    const decoder = new LsRefsDecoder({
      objectFormat,
      limits: { maxRefs: limits.maxRefs, maxAdvertisementBytes: limits.maxListingBytes },
    });
    const head = encodeLsRefsRequest({
      capabilities,
      objectFormat,
      agent,
      symrefs: true,
      unborn: true,
      peel: false,
      prefixes: ["HEAD", ...prefixes],
    });
    meter.request(`${side} upload-pack ls-refs`);
    const pace = new PaceWatch(limits);
    for await (const chunk of connection.exchange({ head }, signal)) {
      if (decoder.feed(chunk)) break;
      if (!pace.keeps(chunk.length)) {
        const { label } = this.#options;
        throw new SyncError("REMOTE_TIMEOUT", `The ${side} lists its refs too slowly: ${label}`, {
          side,
          url: label,
        });
      }
      pace.ask();
    }
    const { table, unbornHead, invalidNames } = decoder.finish();
    return {
      protocol: "v2",
      objectFormat,
      capabilities,
      ...withoutHead(table),
      ...(unbornHead === undefined ? {} : { head: unbornHead }),
      headUnborn: unbornHead !== undefined,
      shallow: false,
      canFilter: hasFeature(capabilities, "fetch", "filter"),
      invalidNames,
    };
  }

  /** Counting objects takes as long as it takes, within reason; a pack that has begun has to come. */
  #keepPace(pace: PaceWatch, total: number, received: number): void {
    const { side, label, limits } = this.#options;
    const isInTime = total === 0 ? pace.excuse() <= limits.packStartTimeoutMs : pace.keeps(received);
    if (isInTime) return;
    const what = total === 0 ? "did not begin to send its pack in time" : "sends its pack too slowly";
    throw new SyncError("REMOTE_TIMEOUT", `The ${side} ${what}: ${label}`, { side, url: label });
  }

  #encode(
    advertisement: Advertisement,
    request: PackRequest,
  ): { readonly head: Uint8Array; readonly expected: FetchResponseOptions } {
    const { connection, agent } = this.#options;
    const { capabilities, objectFormat } = advertisement;
    const { wants, shallow = [], ofsDelta, filter } = request;
    const isCut = shallow.length > 0;
    const mayClaim = !isCut || takesShallow(advertisement);
    const haves = mayClaim ? request.haves : [];
    const fetchRequest: FetchRequest = {
      wants,
      haves,
      done: true,
      thinPack: request.thin && mayClaim,
      ofsDelta,
      ...(isCut && mayClaim ? { shallow } : {}),
      ...(filter === undefined ? {} : { filter }),
    };
    const sentHaves = new Set(haves);
    if (advertisement.version === 2) {
      return {
        head: encodeFetchRequestV2(fetchRequest, { capabilities, objectFormat, agent }),
        expected: { version: 2, objectFormat, sentDone: true, sentHaves },
      };
    }
    const options = { capabilities, agent, stateless: connection.stateless };
    const {
      capabilities: chosen,
      ackMode,
      sideband,
      noDone,
    } = chooseUploadCapabilities(fetchRequest, options);
    return {
      head: encodeHttpUploadRequest(uploadRequestOf(fetchRequest, chosen)),
      expected: {
        version: advertisement.version,
        objectFormat,
        ackMode,
        sideband,
        noDone,
        sentDone: true,
        // Only a deepened boundary is answered; ours stays where it is.
        expectShallow: false,
        sentHaves,
      },
    };
  }
}

/** Whether a request may say where the history of its sender ends. */
function takesShallow({ version, capabilities }: Advertisement): boolean {
  return version === 2 ? hasFeature(capabilities, "fetch", "shallow") : capabilities.has("shallow");
}

function refuseShallow(decoder: FetchResponseDecoder, label: string): void {
  if (decoder.shallowInfo.shallow.length === 0) return;
  throw new SyncError("SOURCE_SHALLOW", `The source has a cut-off history: ${label}`, { url: label });
}

/** A pack whose rest lies elsewhere: gitprotocol-v2(5), "packfile-uris", which is never asked for. */
function refuseElsewhere(decoder: FetchResponseDecoder, label: string): void {
  if (decoder.packfileUris.length === 0) return;
  throw new SyncError(
    "PROTOCOL_INVALID",
    `The source names other addresses for parts of its pack, which nobody asked for: ${label}`,
    { url: label },
  );
}

function listingOf(advertisement: DecodedRefAdvertisement): SourceListing {
  const { version, capabilities, objectFormat, table, shallow, invalidNames } = advertisement;
  return {
    protocol: version === 1 ? "v1" : "v0",
    objectFormat,
    capabilities,
    ...withoutHead(table),
    headUnborn: false,
    shallow: shallow.length > 0,
    canFilter: capabilities.has("filter"),
    invalidNames,
  };
}

function withoutHead(table: RefTable): Pick<SourceListing, "refs" | "head" | "isEmpty"> {
  return { refs: table.under("refs/"), head: table.head?.symrefTarget, isEmpty: table.size === 0 };
}
