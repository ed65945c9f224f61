import fc from "fast-check";
import { describe, test } from "vitest";
import { shellWords } from "../fixtures/git.ts";
import { decodeDaemonRequest, type DaemonRequest, encodeDaemonRequest } from "./daemon-request.ts";
import { frameRequest, type RequestBodyFacts, type RequestFraming } from "./http-framing.ts";
import { decideRedirect, type RedirectDecision } from "./http-redirect.ts";
import {
  advertisementContentType,
  gitProtocolHeader,
  infoRefsPath,
  mediaTypeOf,
  parseGitProtocolHeader,
  requestContentType,
  resultContentType,
  servicePath,
} from "./smart-http.ts";
import { decodeSshCommand, encodeSshCommand, quoteSshArgument } from "./ssh-command.ts";
import { packets, wire } from "./testing/bytes.ts";

describe("smart HTTP", () => {
  test("paths and media types", ({ expect }) => {
    expect([
      infoRefsPath("git-upload-pack"),
      servicePath("git-receive-pack"),
      advertisementContentType("git-upload-pack"),
      requestContentType("git-receive-pack"),
      resultContentType("git-receive-pack"),
      gitProtocolHeader(2),
    ]).toEqual([
      "/info/refs?service=git-upload-pack",
      "/git-receive-pack",
      "application/x-git-upload-pack-advertisement",
      "application/x-git-receive-pack-request",
      "application/x-git-receive-pack-result",
      "version=2",
    ]);
  });

  test.for([
    ["Application/X-Git; charset=utf-8", "application/x-git"],
    [" text/html ", "text/html"],
    ["", ""],
    [null, ""],
    [undefined, ""],
  ] as const)("media type of %j", ([header, type], { expect }) => {
    expect(mediaTypeOf(header)).toBe(type);
  });

  test.for([
    ["version=2", 2],
    ["version=1:x=y", 1],
    ["version=1:version=2", 2],
    ["version=20", 0],
    ["", 0],
    [null, 0],
  ] as const)("Git-Protocol %j", ([header, version], { expect }) => {
    expect(parseGitProtocolHeader(header)).toBe(version);
  });

  test.for<[string, string | undefined, RedirectDecision]>([
    [
      "to another name",
      "/s/info/refs?service=git-upload-pack",
      { type: "follow", repositoryUrl: "https://a/s", sameOrigin: true },
    ],
    [
      "to another host",
      "https://b:8443/r/info/refs?service=git-upload-pack",
      { type: "follow", repositoryUrl: "https://b:8443/r", sameOrigin: false },
    ],
    ["to a page", "https://a/login?next=/r", { type: "refuse", reason: "not-a-listing" }],
    [
      "to another service",
      "https://a/r/info/refs?service=git-receive-pack",
      { type: "refuse", reason: "not-a-listing" },
    ],
    [
      "out of encryption",
      "http://a/r/info/refs?service=git-upload-pack",
      { type: "refuse", reason: "leaves-https" },
    ],
    [
      "to another protocol",
      "ftp://a/r/info/refs?service=git-upload-pack",
      { type: "refuse", reason: "leaves-http" },
    ],
    [
      "with credentials",
      "https://u:p@a/r/info/refs?service=git-upload-pack",
      { type: "refuse", reason: "has-credentials" },
    ],
    ["nowhere", undefined, { type: "refuse", reason: "no-address" }],
    ["to nonsense", "https://[", { type: "refuse", reason: "not-a-url" }],
  ])("a listing redirected %s", ([, location, decision], { expect }) => {
    const request = { method: "GET", repositoryUrl: "https://a/r", service: "git-upload-pack" } as const;
    expect(decideRedirect(request, location)).toEqual(decision);
  });

  test("a POST is never sent elsewhere", ({ expect }) => {
    const request = { method: "POST", repositoryUrl: "https://a/r", service: "git-upload-pack" } as const;
    expect(decideRedirect(request, "/s/info/refs?service=git-upload-pack")).toEqual({
      type: "refuse",
      reason: "not-listing-request",
    });
  });

  test.for<[Partial<RequestBodyFacts>, RequestFraming]>([
    [{ byteLength: 4 }, { type: "content-length", byteLength: 4, gzip: false }],
    [
      { byteLength: 1024, gzip: true },
      { type: "content-length", byteLength: 1024, gzip: false },
    ],
    [
      { byteLength: 1025, gzip: true },
      { type: "content-length", byteLength: 1025, gzip: true },
    ],
    [{ byteLength: 1025 }, { type: "content-length", byteLength: 1025, gzip: false }],
    [
      { byteLength: 2000, gzip: true, service: "git-receive-pack" },
      { type: "content-length", byteLength: 2000, gzip: false },
    ],
    [
      { byteLength: 2 ** 21, gzip: true },
      { type: "content-length", byteLength: 2 ** 21, gzip: false },
    ],
    [{ byteLength: undefined }, { type: "chunked", probe: true }],
    [
      { byteLength: undefined, replayable: true },
      { type: "chunked", probe: false },
    ],
  ])("a body of %j is sent as %j", ([facts, framing], { expect }) => {
    const body = { service: "git-upload-pack", byteLength: 0, replayable: false, ...facts } as const;
    expect(frameRequest(body)).toEqual(framing);
  });
});

