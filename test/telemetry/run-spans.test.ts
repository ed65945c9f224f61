/** What the spans of one run show to whoever looks for the request that went wrong. */

import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { expect, test } from "vitest";
import { describeWays, failureOf, twoSides, installHook, type Way } from "../engine/two-sides.ts";
import { startNodeGitServer } from "../support/git-server.ts";
import { commit } from "../support/repository.ts";
import { describeWith } from "../support/requirements.ts";
import { finishedSpans, type FinishedSpan } from "./finished-spans.ts";

const spans = finishedSpans();

/** The spans of what `run` does, once its last one, `git.sync`, is here. */
async function spansOf(run: () => Promise<unknown>): Promise<readonly FinishedSpan[]> {
  spans.length = 0;
  await run();
  await expect.poll(() => spans.some(({ name }) => name === "git.sync")).toBe(true);
  return [...spans];
}

/** `git.push: POST git-receive-pack`, for each CLIENT span. */
function requestsIn(found: readonly FinishedSpan[]): readonly string[] {
  const nameOf = new Map(found.map((span) => [span.spanContext().spanId, span.name]));
  return found
    .filter(({ kind }) => kind === SpanKind.CLIENT)
    .map(({ name, parentSpanContext }) => `${nameOf.get(parentSpanContext?.spanId ?? "")}: ${name}`)
    .toSorted();
}

const failedOf = (found: readonly FinishedSpan[]): readonly FinishedSpan[] =>
  found.filter(({ status }) => status.code === SpanStatusCode.ERROR);

const REQUESTS: Readonly<Record<Way, readonly string[]>> = {
  local: [
    "git.discover: file git-receive-pack",
    "git.discover: file git-upload-pack",
    "git.discover: file git-upload-pack",
    "git.fetch: file git-upload-pack",
    "git.push: file git-receive-pack",
    "git.verify: file git-receive-pack",
  ],
  http: [
    "git.discover: GET info/refs",
    "git.discover: GET info/refs",
    "git.discover: POST git-upload-pack",
    "git.fetch: POST git-upload-pack",
    "git.push: POST git-receive-pack",
    "git.verify: GET info/refs",
  ],
};

describeWays("spans of a run", (way) => {
  test("name what each side was asked for, below the phase that asked", async () => {
    await using sides = await twoSides(way);
    await commit(sides.source, "refs/heads/main", { a: "1" });
    const found = await spansOf(() => sides.replicate({ policy: { verify: "list" } }));
    expect(requestsIn(found)).toEqual(REQUESTS[way]);
    expect(found.find(({ name }) => name === "git.push")?.attributes).toMatchObject({
      "git_sync.refs.applied": 1,
      "git_sync.refs.refused": 0,
    });
    const places = found.filter(({ kind }) => kind === SpanKind.CLIENT).map(({ attributes }) => attributes);
    for (const place of places) {
      expect(place).toMatchObject({ "url.scheme": way === "local" ? "file" : "http" });
      expect(place["url.path"]).toMatch(/\/(?:source|target)\.git/u);
    }
  });

  test("mark the push whose refs the target refused, and not the run that goes on without them", async () => {
    await using sides = await twoSides(way);
    await commit(sides.source, "refs/heads/main", { a: "1" });
    await installHook(sides.target, "update", 'echo "not today" >&2; exit 1');
    const found = await spansOf(() => sides.sync({ policy: { bestEffort: true } }));
    const failed = failedOf(found);
    expect(failed.map(({ name }) => name)).toEqual(["git.push"]);
    expect(failed[0]?.attributes).toMatchObject({
      "error.type": "REFS_REFUSED",
      "git_sync.refs.applied": 0,
      "git_sync.refs.refused": 1,
    });
    expect(failed[0]?.status.message).toContain("hook declined");
    expect(found.find(({ name }) => name === "git.sync")?.attributes).toMatchObject({
      "git_sync.refs.refused": 1,
    });
  });

  test("lead from the failed run to the request that failed", async () => {
    await using sides = await twoSides(way, { target: "missing" });
    await commit(sides.source, "refs/heads/main", { a: "1" });
    const source = sides.endpoint(sides.folder.join("nothing.git"));
    const request = { ...sides.request(), source };
    const found = await spansOf(() => failureOf(sides.client.sync(request)));
    const names = failedOf(found).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["git.sync", "git.discover"]));
    expect(names.some((name) => name.endsWith(way === "local" ? "git-upload-pack" : "info/refs"))).toBe(true);
  });
});

describeWith(["git"], "spans of a run over HTTP", () => {
  test("are no errors when an answer that is whole has not ended yet", async () => {
    await using sides = await twoSides("local");
    await using server = await startNodeGitServer(sides.folder.path);
    await commit(sides.source, "refs/heads/main", { a: "1" });
    server.intercept(({ method }) =>
      method === "POST" ? { type: "drip", bytes: 64 * 1024, everyMs: 200 } : undefined,
    );
    const target = { url: `${server.url}/target.git` };
    const found = await spansOf(() => sides.client.replicate({ ...sides.request(), target }));
    expect(requestsIn(found)).toContain("git.push: POST git-receive-pack");
    expect(failedOf(found).map(({ name, status }) => [name, status.message])).toEqual([]);
  });
});
