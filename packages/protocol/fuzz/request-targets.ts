// The parsers of the server's side: what clients ask.

import { CapabilityList, parseCapabilities } from "../src/capabilities.ts";
import { decodeDaemonRequest, encodeDaemonRequest } from "../src/daemon-request.ts";
import { encodeFetchRequestV2, encodeUploadRequest, type FetchRequest } from "../src/fetch-request.ts";
import { encodeLsRefsRequest } from "../src/ls-refs.ts";
import { parseObjectId } from "../src/object-id.ts";
import { parseRefName } from "../src/ref-name.ts";
import { packets, wire } from "../src/testing/bytes.ts";
import { encodeUpdateRequest } from "../src/update-request.ts";
import { UpdateRequestDecoder } from "../src/update-request-decoder.ts";
import { UploadRequestDecoder } from "../src/upload-request-decoder.ts";
import { decodeFetchRequestV2, decodeLsRefsRequest, V2CommandDecoder } from "../src/v2-command.ts";
import { feeding, type FuzzTarget, onWhole } from "./target.ts";

const A = parseObjectId("a".repeat(40));
const B = parseObjectId("b".repeat(40));

const FETCH: FetchRequest = {
  wants: [A, B],
  haves: [B],
  done: true,
  thinPack: true,
  ofsDelta: true,
  includeTag: true,
  shallow: [A],
  filter: "blob:none",
  deepen: { type: "boundary", since: 5, not: ["refs/heads/x"] },
};
const SERVER_V2 = new CapabilityList([
  "agent=git/2",
  "ls-refs=unborn",
  "fetch=shallow wait-for-done filter ref-in-want",
  "object-format=sha1",
]);
const SERVER_V0 = parseCapabilities(
  "multi_ack thin-pack side-band side-band-64k ofs-delta shallow deepen-since deepen-not deepen-relative no-progress include-tag multi_ack_detailed no-done filter agent=git/2 object-format=sha1",
);

/** No recordings: the seeds are what this package's own client side writes. */
export const requestTargets: readonly FuzzTarget[] = [
  {
    name: "upload-request",
    recordings: [],
    seeds: [
      encodeUploadRequest(FETCH, { capabilities: SERVER_V0, stateless: true, agent: "x" }),
      packets("0000"),
    ],
    ways: {
      any: feeding(
        () => new UploadRequestDecoder(),
        (decoder) => decoder.result(),
      ),
    },
  },
  {
    name: "update-request",
    recordings: [],
    seeds: [
      encodeUpdateRequest({
        commands: [
          { type: "create", ref: parseRefName("refs/heads/a"), newId: A },
          { type: "update", ref: parseRefName("refs/heads/b"), oldId: A, newId: B },
          { type: "delete", ref: parseRefName("refs/tags/c"), oldId: B },
        ],
        capabilities: ["report-status", "push-options", "object-format=sha1"],
        objectFormat: "sha1",
        shallow: [B],
        pushOptions: ["ci.skip"],
      }),
      packets(`${A} ${B} refs/heads/x\0`, "0000"),
    ],
    ways: {
      any: feeding(
        () => new UpdateRequestDecoder(),
        (decoder) => decoder.result(),
      ),
    },
  },
  {
    name: "v2-command",
    recordings: [],
    seeds: [
      encodeFetchRequestV2(FETCH, { capabilities: SERVER_V2, objectFormat: "sha1", agent: "x" }),
      encodeLsRefsRequest({
        capabilities: SERVER_V2,
        objectFormat: "sha1",
        peel: true,
        symrefs: true,
        unborn: true,
        prefixes: ["HEAD", "refs/"],
      }),
      packets("0000"),
    ],
    ways: {
      any: feeding(
        () => new V2CommandDecoder(),
        (decoder) => {
          const command = decoder.result();
          if (command?.command === "fetch") return [command, decodeFetchRequestV2(command, "sha1")];
          return command?.command === "ls-refs" ? [command, decodeLsRefsRequest(command)] : command;
        },
      ),
    },
  },
  {
    name: "daemon-request",
    recordings: [],
    seeds: [
      encodeDaemonRequest({ service: "git-upload-pack", path: "/r.git", host: "h", port: 9418 }).subarray(4),
      wire("git-receive-pack /a b\0host=[::1]:1\0\0version=2\0object-format=sha1\0"),
    ],
    ways: { any: onWhole((bytes) => decodeDaemonRequest(bytes)) },
  },
];
