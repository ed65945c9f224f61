import { afterAll, describe, test } from "vitest";
import { git, gitText, temporaryDirectory } from "../fixtures/git.ts";
import { AdvertisementDecoder } from "./advertisement-decoder.ts";
import type { Advertisement, GitService } from "./advertisement.ts";
import { CapabilityList } from "./capabilities.ts";
import type { FetchRequest } from "./fetch-request.ts";
import { encodeFetchRequestV2 } from "./fetch-request-v2.ts";
import { FetchResponseDecoder } from "./fetch-response-decoder.ts";
import { LsRefsDecoder } from "./ls-refs.ts";
import { encodeLsRefsRequest } from "./ls-refs-request.ts";
import { type ObjectFormat, parseObjectId } from "./object-id.ts";
import { emptyPack } from "./pack/header.ts";
import { readPackObjects } from "./pack/reader.ts";
import { encodePack } from "./pack/writer.ts";
import { decodeRefName, encodeRefName, parseRefName } from "./ref-name.ts";
import { needsPack, type RefUpdateCommand } from "./ref-update-command.ts";
import type { ReportStatus } from "./report-status.ts";
import { ReportStatusDecoder } from "./report-status-decoder.ts";
import { concat } from "./testing/bytes.ts";
import { chooseUpdateCapabilities } from "./update-capabilities.ts";
import { encodeUpdateRequest } from "./update-request.ts";
import { chooseUploadCapabilities } from "./upload-capabilities.ts";
import { encodeHttpUploadRequest, uploadRequestOf } from "./upload-request.ts";

// Our requests given to the real git, and its answers to our decoders.

const scratch = temporaryDirectory();
afterAll(() => scratch[Symbol.dispose]());

function repository(format: ObjectFormat): {
  readonly path: string;
  readonly tip: string;
  readonly old: string;
} {
  const path = `${scratch.path}/${format}`;
  git(scratch.path, ["init", "-q", `--object-format=${format}`, "-b", "main", path]);
  const commit = (message: string): void => void git(path, ["commit", "-q", "--allow-empty", "-m", message]);
  commit("one");
  commit("two");
  git(path, ["tag", "-a", "-m", "note", "v1"]);
  commit("three");
  git(path, ["branch", "café"]);
  return { path, tip: gitText(path, ["rev-parse", "HEAD"]), old: gitText(path, ["rev-parse", "HEAD~2"]) };
}

const repositories = { sha1: repository("sha1"), sha256: repository("sha256") };

function advertise(path: string, service: GitService, protocol: string): Advertisement {
  const decoder = new AdvertisementDecoder({ service, smartHttp: false });
  decoder.feed(git(path, [service.slice(4), "--http-backend-info-refs", "."], { protocol }));
  return decoder.finish();
}

const uploadPack = (path: string, input: Uint8Array, protocol: string): Uint8Array =>
  git(path, ["upload-pack", "--stateless-rpc", "."], { input, protocol });

