/**
 * What hosts do that stock git does not, each replayed: git's own answers, altered on the way as the host alters
 * them. `docs/transports.md` lists them.
 */

import { once } from "node:events";
import { createServer } from "node:http";
import { describe, expect, test } from "vitest";
import { git } from "../../support/git.ts";
import {
  startNginxGitServer,
  startNodeGitServer,
  type HttpIntercept,
  type NodeGitServerOptions,
  type RecordedRequest,
} from "../../support/git-server.ts";
import { noise } from "../../support/noise.ts";
import { commit, createRepository, refsOf, setRef } from "../../support/repository.ts";
import { describeWith } from "../../support/requirements.ts";
import { startChaosProxy } from "../../support/tcp-chaos-proxy.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { branchesAndTags, failureOf, openClient, outcomes } from "../two-sides.ts";
import { openScriptedHost, type ScriptedHost } from "./scripted-host.ts";

const openRig = (options: NodeGitServerOptions = {}): Promise<ScriptedHost> =>
  openScriptedHost(options, { includeTags: true });

async function expectEqual(rig: ScriptedHost): Promise<void> {
  expect(await branchesAndTags(rig.target)).toEqual(await branchesAndTags(rig.source));
}

/** Alters what a listing says. */
const listing =
  (rewrite: (text: string) => string): HttpIntercept =>
  ({ isListing }) =>
    isListing
      ? {
          type: "rewrite",
          rewrite: (body) => Buffer.from(packets(body.toString("latin1")).map(rewrite).join(""), "latin1"),
        }
      : undefined;

/** Packets with their lengths, flush-pkts among them. */
function packets(text: string): string[] {
  const found: string[] = [];
  for (let at = 0; at < text.length;) {
    const length = Math.max(4, Number.parseInt(text.slice(at, at + 4), 16));
    found.push(text.slice(at, at + length));
    at += length;
  }
  return found;
}

function pkt(text: string): string {
  return `${(text.length + 4).toString(16).padStart(4, "0")}${text}`;
}

/** A listing whose first ref has just these capabilities of those it had. */
const withCapabilities = (keeps: (name: string) => boolean): HttpIntercept =>
  listing((packet) => {
    const nul = packet.indexOf("\0");
    if (nul === -1) return packet;
    const names = packet
      .slice(nul + 1)
      .trimEnd()
      .split(" ")
      .filter(keeps);
    return pkt(`${packet.slice(4, nul)}\0${names.join(" ")}\n`);
  });

const requestsTo = (rig: ScriptedHost, service: string): readonly RecordedRequest[] =>
  rig.host.requests.filter(({ path }) => path.endsWith(`/${service}`));

const bodiesTo = (rig: ScriptedHost, service: string): readonly string[] =>
  requestsTo(rig, service).map(({ body }) => body.toString("latin1"));

describe("Azure DevOps", () => {
  test("speaks v0 only, has no deltas by offset, and wants multi_ack of those whom it offered it", async () => {
    await using rig = await openRig({ hearsGitProtocol: () => false });
    await commit(rig.source, "refs/heads/main", { a: "2" });
    rig.host.intercept(
      withCapabilities((name) => /^(?:multi_ack|side-band-64k|no-progress|symref|object-format)/u.test(name)),
    );
    expect((await rig.fetch()).execution.protocol).toBe("v0");
    await commit(rig.source, "refs/heads/main", { a: "3" });
    await rig.fetch();
    await expectEqual(rig);
    for (const body of bodiesTo(rig, "git-upload-pack")) {
      expect(body).toMatch(/^....want [0-9a-f]{40} (?:.* )?multi_ack_detailed /u);
      expect(body).not.toMatch(/ofs-delta|thin-pack|agent=|no-done/u);
    }
  });

  test.for([
    ["answers 203 with a page", { status: 203, headers: { "content-type": "text/html" }, body: "<html>" }],
    [
      "redirects to a page to sign in on",
      { status: 302, headers: { location: "https://spsprodweu1.example.com/_signin?realm=a" }, body: "" },
    ],
  ] as const)("%s to those whom it does not know", async ([, answer]) => {
    await using rig = await openRig();
    rig.host.intercept(() => ({ type: "answer", ...answer }));
    expect((await failureOf(rig.fetch())).code).toBe("AUTH_REQUIRED");
    const auth = { authFor: () => Promise.resolve({ token: "expired" }) };
    expect((await failureOf(rig.fetch({ auth }))).code).toBe("AUTH_DENIED");
  });

  test("tells of each ref although it could not unpack", async () => {
    await using rig = await openRig();
    await setRef(rig.source, "refs/heads/side", await git(["rev-parse", "main"], { cwd: rig.source }));
    rig.host.intercept(
      answerToPush(
        report("unpack TF402455: policy\n", [
          "ng refs/heads/main TF402455: Pushes to this branch are not permitted\n",
          "ng refs/heads/side TF402455: Pushes to this branch are not permitted\n",
        ]),
      ),
    );
    const result = await rig.push({ policy: { bestEffort: true } });
    expect(outcomes(result)).toEqual([
      "refs/heads/main: refused (protected)",
      "refs/heads/side: refused (protected)",
    ]);
    expect(result.refs[0]?.reason).toContain("TF402455");
  });
});

