// Generators of what is legally said in a fetch, for property tests.

import fc from "fast-check";
import type { BundleList } from "../bundle-uri.ts";
import type { Deepen, FetchRequest } from "../fetch-request.ts";
import type { Acknowledgments, FetchResponse, ShallowInfo } from "../fetch-response.ts";
import type { FilterSpec } from "../filter-spec.ts";
import type { NegotiationResult } from "../negotiation-result.ts";
import type { ObjectFormat, ObjectId } from "../object-id.ts";
import type { ObjectInfo, ObjectInfoRequest } from "../object-info.ts";
import type { SidebandPacket } from "../pkt-line/sideband-packet.ts";
import type { HaveRound, HttpUploadRequest, UploadRequest } from "../upload-request.ts";
import { bytes, capabilityList, distinct, lineText, objectId, prose, refName } from "./arbitraries.ts";

const plainFilter: fc.Arbitrary<FilterSpec> = fc.oneof(
  fc.constant({ type: "blob:none" as const }),
  fc.record({ type: fc.constant("blob:limit" as const), bytes: fc.maxSafeNat() }),
  fc.record({ type: fc.constant("tree" as const), depth: fc.nat() }),
  fc.record({
    type: fc.constant("object:type" as const),
    objectType: fc.constantFrom("commit" as const, "tree" as const, "blob" as const, "tag" as const),
  }),
  fc.record({ type: fc.constant("sparse:oid" as const), blob: lineText }),
);

/** Combinations of combinations too. */
export const filterSpec: fc.Arbitrary<FilterSpec> = fc.letrec<{ filter: FilterSpec }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    plainFilter,
    fc.record({
      type: fc.constant("combine" as const),
      filters: fc.array(tie("filter"), { minLength: 1, maxLength: 3 }),
    }),
  ),
})).filter;

/** Names after which history is cut; git resolves them, so they need not be whole. */
const revision = fc.oneof(refName, fc.constantFrom("v1", "main"));

const deepen: fc.Arbitrary<Deepen> = fc.oneof(
  fc.record({ type: fc.constant("depth" as const), depth: fc.integer({ min: 1, max: 0x7fff_ffff }) }),
  fc.record({
    type: fc.constant("depth" as const),
    depth: fc.integer({ min: 1, max: 9 }),
    relative: fc.constant(true as const),
  }),
  fc.record({ type: fc.constant("boundary" as const), since: fc.integer({ min: 1, max: 2 ** 40 }) }),
  fc.record({
    type: fc.constant("boundary" as const),
    since: fc.integer({ min: 1, max: 2_000_000_000 }),
    not: fc.array(revision, { minLength: 1, maxLength: 3 }),
  }),
  fc.record({
    type: fc.constant("boundary" as const),
    not: fc.array(revision, { minLength: 1, maxLength: 3 }),
  }),
);

/** What every version can ask for. */
export function fetchRequest(format: ObjectFormat): fc.Arbitrary<FetchRequest> {
  const oid = objectId(format);
  const flag = fc.constant(true as const);
  return fc.record(
    {
      wants: fc.array(oid, { minLength: 1, maxLength: 4 }),
      haves: fc.array(oid, { maxLength: 4 }),
      done: fc.boolean(),
      thinPack: flag,
      ofsDelta: flag,
      includeTag: flag,
      noProgress: flag,
      filter: filterSpec,
      shallow: fc.array(oid, { minLength: 1, maxLength: 3 }),
      deepen,
    },
    { requiredKeys: ["wants", "haves", "done"] },
  );
}

/** What v2 alone can ask for as well. */
export function fetchRequestV2(format: ObjectFormat): fc.Arbitrary<FetchRequest> {
  const flag = fc.constant(true as const);
  const more = fc.record(
    {
      wantRefs: fc.uniqueArray(refName, { minLength: 1, maxLength: 3 }),
      waitForDone: flag,
      sidebandAll: flag,
      packfileUris: fc.constantFrom(["https"], ["http", "https"]),
    },
    { requiredKeys: [] },
  );
  return fc.tuple(fetchRequest(format), more).map(([request, rest]) => ({ ...request, ...rest }));
}

