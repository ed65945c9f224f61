import { describe, test } from "vitest";
import { parseSmartHttpRequest } from "./smart-http-request.ts";

const listing = (target: string, method = "GET"): ReturnType<typeof parseSmartHttpRequest> =>
  parseSmartHttpRequest({ method, target, headers: { "git-protocol": "version=2" } });
const post = (target: string, contentType?: string): ReturnType<typeof parseSmartHttpRequest> =>
  parseSmartHttpRequest({ method: "POST", target, headers: { "content-type": contentType } });

describe("parseSmartHttpRequest()", () => {
  test("reads the first request of a client", ({ expect }) => {
    expect(listing("/group/a%20b.git/info/refs?service=git-upload-pack")).toEqual({
      type: "advertisement",
      service: "git-upload-pack",
      path: "/group/a b.git",
      version: 2,
      headers: {
        "content-type": "application/x-git-upload-pack-advertisement",
        "cache-control": "no-cache, max-age=0, must-revalidate",
        expires: "Fri, 01 Jan 1980 00:00:00 GMT",
        pragma: "no-cache",
      },
    });
  });

  test("reads a POST request", ({ expect }) => {
    expect(
      post("/a.git/git-receive-pack", "Application/X-Git-Receive-Pack-Request; charset=x"),
    ).toMatchObject({
      type: "rpc",
      service: "git-receive-pack",
      path: "/a.git",
      version: 0,
      headers: { "content-type": "application/x-git-receive-pack-result" },
    });
  });

  test("takes the first of repeated headers", ({ expect }) => {
    const headers = { "git-protocol": ["version=1", "version=2"] };
    const target = "/a/info/refs?service=git-receive-pack";
    expect(parseSmartHttpRequest({ method: "GET", target, headers })).toMatchObject({ version: 1 });
  });

  // The statuses are those of git http-backend.
  test.for<readonly [what: string, request: ReturnType<typeof parseSmartHttpRequest>, status: number]>([
    ["a dumb client", listing("/a.git/info/refs"), 403],
    ["an unknown service", listing("/a.git/info/refs?service=git-upload-archive"), 403],
    ["a file of the repository", listing("/a.git/HEAD"), 404],
    ["no repository", listing("/info/refs?service=git-upload-pack"), 404],
    ["a POST for refs", listing("/a.git/info/refs?service=git-upload-pack", "POST"), 405],
    ["a GET of a service", listing("/a.git/git-upload-pack"), 405],
    ["a form", post("/a.git/git-upload-pack", "application/x-www-form-urlencoded"), 415],
    ["no content type", post("/a.git/git-upload-pack"), 415],
    ["a path that leads out", listing("/../a.git/info/refs?service=git-upload-pack"), 400],
    ["a path that leads out, escaped", listing("/%2e%2e/a.git/info/refs?service=git-upload-pack"), 400],
    ["a slash in disguise", listing("/x%2fy/info/refs?service=git-upload-pack"), 400],
    ["NUL in a path", listing("/x%00/info/refs?service=git-upload-pack"), 400],
    ["an empty segment", listing("//x/info/refs?service=git-upload-pack"), 400],
    ["a bad escape", listing("/%zz/info/refs?service=git-upload-pack"), 400],
  ])("refuses %s with status %s", ([, request, status], { expect }) => {
    expect(request).toMatchObject({ type: "refused", status });
  });
});