describe("git://", () => {
  test.for<[DaemonRequest, string]>([
    [{ service: "git-upload-pack", path: "/r.git", host: "h" }, "git-upload-pack /r.git\0host=h\0"],
    [
      { service: "git-upload-pack", path: "/r.git", host: "h", port: 9419, extraParameters: ["version=2"] },
      "git-upload-pack /r.git\0host=h:9419\0\0version=2\0",
    ],
    [{ service: "git-receive-pack", path: "/a b" }, "git-receive-pack /a b\0"],
  ])("%j", ([request, payload], { expect }) => {
    expect(encodeDaemonRequest(request)).toEqual(packets(payload));
    expect(decodeDaemonRequest(wire(payload))).toEqual(request);
  });

  test("an address with colons stands in brackets", ({ expect }) => {
    const request = { service: "git-upload-pack", path: "/r", host: "::1", port: 9419 } as const;
    expect(encodeDaemonRequest(request)).toEqual(packets("git-upload-pack /r\0host=[::1]:9419\0"));
    expect(decodeDaemonRequest(wire("git-upload-pack /r\0host=[::1]:9419\0"))).toEqual(request);
  });

  test("refuses what would break out of its field", ({ expect }) => {
    const refused = expect.objectContaining({ code: "REQUEST_INVALID" });
    expect(() => encodeDaemonRequest({ service: "git-upload-pack", path: "r" })).toThrow(refused);
    expect(() => encodeDaemonRequest({ service: "git-upload-pack", path: "/r\0host=x" })).toThrow(refused);
    expect(() => encodeDaemonRequest({ service: "git-upload-pack", path: "/r", host: "h\n" })).toThrow(
      refused,
    );
    expect(() => decodeDaemonRequest(wire("rm -rf /\0"))).toThrow(refused);
    expect(() => decodeDaemonRequest(wire("git-upload-pack /r\0host=h:0\0"))).toThrow(refused);
    expect(() =>
      encodeDaemonRequest({ service: "git-upload-pack", path: "/r", host: "-oProxyCommand=x" }),
    ).toThrow(refused);
    expect(() => encodeDaemonRequest({ service: "git-upload-pack", path: "/r", port: 9418 })).toThrow(
      refused,
    );
  });
});

describe("ssh", () => {
  test.for(["/r.git", "/a b", "it's!", "$(id)`x`\\", '"', "/~user/r"])(
    "a shell reads %j back as one word",
    (path, { expect }) => {
      expect(shellWords(quoteSshArgument(path))).toEqual([path]);
    },
  );

  test("commands", ({ expect }) => {
    expect([
      encodeSshCommand("git-upload-pack", "/r.git"),
      encodeSshCommand("git-receive-pack", "/~u/r"),
      quoteSshArgument("a'b!c"),
    ]).toEqual(["git-upload-pack '/r.git'", "git-receive-pack '~u/r'", "'a'\\''b'\\!'c'"]);
  });

  test.for([
    ["git-upload-pack '/r.git'", { service: "git-upload-pack", path: "/r.git" }],
    ["git upload-archive 'a b'", { service: "git-upload-archive", path: "a b" }],
    ["git-receive-pack 'it'\\''s'\\!''", { service: "git-receive-pack", path: "it's!" }],
    ["git-upload-pack ~u/r", { service: "git-upload-pack", path: "~u/r" }],
  ] as const)("a server reads %s", ([line, command], { expect }) => {
    expect(decodeSshCommand(line)).toEqual(command);
  });

  test("a server reads back every path that was quoted", ({ expect }) => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (text) => {
        const path = `x${text.replace(/[\0\n]/g, "")}`;
        expect(decodeSshCommand(encodeSshCommand("git-upload-pack", path)).path).toBe(path);
      }),
    );
  });

  test.for([
    "rm -rf /",
    "git-upload-pack",
    "git-upload-pack ''",
    "git-upload-pack '-x'",
    "git-upload-pack 'a' 'b'",
    "git-upload-pack $(id)",
    "git-upload-pack 'a'; id",
    "git-shell 'r'",
  ])("a server refuses %j", (line, { expect }) => {
    expect(() => decodeSshCommand(line)).toThrow(expect.objectContaining({ code: "REQUEST_INVALID" }));
  });

  test.for(["-oProxyCommand=x", "", "a\nb", "a\0b"])("refuses the path %j", (path, { expect }) => {
    expect(() => encodeSshCommand("git-upload-pack", path)).toThrow(
      expect.objectContaining({ code: "REQUEST_INVALID" }),
    );
  });
});