/** A report-status in a side-band, as a host sends it. */
function report(unpack: string, refs: readonly string[]): string {
  return `${pkt(`\u0001${[unpack, ...refs].map(pkt).join("")}0000`)}0000`;
}

/** Answers pushes without asking git. */
const answerToPush =
  (body: string): HttpIntercept =>
  ({ path }) =>
    path.endsWith("/git-receive-pack")
      ? {
          type: "answer",
          status: 200,
          headers: { "content-type": "application/x-git-receive-pack-result" },
          body,
        }
      : undefined;

describe("AWS CodeCommit", () => {
  test("dies of an agent or a symref that it did not offer, and is told neither", async () => {
    await using rig = await openRig({ hearsGitProtocol: () => false });
    rig.host.intercept(
      withCapabilities((name) => /^(?:multi_ack$|side-band-64k$|report-status$|delete-refs$)/u.test(name)),
    );
    await rig.fetch();
    await rig.push();
    await expectEqual(rig);
    for (const body of [...bodiesTo(rig, "git-upload-pack"), ...bodiesTo(rig, "git-receive-pack")]) {
      expect(body).not.toMatch(
        /agent=|symref|ofs-delta|object-format|quiet|atomic|report-status-v2|push-options/u,
      );
    }
  });

  test("wants the length of a push, and gets it as long as the pack fits in memory", async () => {
    await using rig = await openRig();
    rig.host.intercept(({ path, headers }) =>
      path.endsWith("/git-receive-pack") && headers["content-length"] === undefined
        ? { type: "answer", status: 411 }
        : undefined,
    );
    await rig.push();
    await expectEqual(rig);
    expect(requestsTo(rig, "git-receive-pack").map(({ status }) => status)).toEqual([200]);
  });

  test("is asked for the path that was given, without .git or with it", async () => {
    await using rig = await openRig();
    rig.host.intercept(() => ({ type: "answer", status: 404 }));
    const client = openClient({ egress: { addresses: "any" } });
    for (const path of ["/v1/repos/a", "/v1/repos/a.git", "/v1/repos/a/"]) {
      await failureOf(client.probe({ source: { url: `${rig.host.url}${path}` } }));
    }
    expect(rig.host.requests.map(({ path }) => path)).toEqual([
      "/v1/repos/a/info/refs",
      "/v1/repos/a.git/info/refs",
      "/v1/repos/a/info/refs",
    ]);
    await client.close();
  });
});

