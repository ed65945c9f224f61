import { describe, test } from "vitest";
import { shellWords } from "../fixtures/git.ts";
import { decodeDaemonRequest, type DaemonRequest, encodeDaemonRequest } from "./daemon-request.ts";
import {
  advertisementContentType,
  gitProtocolHeader,
  infoRefsPath,
  mediaTypeOf,
  parseGitProtocolHeader,
  repositoryUrlAfterRedirect,
  requestContentType,
  resultContentType,
  servicePath,
} from "./smart-http.ts";
import { encodeSshCommand, quoteSshArgument } from "./ssh-command.ts";
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

  test.for([
    ["https://b/r/info/refs?service=git-upload-pack", "https://b/r"],
    ["https://b/login?next=/r", undefined],
    ["https://b/r/info/refs?service=git-receive-pack", undefined],
    ["/info/refs?service=git-upload-pack", undefined],
  ] as const)("redirected to %s", ([url, base], { expect }) => {
    expect(repositoryUrlAfterRedirect(url, "git-upload-pack")).toBe(base);
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

  test("refuses what would break out of its field", ({ expect }) => {
    const refused = expect.objectContaining({ code: "REQUEST_INVALID" });
    expect(() => encodeDaemonRequest({ service: "git-upload-pack", path: "r" })).toThrow(refused);
    expect(() => encodeDaemonRequest({ service: "git-upload-pack", path: "/r\0host=x" })).toThrow(refused);
    expect(() => encodeDaemonRequest({ service: "git-upload-pack", path: "/r", host: "h\n" })).toThrow(
      refused,
    );
    expect(() => decodeDaemonRequest(wire("rm -rf /\0"))).toThrow(refused);
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

  test.for(["-oProxyCommand=x", "", "a\nb", "a\0b"])("refuses the path %j", (path, { expect }) => {
    expect(() => encodeSshCommand("git-upload-pack", path)).toThrow(
      expect.objectContaining({ code: "REQUEST_INVALID" }),
    );
  });
});
