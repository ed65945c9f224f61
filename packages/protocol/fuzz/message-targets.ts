// The parsers of small messages and of single values. Those that can also be written must read back what they wrote.

import { decodeText } from "../src/byte-text.ts";
import {
  bundleListEntries,
  BundleUriDecoder,
  encodeBundleUriResponse,
  parseBundleList,
} from "../src/bundle-uri.ts";
import { CapabilityList, encodeCapability, parseCapabilities, parseCapability } from "../src/capabilities.ts";
import { encodeFilterSpec, parseFilterSpec } from "../src/filter-spec.ts";
import { decideRedirect } from "../src/http-redirect.ts";
import { decodeMessage } from "../src/message-decoder.ts";
import { decodeNegotiationResult, encodeNegotiationResult } from "../src/negotiation-result.ts";
import { encodeObjectInfo, ObjectInfoDecoder } from "../src/object-info.ts";
import { parseObjectId } from "../src/object-id.ts";
import { decodeSidebandPacket } from "../src/pkt-line/sideband-packet.ts";
import { parsePromisorRemotes } from "../src/promisor-remote.ts";
import { decodePushCertificate, encodePushCertificate } from "../src/push-certificate.ts";
import { checkPushNonce } from "../src/push-nonce.ts";
import { parseRefName } from "../src/ref-name.ts";
import { parseRequestCommand } from "../src/request-command.ts";
import { receivePackFeatures, uploadPackFeatures, v2Features } from "../src/server-features.ts";
import { mediaTypeOf, parseGitProtocolHeader } from "../src/smart-http.ts";
import { decodeSshCommand, encodeSshCommand } from "../src/ssh-command.ts";
import { wire } from "../src/testing/bytes.ts";
import type { Subject } from "../src/testing/cuts.ts";
import { urlWithoutCredentials } from "../src/url-without-credentials.ts";
import { feeding, type FuzzTarget, onWhole } from "./target.ts";

const A = parseObjectId("a".repeat(40));
const B = parseObjectId("b".repeat(40));

const CERTIFICATE = encodePushCertificate(
  {
    pusher: "Ada <ada@example.com> 1700000000 +0000",
    pushee: "https://example.com/a.git",
    nonce: "1700000000-abc",
    pushOptions: ["ci.skip"],
    commands: [{ type: "update", ref: parseRefName("refs/heads/main"), oldId: A, newId: B }],
    signature: wire("-----BEGIN PGP SIGNATURE-----\n\nxx\n-----END PGP SIGNATURE-----\n"),
  },
  "sha1",
);

const BUNDLES = encodeBundleUriResponse(
  bundleListEntries({
    mode: "all",
    heuristic: "creationToken",
    bundles: [
      { id: "a", uri: "https://example.com/a.bundle", creationToken: 1n },
      { id: "b", uri: "../b.bundle", filter: { type: "blob:none" }, creationToken: 2n },
    ],
  }),
);

/** Throws an error that no peer may cause, when the two texts differ. */
function same(what: string, one: unknown, other: unknown): void {
  if (JSON.stringify(one) !== JSON.stringify(other)) {
    throw new Error(`${what} reads back as something else: ${JSON.stringify([one, other])}`);
  }
}

/** A parser of text. */
function ofText(parse: (text: string) => unknown): () => Subject {
  return onWhole((bytes) => parse(decodeText(bytes)));
}

