import type { SyncEvent, SyncPhase } from "@gitsync/engine";
import { describe, expect, test } from "vitest";
import { startNodeGitServer } from "../support/git-server.ts";
import { generateHistory } from "../support/history.ts";
import { installHookGate } from "../support/hook-gate.ts";
import { noise } from "../support/noise.ts";
import { commit, copyRepository, createRepository, leftoversOf, refsOf } from "../support/repository.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import {
  describeWays,
  expectSound,
  failureOf,
  installHook,
  openClient,
  outcomes,
  twoSides,
  type TwoSides,
} from "./two-sides.ts";

/** About 24 MB that nothing compresses, so that the pack is larger than the buffer. */
async function bigSource(sides: TwoSides): Promise<string> {
  const history = await generateHistory({ commits: 1_500, refs: 5, fileBytes: 16_000, content: "noise" });
  return copyRepository(history, sides.folder.join("big.git"));
}

describeWays("an observer", (way) => {
  test("is told the phases in order, each ref, and bytes that only grow", async () => {
    await using sides = await twoSides(way);
    const big = await bigSource(sides);
    const events: SyncEvent[] = [];
    const result = await sides.client.replicate(
      { source: sides.endpoint(big), target: sides.endpoint(sides.target) },
      { observer: (event) => events.push(event) },
    );
    const phases = events.flatMap((event) => (event.type === "phase" ? [event.phase] : []));
    expect(phases).toEqual(["discover", "plan", "fetch", "push", "report"]);
    const told = events.flatMap((event) => (event.type === "ref" ? [event.ref] : []));
    expect(told).toEqual(result.refs);
    for (const side of ["source", "target"] as const) {
      const bytes = events.flatMap((event) =>
        event.type === "progress" && event.side === side ? [event.bytes] : [],
      );
      expect(bytes).toEqual(bytes.toSorted((a, b) => a - b));
      expect(bytes.at(-1)).toBeGreaterThan(20_000_000);
    }
    expect(await refsOf(sides.target)).toEqual(await refsOf(big));
    await expectSound(sides);
  });

  test("is told each phase of a run in batches, and the bytes of each that moves some", async () => {
    await using sides = await twoSides(way, {
      source: { config: { "uploadpack.allowFilter": "true" } },
      target: { config: { "receive.maxInputSize": "150000" } },
      client: { limits: { memoryBytes: 10_000 }, spool: { use: "always" } },
    });
    const grow = async (commits: number): Promise<void> => {
      for (let n = 0; n < commits; n += 1)
        await commit(sides.source, "refs/heads/main", { [`f${n}`]: noise(20_000, String(n)) });
    };
    await grow(1);
    await sides.sync();
    await grow(20);
    const phases: SyncPhase[] = [];
    const moving = new Set<string>();
    let begun = 0;
    await sides.sync({
      policy: { verify: "list" },
      observer: (event) => {
        if (event.type === "batch") begun += 1;
        if (event.type === "phase" && event.phase !== phases.at(-1)) phases.push(event.phase);
        if (event.type === "progress" && event.bytes > 0) moving.add(`${phases.at(-1)} ${event.side}`);
      },
    });
    const parts = (count: number): SyncPhase[] =>
      Array.from({ length: count }, () => ["fetch", "spool", "push"] as const).flat();
    expect(begun).toBeGreaterThan(2);
    expect(phases).toEqual([
      ...(["discover", "plan", "ancestry"] as const),
      // The pack as a whole, which is refused.
      ...parts(1),
      "history",
      ...parts(begun),
      ...(["clean-up", "verify", "report"] as const),
    ]);
    for (const each of ["ancestry source", "history source", "fetch source", "push target"])
      expect(moving).toContain(each);
    await expectSound(sides);
  });

  test("hears that a run waits for a target that says nothing, and how long it has", async () => {
    await using sides = await twoSides(way);
    await commit(sides.source, "refs/heads/main", { a: "1" });
    await using gate = await installHookGate(sides.target);
    await gate.close("^pre-receive ");
    const waits: Extract<SyncEvent, { readonly type: "waiting" }>[] = [];
    await sides.sync({
      observer: (event) => {
        if (event.type !== "waiting" || event.phase !== "push") return;
        waits.push(event);
        if (waits.length === 2) void gate.open();
      },
    });
    expect(waits.length).toBeGreaterThanOrEqual(2);
    expect(waits[0]?.milliseconds).toBeGreaterThanOrEqual(1_900);
    expect((waits[1]?.milliseconds ?? 0) - (waits[0]?.milliseconds ?? 0)).toBeGreaterThanOrEqual(1_900);
    expect(Math.min(waits[0]?.sourceBytes ?? 0, waits[0]?.targetBytes ?? 0)).toBeGreaterThan(0);
    await expectSound(sides);
  });

  test("hears what servers count while they work, and what hooks say, without a character of control", async () => {
    await using sides = await twoSides(way);
    const big = await bigSource(sides);
    await installHook(
      sides.target,
      "pre-receive",
      String.raw`cat >/dev/null; printf '\033[31mhalf\007\rdone\342\200\256\n' >&2`,
    );
    const said: string[] = [];
    await sides.client.replicate(
      { source: sides.endpoint(big), target: sides.endpoint(sides.target) },
      {
        observer: (event) => {
          if (event.type === "remote-message") said.push(`${event.side} ${event.isTransient}: ${event.text}`);
        },
      },
    );
    expect(said.filter((text) => /^source true: Counting objects: +\d+%/u.test(text)).length).toBeGreaterThan(
      5,
    );
    expect(said).toContainEqual(expect.stringMatching(/^source false: Counting objects: 100%/u));
    const hook = said.filter((text) => /half|done\\/u.test(text) && text.startsWith("target"));
    expect(hook).toEqual([
      expect.stringMatching(/^target true: .*half/u),
      expect.stringMatching(/^target false: done/u),
    ]);
    for (const text of said) expect(text).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/u);
    await expectSound(sides);
  });

  test("that is told nothing costs nothing: stats and measurement are there when asked for", async () => {
    await using sides = await twoSides(way);
    await commit(sides.source, "refs/heads/main", { a: "1" });
    const quiet = await sides.sync();
    expect(quiet.stats.enabled).toBe(false);
    expect(quiet.measurement.enabled).toBe(false);
    await commit(sides.source, "refs/heads/main", { a: "2" });
    const told = await sides.sync({ collectStats: true, measure: true });
    expect(told.stats.enabled).toBe(true);
    expect(told.stats.sides.every(({ bytes }) => bytes > 0)).toBe(true);
    const items = Object.values(told.stats.items);
    expect(items.reduce((sum, { wants }) => sum + wants, 0)).toBeGreaterThan(0);
    expect(items.reduce((sum, { commands }) => sum + commands, 0)).toBe(1);
    expect(told.measurement.peakRssBytes).toBeGreaterThan(0);
  });
});