export function uploadRequest(format: ObjectFormat): fc.Arbitrary<UploadRequest> {
  const oid = objectId(format);
  const request = fc.record(
    {
      wants: fc.array(oid, { minLength: 1, maxLength: 4 }),
      capabilities: capabilityList(format),
      shallow: fc.array(oid, { maxLength: 3 }),
      deepen: deepen.filter((cut) => cut.type === "boundary" || cut.relative !== true),
      filter: filterSpec,
    },
    { requiredKeys: ["wants", "capabilities", "shallow"] },
  );
  return request;
}

export function haveRound(format: ObjectFormat): fc.Arbitrary<HaveRound> {
  return fc.record({ haves: fc.array(objectId(format), { maxLength: 5 }), done: fc.boolean() });
}

export function httpUploadRequest(format: ObjectFormat): fc.Arbitrary<HttpUploadRequest> {
  return fc
    .tuple(uploadRequest(format), haveRound(format))
    .map(([request, round]) => ({ ...request, ...round }));
}

export function shallowInfo(format: ObjectFormat): fc.Arbitrary<ShallowInfo> {
  const oids = fc.array(objectId(format), { maxLength: 3 });
  return fc.record({ shallow: oids, unshallow: oids });
}

export function negotiationResult(format: ObjectFormat): fc.Arbitrary<NegotiationResult> {
  return fc.oneof(
    fc.constant({ type: "nak" as const }),
    fc.record({ type: fc.constant("ack" as const), oid: objectId(format) }),
    fc.record({ type: fc.constant("error" as const), message: prose }),
  );
}

/** A v2 answer. All acks are for the haves given with it. */
export function fetchResponseV2(
  format: ObjectFormat,
): fc.Arbitrary<{ readonly response: FetchResponse; readonly haves: readonly ObjectId[] }> {
  const oid = objectId(format);
  return distinct(oid, 4).chain((haves) => {
    const acks = haves.map((have) => ({ oid: have, status: "common" as const }));
    const round = (ready: boolean): Acknowledgments => ({ acks, nak: acks.length === 0 && !ready, ready });
    const pack = fc.record(
      {
        acknowledgments: fc.constant(round(true)),
        shallowInfo: shallowInfo(format),
        wantedRefs: fc.array(fc.record({ name: refName, oid }), { maxLength: 3 }),
        packfileUris: fc.array(fc.record({ hash: oid, uri: fc.webUrl() }), { maxLength: 2 }),
        packfile: fc.constant(true as const),
      },
      { requiredKeys: ["packfile"] },
    );
    const more = fc.constant({ acknowledgments: round(false), packfile: false });
    const response: fc.Arbitrary<FetchResponse> = fc.oneof(pack, more);
    return response.map((value) => ({ response: value, haves }));
  });
}

export const sidebandPacket: fc.Arbitrary<SidebandPacket> = fc.record({
  band: fc.constantFrom("pack" as const, "progress" as const, "error" as const),
  data: bytes,
});

export function objectInfoRequest(format: ObjectFormat): fc.Arbitrary<ObjectInfoRequest> {
  return fc.record({ size: fc.boolean(), oids: fc.array(objectId(format), { maxLength: 4 }) });
}

export function objectInfo(format: ObjectFormat): fc.Arbitrary<ObjectInfo> {
  const oid = objectId(format);
  const missing = fc.record({ type: fc.constant("missing" as const), oid });
  const found = fc.record({ type: fc.constant("found" as const), oid });
  const sized = fc.record({ type: fc.constant("found" as const), oid, size: fc.maxSafeNat() });
  return fc.oneof(
    fc.record({ size: fc.constant(true), objects: fc.array(fc.oneof(missing, sized), { maxLength: 4 }) }),
    fc.record({ size: fc.constant(false), objects: fc.array(fc.oneof(missing, found), { maxLength: 4 }) }),
  );
}

export const bundleList: fc.Arbitrary<BundleList> = fc.record(
  {
    mode: fc.constantFrom("all" as const, "any" as const),
    heuristic: fc.constant("creationToken" as const),
    bundles: fc.uniqueArray(
      fc.record(
        {
          id: fc.stringMatching(/^[A-Za-z0-9.-]{1,12}$/),
          uri: fc.webUrl(),
          filter: filterSpec,
          creationToken: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        },
        { requiredKeys: ["id", "uri"] },
      ),
      { maxLength: 4, selector: ({ id }) => id },
    ),
  },
  { requiredKeys: ["mode", "bundles"] },
);