describe("GitHub", () => {
  test("announces the service before protocol v2, too", async () => {
    await using rig = await openRig();
    rig.host.intercept(({ isListing, service }) =>
      isListing
        ? {
            type: "rewrite",
            rewrite: (body) =>
              body.includes("# service=")
                ? body
                : Buffer.concat([Buffer.from(`${pkt(`# service=${service}\n`)}0000`), body]),
          }
        : undefined,
    );
    expect((await rig.fetch()).execution.protocol).toBe("v2");
    await expectEqual(rig);
  });

  test("cuts a client off that pauses in the middle of a push: it begins when the pack has begun", async () => {
    await using rig = await openRig();
    await commit(rig.source, "refs/heads/main", { big: noise(600_000) });
    await using here = await startNodeGitServer(rig.folder.path);
    const events: string[] = [];
    let release = (): void => undefined;
    const counted = new Promise<void>((resolve) => {
      release = resolve;
    });
    here.intercept(async ({ path, headers }) => {
      if (!path.endsWith("/git-upload-pack") || headers["content-length"] === undefined) return;
      events.push("asked");
      // The source counts until nothing else can be under way.
      if (events.length > 1) {
        setTimeout(release, 300);
        await counted;
        events.push("sends");
      }
    });
    rig.host.intercept(({ path }) => void (path.endsWith("/git-receive-pack") && events.push("push")));
    await rig.run(`${here.url}/source.git`, `${rig.host.url}/target.git`, {
      limits: { memoryBytes: 100_000 },
    });
    expect(events.indexOf("push")).toBeGreaterThan(events.indexOf("sends"));
    expect(events).toContain("sends");
    await expectEqual(rig);
  });

  test("hides its pull requests from a push, which are not mirrored unless they are named", async () => {
    await using rig = await openRig();
    const id = await git(["rev-parse", "main"], { cwd: rig.source });
    for (const ref of ["refs/pull/1/head", "refs/merge-requests/1/head", "refs/changes/01/1/1"]) {
      await setRef(rig.source, ref, id);
    }
    await git(["config", "receive.hideRefs", "refs/pull"], { cwd: rig.target });
    await rig.push({ scope: { allRefs: true } });
    expect([...(await refsOf(rig.target)).keys()]).toEqual(["refs/heads/main"]);
    const named = await rig.push({
      scope: { includeRefs: ["refs/heads/*", "refs/pull/*"] },
      policy: { bestEffort: true },
    });
    expect(outcomes(named)).toEqual(["refs/pull/1/head: refused (hidden-ref)"]);
  });

  test("looks at the User-Agent: it begins with git/", async () => {
    await using rig = await openRig();
    rig.host.intercept(({ headers }) =>
      headers["user-agent"]?.startsWith("git/") === true ? undefined : { type: "answer", status: 400 },
    );
    await rig.fetch();
    await expectEqual(rig);
  });

  test("closes kept connections without a word: a read is asked again over another", async () => {
    await using rig = await openRig();
    // Enough for the listing; the next request over the same connection gets a reset for an answer.
    await using cdn = await startChaosProxy(rig.host.port, (connection) =>
      connection === 0 ? { upstream: [{ type: "cut", at: 350, how: "reset" }] } : {},
    );
    await rig.run(`${cdn.url}/source.git`, rig.target);
    await expectEqual(rig);
    expect(cdn.connections).toBeGreaterThan(1);
  });
});

describeWith(["nginx"], "GitHub behind its load balancer", () => {
  test("gets each push over a connection that nothing else went over", async () => {
    await using folder = temporaryFolder("forge");
    const source = await createRepository(folder.join("source.git"));
    await createRepository(folder.join("target.git"));
    await using nginx = await startNginxGitServer({ root: folder.path });
    const client = openClient();
    const request = {
      source: { url: `${nginx.url}/source.git` },
      target: { url: `${nginx.url}/target.git` },
    };
    for (const content of ["1", "2"]) {
      await commit(source, "refs/heads/main", { a: content });
      await client.sync(request);
    }
    const requests = await nginx.requests();
    const pushes = requests.filter(({ uri }) => uri.endsWith("/git-receive-pack"));
    expect(pushes).toHaveLength(2);
    for (const push of pushes) {
      expect(requests.filter(({ connection }) => connection === push.connection)).toEqual([push]);
    }
    await client.close();
  });
});

describe("GitLab", () => {
  test("redirects from the name without .git to the one with it", async () => {
    await using rig = await openRig();
    rig.host.intercept(({ path, query }) =>
      path.startsWith("/source/")
        ? { type: "redirect", status: 301, location: `${rig.host.url}/source.git/info/refs?${query}` }
        : undefined,
    );
    await rig.run(`${rig.host.url}/source`, rig.target);
    await expectEqual(rig);
  });

  test("answers for a repository that a token may not see as for one that is not there", async () => {
    await using rig = await openRig();
    rig.host.intercept(() => ({
      type: "answer",
      status: 404,
      headers: { "content-type": "text/plain" },
      body: "The project you were looking for could not be found or you don't have permission to view it.",
    }));
    const failure = await failureOf(rig.fetch());
    expect(failure).toMatchObject({
      code: "NOT_FOUND",
      message: expect.stringContaining("don't have permission"),
    });
    expect(failure.remedy).toContain("credential");
  });

  test("keeps refs of its own, which are not mirrored unless they are named", async () => {
    await using rig = await openRig();
    const id = await git(["rev-parse", "main"], { cwd: rig.source });
    for (const ref of ["refs/keep-around/a", "refs/pipelines/1", "refs/environments/x/deployments/1"]) {
      await setRef(rig.source, ref, id);
    }
    await rig.push({ scope: { allRefs: true } });
    expect([...(await refsOf(rig.target)).keys()]).toEqual(["refs/heads/main"]);
  });
});

describe("Bitbucket", () => {
  test("ends a report with one flush-pkt, with two, or with none", async () => {
    for (const alter of [
      (body: Buffer) => Buffer.concat([body, Buffer.from("0000")]),
      (body: Buffer) => body.subarray(0, -4),
    ]) {
      await using rig = await openRig();
      rig.host.intercept(({ path }) =>
        path.endsWith("/git-receive-pack") ? { type: "rewrite", rewrite: alter } : undefined,
      );
      const result = await rig.push();
      expect(outcomes(result)).toEqual(["refs/heads/main: applied (create)"]);
      await expectEqual(rig);
    }
  });

  test("hangs up on push options, and gets none although it offers them", async () => {
    await using rig = await openRig();
    await git(["config", "receive.advertisePushOptions", "true"], { cwd: rig.target });
    await rig.push();
    const [body = ""] = bodiesTo(rig, "git-receive-pack");
    expect(body).toContain("report-status");
    expect(body).not.toContain("push-options");
    await expectEqual(rig);
  });

  test("wants a pack even when no object is missing: it gets the empty one", async () => {
    await using rig = await openRig();
    await rig.push();
    await setRef(rig.source, "refs/heads/same", await git(["rev-parse", "main"], { cwd: rig.source }));
    rig.host.forgetRequests();
    await rig.push();
    const [request] = requestsTo(rig, "git-receive-pack");
    const body = request?.body ?? Buffer.alloc(0);
    const pack = body.subarray(body.indexOf("PACK"));
    expect(pack.toString("hex")).toBe("5041434b0000000200000000029d08823bd8a8eab510ad6ac75c823cfd3ed31e");
    await expectEqual(rig);
  });
});

describe("Gerrit", () => {
  test("lists a ref for every change, and is asked for branches and tags only", async () => {
    await using rig = await openRig();
    const id = await git(["rev-parse", "main"], { cwd: rig.source });
    for (let change = 1; change <= 50; change += 1)
      await setRef(rig.source, `refs/changes/01/${change}/1`, id);
    await rig.fetch();
    const [lsRefs = ""] = bodiesTo(rig, "git-upload-pack");
    expect(lsRefs).toContain("ref-prefix refs/heads/");
    expect(lsRefs).not.toContain("ref-prefix refs/\n");
    expect(requestsTo(rig, "git-upload-pack")[0]?.responseBytes).toBeLessThan(500);
    await expectEqual(rig);
  });

  test.for([
    ["prohibited by Gerrit: not permitted: update", "protected"],
    ["no new changes", "refused-unknown"],
    ["cannot lock ref", "refused-unknown"],
  ] as const)("refuses with its own words: %s", async ([reason, code]) => {
    await using rig = await openRig();
    rig.host.intercept(answerToPush(report("unpack ok\n", [`ng refs/heads/main ${reason}\n`])));
    const result = await rig.push({ policy: { bestEffort: true } });
    expect(outcomes(result)).toEqual([`refs/heads/main: refused (${code})`]);
    expect(result.refs[0]?.reason).toContain(reason);
  });

  test("makes another ref than the one that was pushed, which is not taken for it", async () => {
    await using rig = await openRig();
    rig.host.intercept(
      answerToPush(report("unpack ok\n", ["ok refs/heads/main\n", "option refname refs/changes/01/1/1\n"])),
    );
    const failure = await failureOf(rig.push({ policy: { verify: "list" } }));
    expect(failure).toMatchObject({ code: "TARGET_LIED", class: "unknown" });
  });
});

describe("JGit", () => {
  test("writes before it has read a push, and is read meanwhile", async () => {
    await using rig = await openRig();
    await commit(rig.source, "refs/heads/main", { big: noise(3_000_000) });
    // More than the buffers of two sockets hold, in packets of progress.
    const progress = Buffer.from(pkt(`\u0002${"x".repeat(990)}\n`).repeat(8_000));
    const id = await git(["rev-parse", "main"], { cwd: rig.source });
    let received = 0;
    const jgit = createServer((request, response) => {
      if (request.method === "GET") {
        const first = `${"0".repeat(40)} capabilities^{}\0report-status side-band-64k ofs-delta agent=JGit/6.0\n`;
        response.writeHead(200, { "content-type": "application/x-git-receive-pack-advertisement" });
        return void response.end(`${pkt("# service=git-receive-pack\n")}0000${pkt(first)}0000`);
      }
      response.writeHead(200, { "content-type": "application/x-git-receive-pack-result" });
      void (async () => {
        if (!response.write(progress)) await once(response, "drain");
        for await (const chunk of request as AsyncIterable<Buffer>) received += chunk.length;
        response.end(report("unpack ok\n", ["ok refs/heads/main\n"]));
      })();
    }).listen(0, "127.0.0.1");
    await once(jgit, "listening");
    const address = jgit.address();
    if (address === null || typeof address === "string") throw new Error("no port was given");
    const result = await rig.run(rig.source, `http://127.0.0.1:${address.port}/a.git`, {
      policy: { verify: "report" },
      limits: { memoryBytes: 100_000, idleTimeoutMs: 5_000, pushAnswerTimeoutMs: 10_000 },
    });
    expect(result.refs).toMatchObject([{ outcome: "applied", sourceHash: id }]);
    expect(received).toBeGreaterThan(3_000_000);
    jgit.close();
  });
});

describe("a proxy that drops Git-Protocol", () => {
  test("from every request leaves v0, which is spoken then", async () => {
    await using rig = await openRig({ hearsGitProtocol: () => false });
    expect((await rig.fetch()).execution.protocol).toBe("v0");
    await expectEqual(rig);
  });

  test("from requests with a body is told as such", async () => {
    await using rig = await openRig({ hearsGitProtocol: ({ isListing }) => isListing });
    const failure = await failureOf(rig.fetch());
    expect(failure).toMatchObject({ code: "PROTOCOL_INVALID" });
    expect(failure.message).toContain("Git-Protocol");
    expect((await refsOf(rig.target)).size).toBe(0);
  });
});

describe("what a host says of a ref", () => {
  const WORDS = [
    "already exists",
    "stale info",
    "remote ref has changed",
    "non-fast-forward",
    "fetch first",
    "ok",
    "success: up to date",
  ];

  test.for(WORDS)("picks a code, and not what became of it: %s", async (words) => {
    await using rig = await openRig();
    const told = report("unpack ok\n", [`ng refs/heads/main ${words}\n`]);
    rig.host.intercept(answerToPush(told));
    const left = await rig.push({ policy: { bestEffort: true } });
    expect(left.refs).toMatchObject([{ targetRef: "refs/heads/main", outcome: "refused" }]);
    rig.host.intercept(({ path }) =>
      path.endsWith("/git-receive-pack")
        ? { type: "rewrite", rewrite: () => Buffer.from(told, "latin1") }
        : undefined,
    );
    expect(outcomes(await rig.push())).toEqual(["refs/heads/main: applied (create)"]);
    await expectEqual(rig);
  });
});

describe("a host that sends no report although it agreed to", () => {
  const EMPTY: readonly (readonly [string, (body: Buffer) => Uint8Array])[] = [
    ["nothing at all", () => Buffer.alloc(0)],
    ["a flush-pkt", () => Buffer.from("0000")],
    [
      "a report without its first line",
      () => Buffer.from(`${pkt(`\u0001${pkt("ok refs/heads/main\n")}0000`)}0000`),
    ],
    [
      "a report outside of the side-band",
      () => Buffer.from(`${pkt("unpack ok\n")}${pkt("ok refs/heads/main\n")}0000`),
    ],
    ["HTML", () => Buffer.from("<html>Bad Gateway</html>")],
  ];
  test.for(EMPTY)("but %s is asked what became of the push", async ([, rewrite]) => {
    await using rig = await openRig();
    rig.host.intercept(({ path }) =>
      path.endsWith("/git-receive-pack") ? { type: "rewrite", rewrite } : undefined,
    );
    const result = await rig.push();
    expect(outcomes(result)).toEqual(["refs/heads/main: applied (create)"]);
    await expectEqual(rig);
    expect(requestsTo(rig, "git-receive-pack")).toHaveLength(1);
  });
});
