/** What pushes carried, read from the bytes that a recording server took. */

import { gunzipSync } from "node:zlib";
import type { NodeGitServer, RecordedRequest } from "../support/git-server.ts";

/** Object counts of the packs that were pushed, in order; 0 for an empty pack, undefined where none came. */
export function pushedPackSizes(server: NodeGitServer): readonly (number | undefined)[] {
  return pushesOf(server).map(({ body }) => {
    const at = body.indexOf("0000PACK");
    return at < 0 ? undefined : body.readUInt32BE(at + 12);
  });
}

/** Requests that carried ref updates. */
export function pushesOf(server: NodeGitServer): readonly RecordedRequest[] {
  return server.requests.filter(
    ({ service, isListing, body }) => service === "git-receive-pack" && !isListing && body.length > 4,
  );
}

/** Requests for packs, with their text; `ls-refs` is not among them. */
export function fetchesOf(server: NodeGitServer): readonly string[] {
  return server.requests
    .filter(({ service, isListing }) => service === "git-upload-pack" && !isListing)
    .map(({ body, headers }) =>
      (headers["content-encoding"] === "gzip" ? gunzipSync(body) : body).toString("latin1"),
    )
    .filter((text) => text.includes("want "));
}
