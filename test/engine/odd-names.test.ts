/** Names of refs are bytes that mean nothing: not to a shell, not to an option parser, not to a terminal, not to us. */

import { expect, test } from "vitest";
import { startNodeGitServer } from "../support/git-server.ts";
import { commit, createRepository, refsOf, updateRefs } from "../support/repository.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { pushesOf } from "./pushed-packs.ts";
import { describeWays, expectSound, openClient, twoSides } from "./two-sides.ts";

const latin1 = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

/** Each is one byte a character. */
const NAMES: readonly string[] = [
  "$(touch${IFS}out)",
  "`touch${IFS}out`",
  ";id",
  "|id",
  "&&id",
  "-oProxyCommand=id",
  "--upload-pack=id",
  "__proto__",
  "constructor",
  "toString",
  "<img/src=x/onerror=alert(1)>",
  '"quoted"',
  "it's",
  "%s%n%00",
  "café",
  "\u00ff\u00fe",
  "\u00ff\u00fd",
  latin1("\u009b31m"),
  latin1("\u202egnp"),
  latin1("\u00e9"),
  latin1("e\u0301"),
  "a".repeat(200),
].map((name) => `refs/heads/${name}`);

describeWays("names that mean something elsewhere", (way) => {
  test("are mirrored, moved and pruned as they are, each as a ref of its own", async () => {
    await using sides = await twoSides(way, { source: { config: { "uploadpack.allowFilter": "true" } } });
    const first = await commit(sides.source, "refs/heads/main", { a: "1" });
    await updateRefs(
      sides.source,
      NAMES.map((name) => [name, first] as const),
    );
    const created = await sides.sync();
    expect(created.counts).toMatchObject({ applied: NAMES.length + 1, refused: 0 });
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
    // What a result shows of a name is safe to print, and tells every name from every other.
    const shown = created.refs.flatMap(({ targetRef, sourceRef, branch }) => [targetRef, sourceRef, branch]);
    expect(shown.join("")).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
    expect(new Set(created.refs.map(({ targetRef }) => targetRef)).size).toBe(NAMES.length + 1);

    const second = await commit(sides.source, "refs/heads/main", { a: "2" });
    await updateRefs(
      sides.source,
      NAMES.map((name, index) => [name, index % 2 === 0 ? second : undefined] as const),
    );
    await sides.sync({ policy: { prune: true, maxDeletes: { count: 100, percent: 100 } } });
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
    await expectSound(sides);
  });
});

test.for([
  ["a NUL and capabilities", "refs/heads/x\0report-status atomic push-options"],
  ["a line end and a ref", "refs/heads/x\n0000"],
  ["dots that lead out", "refs/heads/../../config"],
  ["the end of a lock file", "refs/heads/main.lock"],
  ["an escape sequence", "refs/heads/\u001b]0;x\u0007"],
] as const)("a source's name with %s gets into no push", async ([, name]) => {
  await using folder = temporaryFolder("names");
  const source = await createRepository(folder.join("source.git"));
  const target = await createRepository(folder.join("target.git"));
  const id = await commit(source, "refs/heads/main", { a: "1" });
  await using server = await startNodeGitServer(folder.path);
  const line = `${id} ${name}\n`;
  const packet = `${(line.length + 4).toString(16).padStart(4, "0")}${line}`;
  server.intercept(({ service, isListing }) =>
    service === "git-upload-pack" && !isListing
      ? {
          type: "rewrite",
          rewrite: (body) =>
            body.includes("packfile")
              ? body
              : Buffer.from(body.toString("latin1").replace(/0000$/u, `${packet}0000`), "latin1"),
        }
      : undefined,
  );
  const client = openClient();
  const outcome = await client
    .replicate({ source: { url: `${server.url}/source.git` }, target: { url: `${server.url}/target.git` } })
    .then(
      ({ counts }) => counts.applied,
      (error: { readonly code: string }) => error.code,
    );
  await client.close();
  await server.idle();
  const bodies = pushesOf(server).map(({ body }) => body.toString("latin1").split("0000PACK")[0] ?? "");
  expect(bodies.map((body) => body.split("\0").length)).toEqual(bodies.map(() => 2));
  expect(bodies.join("")).not.toContain(name.slice("refs/heads/".length));
  expect([...(await refsOf(target)).keys()]).toEqual(outcome === 1 ? ["refs/heads/main"] : []);
  expect([1, "PROTOCOL_INVALID"]).toContain(outcome);
});