describeWays("a run that is cancelled", (way) => {
  test.for(["discover", "plan", "fetch", "push"] as const)(
    "in the %s phase ends at once and leaves the target as it was",
    async (phase) => {
      await using sides = await twoSides(way);
      const big = await bigSource(sides);
      const controller = new AbortController();
      const failure = await failureOf(
        sides.client.replicate(
          { source: sides.endpoint(big), target: sides.endpoint(sides.target) },
          {
            signal: controller.signal,
            observer: (event) => void (event.type === "phase" && event.phase === phase && controller.abort()),
          },
        ),
      );
      expect(failure).toMatchObject({ code: "ABORTED", class: "cancelled" });
      expect((await refsOf(sides.target)).size).toBe(0);
      await expectSound(sides);
    },
  );

  test("in the middle of the pack stops both sides and leaves the target as it was", async () => {
    await using sides = await twoSides(way);
    const big = await bigSource(sides);
    const controller = new AbortController();
    let abortedAt = 0;
    const failure = await failureOf(
      sides.client.replicate(
        { source: sides.endpoint(big), target: sides.endpoint(sides.target) },
        {
          signal: controller.signal,
          observer: (event) => {
            if (event.type !== "progress" || event.side !== "target" || abortedAt > 0) return;
            abortedAt = performance.now();
            controller.abort();
          },
        },
      ),
    );
    expect(failure.code).toBe("ABORTED");
    expect(performance.now() - abortedAt).toBeLessThan(5_000);
    expect((await refsOf(sides.target)).size).toBe(0);
    await expectSound(sides);
  });

  test("before it begins does nothing", async () => {
    await using sides = await twoSides(way, { target: "missing" });
    await commit(sides.source, "refs/heads/main", { a: "1" });
    const failure = await failureOf(sides.sync({ signal: AbortSignal.abort() }));
    expect(failure.code).toBe("ABORTED");
    expect(await sides.requestsOf(sides.source)).toHaveLength(0);
  });

  test("does not disturb another run of the same client", async () => {
    await using sides = await twoSides(way);
    await commit(sides.source, "refs/heads/main", { a: "1" });
    const controller = new AbortController();
    const big = await bigSource(sides);
    const other = await createRepository(sides.folder.join("other.git"));
    const cancelled = failureOf(
      sides.client.replicate(
        { source: sides.endpoint(big), target: sides.endpoint(sides.target) },
        {
          signal: controller.signal,
          observer: (event) => void (event.type === "phase" && event.phase === "fetch" && controller.abort()),
        },
      ),
    );
    const [failure, result] = await Promise.all([
      cancelled,
      sides.client.sync({ source: sides.endpoint(sides.source), target: sides.endpoint(other) }),
    ]);
    expect(failure.code).toBe("ABORTED");
    expect(outcomes(result)).toEqual(["refs/heads/main: applied (create)"]);
  });
});

describe("a run that is cancelled while a server stalls", () => {
  test.for([
    ["the listing of the source", "git-upload-pack", 0],
    ["the pack", "git-upload-pack", 2],
    ["the listing of the target", "git-receive-pack", 0],
    ["the answer to the push", "git-receive-pack", 1],
  ] as const)("with %s ends at once", async ([, service, nth]) => {
    await using folder = temporaryFolder();
    await using server = await startNodeGitServer(folder.path);
    const source = await createRepository(folder.join("source.git"));
    const target = await createRepository(folder.join("target.git"));
    await commit(source, "refs/heads/main", { a: "1" });
    const controller = new AbortController();
    let seen = 0;
    let abortedAt = 0;
    server.intercept((request) => {
      if (request.service !== service) return undefined;
      seen += 1;
      if (seen - 1 !== nth) return undefined;
      // Late enough for the answer to have begun and to have stalled.
      setTimeout(() => {
        abortedAt = performance.now();
        controller.abort();
      }, 100);
      return { type: "stall", at: 10 };
    });
    const client = openClient();
    const failure = await failureOf(
      client.sync(
        { source: { url: `${server.url}/source.git` }, target: { url: `${server.url}/target.git` } },
        { signal: controller.signal },
      ),
    );
    expect(failure.code).toBe("ABORTED");
    expect(performance.now() - abortedAt).toBeLessThan(1_000);
    await server.idle();
    expect(await leftoversOf(target)).toEqual([]);
    await client.close();
  });
});
