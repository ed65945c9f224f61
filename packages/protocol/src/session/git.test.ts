import { afterAll, describe, test } from "vitest";
import { git, gitText, temporaryDirectory } from "../../fixtures/git.ts";
import { signingStand } from "../../fixtures/signed-push.ts";
import { encodeServiceHeader } from "../advertisement-encoder.ts";
import type { GitService } from "../advertisement.ts";
import { type ObjectFormat, parseObjectId } from "../object-id.ts";
import { emptyPack } from "../pack/header.ts";
import { readPackObjects } from "../pack/reader.ts";
import { encodePushCertificateContent, type PushCertificateContent } from "../push-certificate.ts";
import { parseRefName } from "../ref-name.ts";
import { receivePackFeatures } from "../server-features.ts";
import { concat } from "../testing/bytes.ts";
import { FetchSession } from "./fetch-session.ts";
import { PushSession } from "./push-session.ts";

// Sessions that talk to the real git, one process for each of their requests, as over HTTP.

const scratch = temporaryDirectory();
afterAll(() => scratch[Symbol.dispose]());

const EVERYTHING = [
  "uploadpack.allowFilter=true",
  "uploadpack.allowRefInWant=true",
  "uploadpack.allowSidebandAll=true",
  "transfer.advertiseSID=true",
  "transfer.advertiseObjectInfo=true",
].flatMap((setting) => ["-c", setting]);

/** Make the requests of a session until it waits for its caller, with `pack` behind a body that a pack follows. */
function converse(
  session: FetchSession | PushSession,
  service: GitService,
  repository: string,
  pack: Uint8Array = new Uint8Array(0),
): void {
  for (let request = session.takeRequest(); request !== undefined; request = session.takeRequest()) {
    const protocol = request.headers["Git-Protocol"] ?? "";
    const command = [...EVERYTHING, service.slice(4)];
    if (request.body === undefined) {
      session.feed(encodeServiceHeader(service));
      session.feed(git(repository, [...command, "--http-backend-info-refs", "."], { protocol }));
    } else {
      const input = request.packFollows ? concat(request.body, pack) : request.body;
      const answer = git(repository, [...command, "--stateless-rpc", "."], { protocol, input });
      if (request.packFollows && session instanceof PushSession) session.packSent();
      session.feed(answer);
    }
    session.end();
  }
}

describe.for(["sha1", "sha256"] as const)("real git with %s", (format: ObjectFormat) => {
  const repository = `${scratch.path}/${format}`;
  git(scratch.path, ["init", "-q", "-b", "main", `--object-format=${format}`, repository]);
  for (const message of ["one", "two", "three"])
    git(repository, ["commit", "-q", "--allow-empty", "-m", message]);
  const [tip = "", , old = ""] = gitText(repository, ["rev-list", "main"]).split("\n");
  const wants = [parseObjectId(tip)];

  test("tells the sizes of objects, and which it has not", ({ expect }) => {
    const session = new FetchSession({ transport: "stateless", agent: "test/1" });
    converse(session, "git-upload-pack", repository);
    const missing = parseObjectId("1".repeat(tip.length));
    session.askObjectInfo({ size: true, oids: [...wants, missing] });
    converse(session, "git-upload-pack", repository);
    const size = Number(gitText(repository, ["cat-file", "-s", tip]));
    expect(session.status).toMatchObject({
      objectInfo: {
        size: true,
        objects: [
          { type: "found", oid: tip, size },
          { type: "missing", oid: missing },
        ],
      },
    });
  });

  test.for([{}, { haves: [old] }, { haves: [old], deepen: { type: "depth", depth: 1 } }] as const)(
    "sends every packet in side-band: %j",
    ({ haves = [], ...plan }, { expect }) => {
      const pack: Uint8Array[] = [];
      const session = new FetchSession({ transport: "stateless", serverOptions: ["x=1"], sessionId: "me" });
      converse(session, "git-upload-pack", repository);
      session.fetch(
        { wants, haves: haves.map((oid) => parseObjectId(oid)), sidebandAll: true, ...plan },
        { onPack: (view) => pack.push(view.slice()) },
      );
      converse(session, "git-upload-pack", repository);
      expect(session.state).toBe("done");
      const ids = [...readPackObjects(concat(...pack), { format })].map(({ oid }) => String(oid));
      expect(ids).toContain(tip);
      expect(ids.includes(old)).toBe(haves.length === 0);
    },
  );

  test("says in side-band, too, that it has not what is wanted", ({ expect }) => {
    const session = new FetchSession({ transport: "stateless" });
    converse(session, "git-upload-pack", repository);
    session.fetch(
      { wants: [parseObjectId("1".repeat(tip.length))], sidebandAll: true },
      { onPack: () => {} },
    );
    const body = session.takeRequest()?.body ?? new Uint8Array(0);
    const command = [...EVERYTHING, "upload-pack", "--stateless-rpc", "."];
    const answer = git(repository, command, { protocol: "version=2", input: body, mayFail: true });
    expect(() => session.feed(answer)).toThrow(
      expect.objectContaining({ code: "REMOTE_ERROR", message: expect.stringContaining("not our ref") }),
    );
  });

  test("finds out what is common, and sends nothing", ({ expect }) => {
    const session = new FetchSession({ transport: "stateless" });
    converse(session, "git-upload-pack", repository);
    session.negotiate({ haves: [parseObjectId(old)] });
    converse(session, "git-upload-pack", repository);
    expect(session.status).toMatchObject({ state: "done", result: { common: [old] } });
  });

  test("takes a signed push", ({ expect }) => {
    using folder = temporaryDirectory();
    const stand = signingStand(folder.path, format);
    const session = new PushSession({ transport: "stateless", agent: "test/1", sessionId: "me" });
    converse(session, "git-receive-pack", stand.repository);
    const { status } = session;
    const features =
      status.state === "request" ? receivePackFeatures(status.advertisement.capabilities) : undefined;
    const newId = parseObjectId(stand.commit(), format);
    const content: PushCertificateContent = {
      pusher: "a@example.com 1700000000 +0000",
      nonce: features?.pushNonce ?? "",
      pushOptions: [],
      commands: [{ type: "create", ref: parseRefName("refs/heads/signed"), newId }],
    };
    const signature = stand.sign(encodePushCertificateContent(content, format));
    session.push({ commands: content.commands, certificate: { ...content, signature } });
    converse(session, "git-receive-pack", stand.repository, emptyPack(format));
    expect(session.status).toMatchObject({ state: "done", outcome: { commands: [{ type: "ok" }] } });
    expect(stand.verdict().status).toMatch(/^G (?:OK|SLOP)$/);
  });
});
