import fc from "fast-check";
import { describe, test } from "vitest";
import {
  bundleListEntries,
  BundleUriDecoder,
  decodeBundleUriRequest,
  encodeBundleUriRequest,
  encodeBundleUriResponse,
  parseBundleList,
} from "./bundle-uri.ts";
import { CapabilityList } from "./capabilities.ts";
import { equalBundleListEntries, equalBundleLists } from "./equal/fetch.ts";
import { cuts } from "./testing/arbitraries.ts";
import { packets } from "./testing/bytes.ts";
import { bytewise, cutBy, outcome, type Subject, whole } from "./testing/cuts.ts";
import { bundleList } from "./testing/fetch-arbitraries.ts";
import { V2CommandDecoder } from "./v2-command.ts";

const entries = (...lines: readonly string[]) =>
  lines.map((line) => ({ key: line.slice(0, line.indexOf("=")), value: line.slice(line.indexOf("=") + 1) }));

describe("bundle-uri", () => {
  test("the command is as git sends it, and a server reads it", ({ expect }) => {
    const capabilities = new CapabilityList(["bundle-uri", "agent=git/2"]);
    const stream = encodeBundleUriRequest({ capabilities, objectFormat: "sha1", agent: "me" });
    expect(stream).toEqual(packets("command=bundle-uri\n", "agent=me", "0001", "0000"));
    const decoder = new V2CommandDecoder();
    decoder.feed(stream);
    const command = decoder.finish();
    expect(() => command && decodeBundleUriRequest(command)).not.toThrow();
    expect(() => command && decodeBundleUriRequest({ ...command, args: ["x"] })).toThrow(
      expect.objectContaining({ code: "REQUEST_INVALID" }),
    );
    expect(() =>
      encodeBundleUriRequest({ capabilities: new CapabilityList(["fetch"]), objectFormat: "sha1" }),
    ).toThrow(expect.objectContaining({ code: "CAPABILITY_MISSING" }));
  });

  test("a list is read as it was written", ({ expect }) => {
    fc.assert(
      fc.property(bundleList, cuts, (list, lengths) => {
        const written = bundleListEntries(list);
        const decoder = new BundleUriDecoder();
        for (const chunk of cutBy(encodeBundleUriResponse(written), lengths)) decoder.feed(chunk);
        const read = decoder.finish();
        expect(equalBundleListEntries(read, written)).toBe(true);
        const parsed = parseBundleList(read);
        expect(parsed !== undefined && equalBundleLists(parsed, list)).toBe(true);
      }),
    );
  });

  test("lines of another form are discarded", ({ expect }) => {
    const decoder = new BundleUriDecoder();
    decoder.feed(packets("bundle.version=1\n", "no equals sign", "=value", "key=", "a=b=c", "0000"));
    expect(decoder.finish()).toEqual(entries("bundle.version=1", "a=b=c"));
  });

  test("keys are git's configuration: case matters only in the name of a bundle", ({ expect }) => {
    const list = parseBundleList(
      entries(
        "Bundle.Version=1",
        "bundle.MODE=any",
        "bundle.heuristic=creationToken",
        "bundle.One.URI=https://x/1",
        "bundle.one.uri=https://x/2",
        "bundle.one.creationToken=18446744073709551615",
        "bundle.one.future=x",
        "bundle.none.filter=blob:none",
        "other.key=x",
      ),
    );
    expect(list).toEqual({
      mode: "any",
      heuristic: "creationToken",
      bundles: [
        { id: "One", uri: "https://x/1" },
        { id: "one", uri: "https://x/2", creationToken: 18_446_744_073_709_551_615n },
      ],
    });
  });

  test.for([
    ["no version", ["bundle.mode=all"], undefined],
    ["a version of the future", ["bundle.version=2", "bundle.mode=some"], undefined],
    ["no mode", ["bundle.version=1"], "BUNDLE_LIST_INVALID"],
    ["a strange mode", ["bundle.version=1", "bundle.mode=some"], "BUNDLE_LIST_INVALID"],
    [
      "two URIs",
      ["bundle.version=1", "bundle.mode=all", "bundle.a.uri=x", "bundle.a.uri=y"],
      "BUNDLE_LIST_INVALID",
    ],
    [
      "a token that is no number",
      ["bundle.version=1", "bundle.mode=all", "bundle.a.uri=x", "bundle.a.creationToken=-1"],
      "BUNDLE_LIST_INVALID",
    ],
    [
      "a filter that is none",
      ["bundle.version=1", "bundle.mode=all", "bundle.a.uri=x", "bundle.a.filter=x"],
      "FILTER_INVALID",
    ],
  ] as const)("a list with %s", ([, lines, code], { expect }) => {
    const parse = () => parseBundleList(entries(...lines));
    if (code === undefined) expect(parse()).toBeUndefined();
    else expect(parse).toThrow(expect.objectContaining({ code }));
  });

  test.for(["=v", "k=", "a\nb=c", "a=\0"])("does not write %j", (line, { expect }) => {
    expect(() => encodeBundleUriResponse(entries(line))).toThrow(
      expect.objectContaining({ code: "BUNDLE_LIST_INVALID" }),
    );
  });

  test.for([
    ["ERR", packets("ERR no\n"), "REMOTE_ERROR"],
    ["a delim-pkt", packets("0001"), "DELIM_UNEXPECTED"],
    ["no flush-pkt", packets("a=b"), "STREAM_TRUNCATED"],
  ] as const)("an answer with %s is refused", ([, stream, code], { expect }) => {
    const make = (): Subject => new BundleUriDecoder();
    expect(outcome(make, whole(stream))).toBe(`error ${code}`);
    expect(outcome(make, bytewise(stream))).toBe(`error ${code}`);
  });
});