describe.for(["sha1", "sha256"] as const)("real git with %s", (format) => {
  const { path, tip, old } = repositories[format];
  const wants = [parseObjectId(tip)];
  const haves = [parseObjectId(old)];
  const expected = (range: readonly string[]): string[] =>
    gitText(path, ["rev-list", "--objects", "--no-object-names", ...range])
      .split("\n")
      .sort();

  test("advertises the refs of for-each-ref, in v0 and v1", ({ expect }) => {
    const names = gitText(path, ["for-each-ref", "--format=%(objectname) %(refname)"]).split("\n");
    for (const version of [0, 1] as const) {
      const advertisement = advertise(path, "git-upload-pack", `version=${version}`);
      expect(advertisement).toMatchObject({ version, objectFormat: format, head: { oid: tip } });
      if (advertisement.version === 2) return;
      expect(advertisement.refs.slice(1).map(({ oid, name }) => `${oid} ${name}`)).toEqual(names);
    }
  });

  test("ls-refs and fetch in v2", ({ expect }) => {
    const { capabilities } = advertise(path, "git-upload-pack", "version=2");
    const session = { capabilities, objectFormat: format, agent: "test/1" };
    const refs = new LsRefsDecoder({ objectFormat: format });
    const ask = encodeLsRefsRequest({
      ...session,
      peel: true,
      symrefs: true,
      unborn: true,
      prefixes: ["HEAD", "refs/"],
    });
    expect(refs.feed(uploadPack(path, ask, "version=2"))).toBe(true);
    expect(refs.finish().refs.map(({ name }) => name)).toEqual([
      "HEAD",
      "refs/heads/café",
      "refs/heads/main",
      "refs/tags/v1",
    ]);
    expect(refs.finish().refs[0]?.symrefTarget).toBe("refs/heads/main");

    for (const request of [
      { wants, haves: [], done: true },
      { wants, haves, done: false },
      { wants, haves, done: true },
    ]) {
      const pack: Uint8Array[] = [];
      const decoder = new FetchResponseDecoder(
        { version: 2, sentDone: request.done, sentHaves: new Set(request.haves) },
        { onPack: (view) => pack.push(view.slice()) },
      );
      const body = encodeFetchRequestV2({ ...request, ofsDelta: true, noProgress: true }, session);
      expect(decoder.feed(uploadPack(path, body, "version=2"))).toBe(true);
      const ids = [...readPackObjects(concat(...pack), { format })].map(({ oid }) => oid).sort();
      expect(ids).toEqual(expected([tip, ...request.haves.map((oid) => `^${oid}`)]));
    }
  });

  test.for<Partial<FetchRequest>>([
    {},
    { haves, done: false },
    { haves },
    { deepen: { type: "depth", depth: 1 } },
    { noProgress: true, includeTag: true },
  ])("fetch in v0: %j", (change, { expect }) => {
    const { capabilities } = advertise(path, "git-upload-pack", "");
    const request: FetchRequest = { wants, haves: [], done: true, ofsDelta: true, ...change };
    const options = { capabilities, stateless: true, agent: "test/1" };
    const choice = chooseUploadCapabilities(request, options);
    const pack: Uint8Array[] = [];
    const decoder = new FetchResponseDecoder(
      {
        version: 0,
        ackMode: choice.ackMode,
        sideband: choice.sideband,
        noDone: choice.noDone,
        sentDone: request.done,
        expectShallow: request.deepen !== undefined,
        sentHaves: new Set(request.haves),
      },
      { onPack: (view) => pack.push(view.slice()) },
    );
    const body = encodeHttpUploadRequest(uploadRequestOf(request, choice.capabilities));
    expect(decoder.feed(uploadPack(path, body, ""))).toBe(true);
    const ids = new Set([...readPackObjects(concat(...pack), { format })].map(({ oid }) => String(oid)));
    const range =
      request.deepen === undefined ? [tip, ...request.haves.map((oid) => `^${oid}`)] : ["--max-count=1", tip];
    expect(expected(range).every((oid) => ids.has(oid))).toBe(true);
    expect(decoder.shallowInfo.shallow).toEqual(request.deepen === undefined ? [] : [tip]);
  });

  test("pushes: create, update, delete, a stale lease, atomically", ({ expect }) => {
    const target = `${scratch.path}/${format}-target.git`;
    git(scratch.path, ["clone", "-q", "--bare", path, target]);
    const main = parseObjectId(tip);
    const before = parseObjectId(old);
    const raw = decodeRefName(Uint8Array.from([...new TextEncoder().encode("refs/heads/caf"), 0xe9]));
    const push = (commands: RefUpdateCommand[], atomic: boolean): ReportStatus => {
      const server = advertise(target, "git-receive-pack", "").capabilities;
      const capabilities = chooseUpdateCapabilities(server, {
        objectFormat: format,
        atomic,
        agent: "test/1",
      });
      const head = encodeUpdateRequest({ commands, capabilities, objectFormat: format });
      const input = needsPack(commands) ? concat(head, emptyPack(format)) : head;
      const decoder = new ReportStatusDecoder({ sideband: true, v2: capabilities.has("report-status-v2") });
      expect(decoder.feed(git(target, ["receive-pack", "--stateless-rpc", "."], { input }))).toBe(true);
      return decoder.finish();
    };
    const types = (report: ReportStatus): string[] => [
      report.unpack.ok ? "ok" : "ng",
      ...report.commands.map(({ type }) => type),
    ];
    expect(
      types(
        push(
          [
            { type: "create", ref: raw, newId: before },
            { type: "update", ref: parseRefName("refs/heads/main"), oldId: main, newId: before },
          ],
          true,
        ),
      ),
    ).toEqual(["ok", "ok", "ok"]);
    expect(
      types(push([{ type: "delete", ref: parseRefName("refs/heads/café"), oldId: main }], false)),
    ).toEqual(["ok", "ok"]);
    const stale: RefUpdateCommand = {
      type: "update",
      ref: parseRefName("refs/heads/main"),
      oldId: main,
      newId: main,
    };
    expect(
      types(push([stale, { type: "create", ref: parseRefName("refs/heads/new"), newId: main }], true)),
    ).toEqual(["ok", "ng", "ng"]);
    const left = git(target, ["for-each-ref", "--format=%(refname)"]);
    expect(left).toEqual(
      concat(encodeRefName(raw), new TextEncoder().encode("\nrefs/heads/main\nrefs/tags/v1\n")),
    );
  });

  test("index-pack takes our packs, strictly", ({ expect }) => {
    const empty = git(path, ["hash-object", "-t", "tree", "-w", "--stdin"], {});
    const data = new TextEncoder().encode(
      `tree ${new TextDecoder().decode(empty).trim()}\nauthor A <a@x> 0 +0000\ncommitter A <a@x> 0 +0000\n\nx\n`,
    );
    const pack = encodePack(
      [
        { type: "commit", data },
        { type: "tree", data: new Uint8Array(0) },
        { type: "blob", data: new Uint8Array(200_000).fill(7) },
      ],
      format,
    );
    const said = gitText(path, ["index-pack", "--strict", "--stdin"], { input: pack });
    expect(said).toMatch(/^pack\t[0-9a-f]{40,64}$/);
    expect(gitText(path, ["fsck", "--full"])).not.toContain("error");
  });
});

describe("real git as client", () => {
  test("agent and unknown capabilities do no harm", ({ expect }) => {
    const { path } = repositories.sha1;
    const capabilities = new CapabilityList(["fetch", "agent"]);
    const body = encodeFetchRequestV2(
      { wants: [parseObjectId("2".repeat(40))], haves: [], done: true },
      { capabilities, objectFormat: "sha1", agent: "a b" },
    );
    const decoder = new FetchResponseDecoder({ version: 2 }, { onPack: () => {} });
    const answer = git(path, ["upload-pack", "--stateless-rpc", "."], {
      input: body,
      protocol: "version=2",
      mayFail: true,
    });
    expect(() => decoder.feed(answer)).toThrow(
      expect.objectContaining({ code: "REMOTE_ERROR", message: expect.stringContaining("not our ref") }),
    );
  });
});
