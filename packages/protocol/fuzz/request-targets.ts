// The parsers of the server's side: what clients ask.

import { decodeBundleUriRequest } from "../src/bundle-uri.ts";
import { decodeText } from "../src/byte-text.ts";
import { decodeDaemonRequest, encodeDaemonRequest } from "../src/daemon-request.ts";
import { decodeFetchRequestV2 } from "../src/fetch-request-v2.ts";
import { decodeLsRefsRequest } from "../src/ls-refs-request.ts";
import { decodeObjectInfoRequest } from "../src/object-info.ts";
import { parseSmartHttpRequest } from "../src/server/smart-http-request.ts";
import { wire } from "../src/testing/bytes.ts";
import { UpdateRequestDecoder } from "../src/update-request-decoder.ts";
import {
  HaveRoundDecoder,
  HttpUploadRequestDecoder,
  UploadRequestDecoder,
} from "../src/upload-request-decoder.ts";
import { V2CommandDecoder } from "../src/v2-command.ts";
import { commands, updateRequests, uploadRequests } from "./request-seeds.ts";
import { feeding, type FuzzTarget, onWhole } from "./target.ts";

/** What servers read. */
export const requestTargets: readonly FuzzTarget[] = [
  {
    name: "upload-request",
    recordings: ["req-v0-", "req-http-"],
    seeds: uploadRequests,
    ways: {
      http: feeding(
        () => new HttpUploadRequestDecoder(),
        (decoder) => decoder.finish(),
      ),
      wants: feeding(
        () => new UploadRequestDecoder(),
        (decoder) => decoder.finish(),
      ),
      haves: feeding(
        () => new HaveRoundDecoder({ objectFormat: "sha1" }),
        (decoder) => decoder.finish(),
      ),
    },
  },
  {
    name: "update-request",
    recordings: ["req-push-"],
    seeds: updateRequests,
    ways: {
      any: feeding(
        () => new UpdateRequestDecoder(),
        (decoder) => decoder.finish(),
      ),
    },
  },
  {
    name: "v2-command",
    recordings: ["req-v2-"],
    seeds: commands,
    ways: {
      any: feeding(
        () => new V2CommandDecoder(),
        (decoder) => {
          const command = decoder.finish();
          if (command?.command === "fetch") return [command, decodeFetchRequestV2(command, "sha1")];
          if (command?.command === "ls-refs") return [command, decodeLsRefsRequest(command)];
          if (command?.command === "object-info") return [command, decodeObjectInfoRequest(command, "sha1")];
          if (command?.command === "bundle-uri") decodeBundleUriRequest(command);
          return command;
        },
      ),
    },
  },
  {
    name: "daemon-request",
    recordings: ["req-daemon-"],
    seeds: [
      encodeDaemonRequest({ service: "git-upload-pack", path: "/r.git", host: "h", port: 9418 }).subarray(4),
      wire("git-receive-pack /a b\0host=[::1]:1\0\0version=2\0object-format=sha1\0"),
    ],
    ways: { any: onWhole((bytes) => decodeDaemonRequest(bytes)) },
  },
  {
    name: "http-request",
    recordings: [],
    seeds: [
      "GET\n/r.git/info/refs?service=git-upload-pack\nversion=2\n",
      "POST\n/a%20b/r.git/git-receive-pack\n\napplication/x-git-receive-pack-request",
    ].map(wire),
    ways: {
      any: onWhole((bytes) => {
        const [method = "", target = "", version = "", type = ""] = decodeText(bytes).split("\n");
        return parseSmartHttpRequest({
          method,
          target,
          headers: { "git-protocol": version, "content-type": type },
        });
      }),
    },
  },
];