export const messageTargets: readonly FuzzTarget[] = [
  {
    name: "object-info",
    recordings: ["v2-objectinfo"],
    seeds: [
      encodeObjectInfo({
        size: true,
        objects: [
          { type: "found", oid: A, size: 5 },
          { type: "missing", oid: B },
        ],
      }),
    ],
    ways: {
      any: feeding(
        () => new ObjectInfoDecoder({ objectFormat: "sha1" }),
        (decoder) => decoder.finish(),
      ),
      whole: onWhole((bytes) => decodeMessage(new ObjectInfoDecoder({ objectFormat: "sha1" }), bytes)),
    },
  },
  {
    name: "bundle-uri",
    recordings: [],
    seeds: [BUNDLES],
    ways: {
      any: feeding(
        () => new BundleUriDecoder(),
        (decoder) => {
          const entries = decoder.finish();
          const list = parseBundleList(entries);
          return [
            entries,
            list?.bundles.map(({ id, uri, creationToken }) => `${id} ${uri} ${creationToken}`),
          ];
        },
      ),
    },
  },
  {
    name: "push-certificate",
    recordings: [],
    seeds: [CERTIFICATE],
    ways: {
      sha1: onWhole((bytes) => decodePushCertificate(bytes, "sha1")),
      sha256: onWhole((bytes) => decodePushCertificate(bytes, "sha256")),
    },
  },
  {
    name: "filter-spec",
    recordings: [],
    seeds: ["blob:limit=10k", "combine:tree:1+combine:blob%3anone+sparse:oid=a%2bb", "object:type=tag"].map(
      wire,
    ),
    ways: {
      any: ofText((text) => {
        const spec = parseFilterSpec(text);
        same("a filter-spec", parseFilterSpec(encodeFilterSpec(spec)), spec);
        return spec;
      }),
    },
  },
  {
    name: "ssh-command",
    recordings: [],
    seeds: ["git-upload-pack '/it'\\''s'\\!'.git'", "git receive-pack ~a/b", "git-upload-archive '-x'"].map(
      wire,
    ),
    ways: {
      any: ofText((line) => {
        const command = decodeSshCommand(line);
        same("an ssh command", decodeSshCommand(encodeSshCommand(command.service, command.path)), command);
        return command;
      }),
    },
  },
  {
    name: "negotiation-result",
    recordings: [],
    seeds: [wire("NAK\n"), wire(`ACK ${A}\n`), wire("ERR no\n")],
    ways: {
      any: onWhole((bytes) => {
        const result = decodeNegotiationResult(bytes);
        same("a result", decodeNegotiationResult(encodeNegotiationResult(result).subarray(4)), result);
        return result;
      }),
    },
  },
  {
    name: "side-band-packet",
    recordings: [],
    seeds: [wire("\u0001PACK"), wire("\u0002hi\n"), wire("\u0003no")],
    ways: { any: onWhole((bytes) => decodeSidebandPacket(bytes)) },
  },
  {
    name: "features",
    recordings: [],
    seeds: [
      wire(
        "multi_ack_detailed symref=HEAD:refs/heads/main object-format=sha1 agent=git/2 push-cert=1-a filter",
      ),
      wire(
        "agent=git/2\nls-refs=unborn\nfetch=shallow filter\npromisor-remote=name=a,url=b;name=c%20d,url=e",
      ),
      wire("name=a,url=https://b;name=c,url=d%2cd"),
    ],
    ways: {
      list: ofText((text) => {
        const list = parseCapabilities(text);
        return [uploadPackFeatures(list), receivePackFeatures(list)];
      }),
      one: ofText((text) => {
        const capability = parseCapability(text);
        return [capability, encodeCapability(capability)];
      }),
      lines: ofText((text) => v2Features(new CapabilityList(text.split("\n")))),
      remotes: ofText((text) => parsePromisorRemotes(text)),
    },
  },
  {
    name: "redirect",
    recordings: [],
    seeds: [
      "https://example.com/b.git/info/refs?service=git-upload-pack",
      "/b.git/info/refs?service=git-upload-pack",
      "http://a:b@[::1]:8080/c/info/refs?service=git-upload-pack#x",
    ].map(wire),
    ways: {
      any: ofText((location) => {
        const repositoryUrl = "https://example.com/a.git";
        const decision = decideRedirect(
          { method: "GET", repositoryUrl, service: "git-upload-pack" },
          location,
        );
        // Whatever an address looks like, nobody is led out of encryption, or made to tell a secret.
        if (decision.type === "follow" && !/^https:\/\/[^/@]+(\/|$)/.test(decision.repositoryUrl)) {
          throw new Error(`follows to ${decision.repositoryUrl}`);
        }
        return decision;
      }),
    },
  },
  {
    name: "headers",
    recordings: [],
    seeds: ["version=2:version=1", "Application/x-git-upload-pack-result; charset=utf-8"].map(wire),
    ways: {
      any: ofText((text) => [parseGitProtocolHeader(text), mediaTypeOf(text)]),
    },
  },
  {
    name: "nonce",
    recordings: [],
    seeds: [wire("1700000000-abc"), wire("1700000100-abc")],
    ways: {
      any: ofText((received) => {
        const source = { seed: "seed", repository: "/r.git", objectFormat: "sha1" } as const;
        return checkPushNonce({ received, issued: "1700000000-abc", source, maxSlopSeconds: 10 });
      }),
    },
  },
  {
    name: "pushee",
    recordings: [],
    seeds: ["https://user:secret@example.com/a.git", "user@host:a.git", "a@b/c"].map(wire),
    ways: {
      any: ofText((address) => {
        const shown = urlWithoutCredentials(address);
        same("an address without credentials", urlWithoutCredentials(shown), shown);
        return shown;
      }),
    },
  },
  {
    name: "service",
    recordings: [],
    seeds: ["git-upload-pack", "git-receive-pack", "git-upload-archive"].map(wire),
    ways: { any: ofText((text) => parseRequestCommand(text)) },
  },
];
