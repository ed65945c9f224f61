// What clients ask, as this package's own client side writes it: what mutants of requests are made of.

import { CapabilityList, parseCapabilities } from "../src/capabilities.ts";
import type { FetchRequest } from "../src/fetch-request.ts";
import { encodeFetchRequestV2 } from "../src/fetch-request-v2.ts";
import { encodeLsRefsRequest } from "../src/ls-refs-request.ts";
import { parseObjectId } from "../src/object-id.ts";
import { emptyPack } from "../src/pack/header.ts";
import { parseRefName } from "../src/ref-name.ts";
import { concat, packets } from "../src/testing/bytes.ts";
import { encodeUpdateRequest } from "../src/update-request.ts";
import { chooseUploadCapabilities } from "../src/upload-capabilities.ts";
import { encodeHaves, encodeHttpUploadRequest, uploadRequestOf } from "../src/upload-request.ts";

const A = parseObjectId("a".repeat(40));
const B = parseObjectId("b".repeat(40));

const PLAIN: FetchRequest = { wants: [A, B], haves: [], done: true, ofsDelta: true };
const FULL: FetchRequest = {
  ...PLAIN,
  haves: [B],
  thinPack: true,
  includeTag: true,
  shallow: [A],
  filter: { type: "blob:none" },
  deepen: { type: "boundary", since: 5, not: ["refs/heads/x"] },
};
const SERVER_V0 = parseCapabilities(
  "multi_ack thin-pack side-band side-band-64k ofs-delta shallow deepen-since deepen-not deepen-relative no-progress include-tag multi_ack_detailed no-done filter agent=git/2 object-format=sha1",
);
const V0 = { capabilities: SERVER_V0, stateless: true, agent: "x" };
const SERVER_V2 = new CapabilityList([
  "agent=git/2",
  "ls-refs=unborn",
  "fetch=shallow wait-for-done filter ref-in-want",
  "object-format=sha1",
]);
const V2 = { capabilities: SERVER_V2, objectFormat: "sha1", agent: "x" } as const;

function v0(request: FetchRequest): Uint8Array {
  return encodeHttpUploadRequest(
    uploadRequestOf(request, chooseUploadCapabilities(request, V0).capabilities),
  );
}

/** v0 requests for a pack. */
export const uploadRequests: readonly Uint8Array[] = [
  v0(PLAIN),
  v0(FULL),
  concat(
    v0({ ...PLAIN, haves: [A], done: false }),
    encodeHaves({ haves: [B], done: false }),
    encodeHaves({ haves: [], done: true }),
  ),
  packets("0000"),
];

/** v2 commands. */
export const commands: readonly Uint8Array[] = [
  encodeFetchRequestV2(FULL, V2),
  concat(encodeFetchRequestV2({ ...PLAIN, haves: [B], done: false }, V2), encodeFetchRequestV2(PLAIN, V2)),
  encodeFetchRequestV2({ ...PLAIN, wants: [], haves: [A], done: false, waitForDone: true }, V2),
  encodeLsRefsRequest({ ...V2, peel: true, symrefs: true, unborn: true, prefixes: ["HEAD", "refs/"] }),
  packets("0000"),
];

/** Pushes, the pack included. */
export const updateRequests: readonly Uint8Array[] = [
  concat(
    encodeUpdateRequest({
      commands: [
        { type: "create", ref: parseRefName("refs/heads/a"), newId: A },
        { type: "update", ref: parseRefName("refs/heads/b"), oldId: A, newId: B },
        { type: "delete", ref: parseRefName("refs/tags/c"), oldId: B },
      ],
      capabilities: ["report-status-v2", "side-band-64k", "push-options", "object-format=sha1"],
      objectFormat: "sha1",
      shallow: [B],
      pushOptions: ["ci.skip"],
    }),
    emptyPack("sha1"),
  ),
  packets(`${A} ${B} refs/heads/x\0report-status`, "0000"),
  packets(`${A} ${"0".repeat(40)} refs/heads/x\0 report-status`, "0000"),
];
