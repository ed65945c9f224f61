import { tmpdir } from "node:os";
import { describe, expect, test } from "vitest";
import { isSyncError, SyncError } from "./errors.ts";
import type { SyncEvent } from "./observer.ts";
import { releaseBuffer } from "./remote/release-bytes.ts";
import type { SyncPolicy, SyncResult } from "./schema/index.ts";
import {
  drain,
  PACK,
  report,
  runBetween,
  ScriptedSource,
  ScriptedTarget,
  type ScriptedRun,
} from "./testing/scripted.ts";
import { id, ref, refs } from "./testing/values.ts";
import { SpoolFolder } from "./transfer/spool.ts";

type Entries = Readonly<Record<string, number>>;

function between(source: Entries, target: Entries): { source: ScriptedSource; target: ScriptedTarget } {
  return { source: new ScriptedSource(refs(source)), target: new ScriptedTarget(refs(target)) };
}

const REPLICATE: ScriptedRun = { policy: { mode: "replicate" } };
const replicate = (policy: SyncPolicy, rest: ScriptedRun = {}): ScriptedRun => ({
  ...rest,
  policy: { mode: "replicate", ...policy },
});

const outcomes = (result: SyncResult | undefined): readonly string[] =>
  (result?.refs ?? []).map((each) => `${each.branch}: ${each.action} ${each.outcome} ${each.code}`);

async function failureOf(run: Promise<SyncResult>): Promise<SyncError> {
  const outcome: unknown = await run.catch((error: unknown) => error);
  return isSyncError(outcome) ? outcome : expect.unreachable(`no SyncError but ${String(outcome)}`);
}

const broken = (
  code: "REMOTE_UNREACHABLE" | "REMOTE_TIMEOUT" | "AUTH_DENIED" = "REMOTE_UNREACHABLE",
): SyncError => new SyncError(code, "the connection broke");

// Two listings that have to agree lie a second apart, so these runs wait for each other's sake together.
describe.concurrent("sync()", () => {
  test("makes the target equal with one fetch and one push", async ({ expect }) => {
    const { source, target } = between({ main: 1, dev: 2 }, { dev: 3 });
    const result = await runBetween(source, target, REPLICATE);
    expect(target.refs).toEqual(source.refs);
    expect(outcomes(result)).toEqual([
      "dev: update applied replicate-overwrite",
      "main: create applied create",
    ]);
    expect(result.execution).toMatchObject({
      converged: true,
      transferMode: "relay",
      batch: { planned: 1, done: 1 },
    });
    expect([source.fetches.length, target.pushes.length, target.listings]).toEqual([1, 1, 1]);
  });

  test("asks for nothing that it will not push, and claims only what the target listed", async ({
    expect,
  }) => {
    const { source, target } = between({ main: 1, other: 5 }, { main: 9, x: 5 });
    await runBetween(source, target, REPLICATE);
    expect(source.fetches[0]?.wants).toEqual([id(1)]);
    expect(source.fetches[0]?.haves).toEqual([id(9), id(5)]);
  });

  test("a plan changes nothing and fetches no content", async ({ expect }) => {
    const { source, target } = between({ main: 1 }, {});
    const result = await runBetween(source, target, { ...REPLICATE, dryRun: true });
    expect(outcomes(result)).toEqual(["main: create planned create"]);
    expect([source.fetches.length, target.pushes.length]).toEqual([0, 0]);
  });

  test("a target that reports success and does not show it has lied", async ({ expect }) => {
    for (const verify of ["list", "report"] as const) {
      const { source, target } = between({ main: 1 }, {});
      target.script.push(async (request) => report(request));
      const run = runBetween(source, target, replicate({ verify, bestEffort: true }));
      if (verify === "report") {
        expect((await run).counts.applied).toBe(1);
        continue;
      }
      const failure = await failureOf(run);
      expect([failure.code, failure.retryable]).toEqual(["TARGET_LIED", true]);
      expect(outcomes(failure.result)).toEqual(["main: create unknown outcome-unknown"]);
      expect(failure.result?.counts).toMatchObject({ applied: 0, unknown: 1 });
    }
  });

  test("a target that is moved between its report and the look at it is looked at again", async ({
    expect,
  }) => {
    const { source, target } = between({ main: 1 }, { main: 2 });
    target.beforeListing = (listing) => void (listing === 2 && target.refs.set(ref("main"), id(7)));
    const result = await runBetween(source, target, replicate({ verify: "list" }));
    expect(target.refs.get(ref("main"))).toBe(id(1));
    expect(outcomes(result)).toEqual(["main: update applied replicate-overwrite"]);
  });

  test("a look at the target that fails leaves what was reported unknown", async ({ expect }) => {
    const { source, target } = between({ main: 1 }, {});
    target.beforeListing = (listing) => {
      if (listing === 2) throw broken();
    };
    const failure = await failureOf(runBetween(source, target, replicate({ verify: "list" })));
    expect(failure).toMatchObject({ code: "OUTCOME_UNKNOWN", cause: { code: "REMOTE_UNREACHABLE" } });
    expect(failure.result?.counts).toMatchObject({ applied: 0, unknown: 1 });
  });

  test("a push that was applied and whose answer was lost is not sent again", async ({ expect }) => {
    const { source, target } = between({ main: 1, dev: 2 }, { main: 9 });
    target.script.push(async (request, honest) => {
      await honest(request);
      throw broken();
    });
    const result = await runBetween(source, target, REPLICATE);
    expect(result.counts).toMatchObject({ applied: 2 });
    expect([source.fetches.length, target.pushes.length]).toEqual([1, 1]);
  });

  test("a small push that broke before it was applied is sent once more", async ({ expect }) => {
    const { source, target } = between({ main: 1 }, {});
    const events: SyncEvent[] = [];
    target.script.push(async () => {
      throw broken();
    });
    const result = await runBetween(source, target, { ...REPLICATE, events });
    expect(result.counts.applied).toBe(1);
    expect(target.pushes.length).toBe(2);
    expect(events.filter((event) => event.type === "retry")).toHaveLength(1);
  });

  test("but not for ever, not when it was streamed, and not after a silence", async ({ expect }) => {
    for (const [limits, error, pushes] of [
      [{}, broken(), 2],
      [{ memoryBytes: 1 }, broken(), 1],
      [{}, broken("REMOTE_TIMEOUT"), 1],
    ] as const) {
      const { source, target } = between({ main: 1, dev: 2 }, { dev: 3 });
      target.script.push(
        ...Array.from({ length: 3 }, () => async (): Promise<undefined> => {
          throw error;
        }),
      );
      const failure = await failureOf(runBetween(source, target, { ...REPLICATE, limits }));
      expect(failure).toMatchObject({ code: error.code });
      expect(outcomes(failure.result)).toEqual([
        "dev: update not-attempted not-attempted",
        "main: create not-attempted not-attempted",
      ]);
      expect(target.pushes.length).toBe(pushes);
      expect(source.open).toBe(0);
    }
  });

  test("a broken push after which the target cannot be listed is unknown", async ({ expect }) => {
    const { source, target } = between({ main: 1 }, {});
    target.script.push(async () => {
      throw broken();
    });
    target.beforeListing = (listing) => {
      if (listing > 1) throw broken();
    };
    const failure = await failureOf(runBetween(source, target, REPLICATE));
    expect(failure.code).toBe("OUTCOME_UNKNOWN");
    expect(outcomes(failure.result)).toEqual(["main: create unknown outcome-unknown"]);
    expect(target.pushes.length).toBe(1);
  });

  test("a push that was refused at the door is no unknown, even when the listing is refused as well", async ({
    expect,
  }) => {
    const { source, target } = between({ main: 1 }, {});
    target.script.push(async () => {
      throw broken("AUTH_DENIED");
    });
    target.beforeListing = (listing) => {
      if (listing > 1) throw broken("AUTH_DENIED");
    };
    const failure = await failureOf(runBetween(source, target, REPLICATE));
    expect(failure.code).toBe("AUTH_DENIED");
    expect(outcomes(failure.result)).toEqual(["main: create not-attempted not-attempted"]);
  });

  test("a target that never settles is unknown", async ({ expect }) => {
    const { source, target } = between({ main: 1 }, {});
    target.script.push(async () => {
      throw broken();
    });
    target.beforeListing = (listing) => void (listing > 1 && target.refs.set(ref("main"), id(100 + listing)));
    expect((await failureOf(runBetween(source, target, REPLICATE))).code).toBe("OUTCOME_UNKNOWN");
  }, 20_000);

  test("a target without reports is judged by what it shows", async ({ expect }) => {
    const { source, target } = between({ main: 1, dev: 2 }, { dev: 3 });
    target.script.push(async (request, honest) => {
      await honest({ ...request, commands: request.commands.filter((each) => each.ref === ref("main")) });
      return undefined;
    });
    const result = await runBetween(source, target, replicate({ bestEffort: true }));
    expect(outcomes(result)).toEqual(["dev: warn refused refused-unknown", "main: create applied create"]);
  });

  test("a lost lease is planned again, and both rounds are in the report", async ({ expect }) => {
    const { source, target } = between({ main: 1, dev: 2, gone: 3 }, { main: 8, dev: 9, old: 4, gone: 3 });
    target.script.push(async (request, honest) => {
      target.refs.set(ref("dev"), id(77));
      return honest(request);
    });
    const events: SyncEvent[] = [];
    const result = await runBetween(source, target, replicate({ prune: true }, { events }));
    expect(target.refs).toEqual(source.refs);
    expect(outcomes(result).toSorted()).toEqual([
      "dev: update applied replicate-overwrite",
      "main: update applied replicate-overwrite",
      "old: delete applied source-ref-gone",
    ]);
    expect(result.counts).toMatchObject({ applied: 2, deleted: 1, skipped: 1 });
    expect(result.refs.find((each) => each.branch === "dev")?.targetHash).toBe(id(77));
    expect(events.filter((event) => event.type === "retry").map((event) => event.attempt)).toEqual([1]);
    expect(result.execution.converged).toBe(true);
  });

  test("somebody else's push of the same value is as good as ours", async ({ expect }) => {
    const { source, target } = between({ main: 1 }, { main: 8 });
    target.script.push(async (request, honest) => {
      target.refs.set(ref("main"), id(1));
      return honest(request);
    });
    expect((await runBetween(source, target, REPLICATE)).counts.applied).toBe(1);
    expect(target.pushes.length).toBe(1);
  });

  test("a target that keeps moving ends the run after a few rounds", async ({ expect }) => {
    const { source, target } = between({ main: 1, dev: 2 }, { main: 8 });
    for (let round = 0; round < 10; round += 1) {
      target.script.push(async (request, honest) => {
        target.refs.set(ref("main"), id(1_000 + round));
        return honest(request);
      });
    }
    const failure = await failureOf(runBetween(source, target, replicate({ bestEffort: true })));
    expect([failure.code, failure.retryable]).toEqual(["LEASE_LOST", true]);
    expect(outcomes(failure.result).toSorted()).toEqual([
      "dev: create applied create",
      "main: update lease-lost lease-lost",
    ]);
    expect(target.pushes.length).toBe(4);
  });

  test("what an earlier round did is in the error of a later one", async ({ expect }) => {
    const { source, target } = between({ main: 1, dev: 2 }, { main: 8 });
    target.script.push(async (request, honest) => {
      target.refs.set(ref("main"), id(77));
      return honest(request);
    });
    target.beforeListing = (listing) => {
      if (listing === 3) throw broken();
    };
    const failure = await failureOf(runBetween(source, target, REPLICATE));
    expect(failure.code).toBe("REMOTE_UNREACHABLE");
    expect(outcomes(failure.result)).toContain("dev: create applied create");
  });

  test("a source that moved after it was listed is listed again", async ({ expect }) => {
    const { source, target } = between({ main: 1 }, {});
    source.script.push(() => {
      source.refs = refs({ main: 2 });
      throw new SyncError("REMOTE_REFUSED", `The source refused: upload-pack: not our ref ${id(1)}`);
    });
    await runBetween(source, target, REPLICATE);
    expect(target.refs).toEqual(refs({ main: 2 }));
  });

  test("also when it moved under the question for fast-forwards", async ({ expect }) => {
    const { source, target } = between({ main: 2 }, { main: 1 });
    source.script.push(() => {
      source.refs = refs({ main: 1 });
      throw new SyncError("REMOTE_REFUSED", `The source refused: upload-pack: not our ref ${id(2)}`);
    });
    expect((await runBetween(source, target)).counts.skipped).toBe(1);
    expect(source.listings).toBe(2);
  });

  test("a refusal does not sink the others, and is an error unless best effort was asked for", async ({
    expect,
  }) => {
    for (const bestEffort of [true, false]) {
      const { source, target } = between({ main: 1, locked: 2 }, { locked: 3 });
      target.script.push(async (request, honest) => {
        const answer = await honest({
          ...request,
          commands: request.commands.filter((each) => each.ref === ref("main")),
        });
        return (
          answer && {
            ...answer,
            commands: [
              ...answer.commands,
              { type: "ng", ref: ref("locked"), reason: "protected branch hook declined" },
            ],
          }
        );
      });
      const run = runBetween(source, target, replicate({ bestEffort }));
      const expected = [
        `locked: ${bestEffort ? "warn" : "update"} refused protected`,
        "main: create applied create",
      ];
      const result = bestEffort ? await run : (await failureOf(run)).result;
      expect(outcomes(result)).toEqual(expected);
      expect(result?.execution.converged).toBe(false);
      if (!bestEffort) await expect(run).rejects.toMatchObject({ code: "REFS_REFUSED" });
    }
  });

  test("a block pushes nothing without best effort and warns with it", async ({ expect }) => {
    for (const bestEffort of [true, false]) {
      const { source, target } = between({ "a/b": 1, main: 1 }, { a: 2 });
      const run = runBetween(source, target, replicate({ bestEffort }));
      if (bestEffort) expect((await run).counts).toMatchObject({ applied: 1, warned: 1, blocked: 0 });
      else {
        const failure = await failureOf(run);
        expect(failure).toMatchObject({
          code: "REFS_BLOCKED",
          details: { codes: ["directory-file-conflict"] },
        });
        expect(failure.result?.counts).toMatchObject({ applied: 0, blocked: 1 });
        expect([source.fetches.length, target.pushes.length]).toEqual([0, 0]);
      }
    }
  });

  test("all refs or none is refused before anything is pushed when it cannot be", async ({ expect }) => {
    for (const [limits, capabilities, words] of [
      [{ maxRefUpdates: 1 }, ["atomic"], "2 requests"],
      [{}, [], "does not offer it"],
    ] as const) {
      const { source, target } = between({ main: 1, dev: 2 }, {});
      target.capabilities = capabilities;
      const failure = await failureOf(runBetween(source, target, replicate({ atomic: true }, { limits })));
      expect(failure.code).toBe("ATOMIC_IMPOSSIBLE");
      expect(failure.message).toContain(words);
      expect(outcomes(failure.result)).toHaveLength(2);
      expect(target.pushes).toEqual([]);
    }
  });
});

describe.concurrent("sync() in more than one request", () => {
  const four = { a: 1, b: 2, c: 3, d: 4 };
  const limits = { maxRefUpdates: 2 };

  test("sends the pack with the first and none with the others", async ({ expect }) => {
    const { source, target } = between(four, {});
    const sizes: number[] = [];
    const measured = async (
      request: Parameters<typeof report>[0],
      honest: (each: typeof request) => Promise<ReturnType<typeof report>>,
    ): Promise<ReturnType<typeof report>> => {
      sizes.push(request.pack?.kind === "complete" ? request.pack.byteLength : -1);
      return honest(request);
    };
    target.script.push(measured, measured);
    const result = await runBetween(source, target, { ...REPLICATE, limits });
    expect(source.fetches.map((each) => each.wants.length)).toEqual([4]);
    expect(sizes).toEqual([PACK.length, 32]);
    expect(result.execution.batch).toEqual({ enabled: true, planned: 2, done: 2 });
  });

  test("fetches again when the request with the pack was wholly refused, as its objects are gone then", async ({
    expect,
  }) => {
    const { source, target } = between(four, {});
    target.script.push(async (request) => {
      if (request.pack !== undefined) await drain(request.pack.chunks);
      return report(request, "pre-receive hook declined");
    });
    const result = await runBetween(source, target, replicate({ bestEffort: true }, { limits }));
    expect(outcomes(result)).toEqual([
      "a: warn refused hook-declined",
      "b: warn refused hook-declined",
      "c: create applied create",
      "d: create applied create",
    ]);
    expect(source.fetches.map((each) => each.wants)).toEqual([
      [id(1), id(2), id(3), id(4)],
      [id(3), id(4)],
    ]);
  });

  test("also when somebody else had made one of its refs right", async ({ expect }) => {
    const { source, target } = between(four, {});
    target.script.push(async (request) => {
      target.refs.set(ref("a"), id(1));
      return report(request, "pre-receive hook declined");
    });
    await runBetween(source, target, replicate({ bestEffort: true }, { limits }));
    expect(source.fetches).toHaveLength(2);
  });

  test("keeps the pack when one of its refs was taken", async ({ expect }) => {
    const { source, target } = between(four, {});
    target.script.push(async (request, honest) => {
      const answer = await honest({ ...request, commands: request.commands.slice(0, 1) });
      return (
        answer && {
          ...answer,
          commands: [...answer.commands, { type: "ng", ref: ref("b"), reason: "hook declined" }],
        }
      );
    });
    await runBetween(source, target, replicate({ bestEffort: true }, { limits }));
    expect(source.fetches).toHaveLength(1);
  });

  test("stops when one breaks, and says which refs were not reached", async ({ expect }) => {
    const { source, target } = between(four, {});
    target.script.push(
      async (request, honest) => honest(request),
      async () => {
        throw broken("REMOTE_TIMEOUT");
      },
    );
    const failure = await failureOf(
      runBetween(source, target, replicate({ bestEffort: true }, { limits: { maxRefUpdates: 1 } })),
    );
    expect(outcomes(failure.result)).toEqual([
      "a: create applied create",
      "b: create not-attempted not-attempted",
      "c: create not-attempted not-attempted",
      "d: create not-attempted not-attempted",
    ]);
  });
});

describe.concurrent("sync() with a target that cannot unpack", () => {
  test("asks once more for a pack that stands alone", async ({ expect }) => {
    const { source, target } = between({ main: 1 }, { main: 8 });
    target.script.push(async (request) => report(request, "unpacker error", "index-pack abnormal exit"));
    const events: SyncEvent[] = [];
    expect((await runBetween(source, target, { ...REPLICATE, events })).counts.applied).toBe(1);
    expect(source.fetches.map((each) => each.thin)).toEqual([true, false]);
    expect(events.filter((event) => event.type === "retry")).toHaveLength(1);
  });

  test("does not when the objects are the cause, or the pack stood alone", async ({ expect }) => {
    for (const [words, target8] of [
      ["index-pack abnormal exit (fatal: fsck error in packed object)", true],
      ["index-pack abnormal exit", false],
    ] as const) {
      const { source, target } = between({ main: 1 }, target8 ? { main: 8 } : {});
      target.script.push(async (request) => report(request, "unpacker error", words));
      const failure = await failureOf(runBetween(source, target, REPLICATE));
      expect(failure.code).toBe("REFS_REFUSED");
      expect(source.fetches).toHaveLength(1);
    }
  });

  test("goes on in parts when the size is the cause", async ({ expect }) => {
    const { source, target } = between({ main: 1, dev: 2 }, { main: 8 });
    target.script.push(async (request) =>
      report(
        request,
        "unpacker error",
        "index-pack abnormal exit (fatal: pack exceeds maximum allowed size)",
      ),
    );
    const result = await runBetween(source, target, REPLICATE);
    expect(result.execution).toMatchObject({ transferMode: "batched", reason: "limit-met", converged: true });
    expect(source.fetches.map((each) => each.filter)).toEqual([
      undefined,
      { type: "tree", depth: 0 },
      undefined,
    ]);
  });
});

describe("sync() that downloaded a pack to plan", () => {
  test("sends it once, and asks the source again for another attempt", async () => {
    const { source, target } = between({ main: 2 }, { main: 1 });
    source.canFilter = false;
    // As a transport does: what was written is freed.
    target.script.push(async ({ pack }) => {
      if (pack?.kind !== "stream") return expect.unreachable("the pack is not streamed");
      for await (const { buffer } of pack.chunks) if (buffer instanceof ArrayBuffer) releaseBuffer(buffer);
      throw new SyncError("LENGTH_REQUIRED", "the target demands a length");
    });
    const result = await runBetween(source, target, {
      policy: { force: true },
      limits: { memoryBytes: 1 },
      spool: new SpoolFolder({ directory: tmpdir(), maxBytes: 1 << 20, isAlwaysUsed: false }),
    });
    expect(outcomes(result)).toEqual(["main: update applied forced"]);
    expect([source.fetches.length, target.pushes.length]).toEqual([2, 2]);
  });
});

describe.concurrent("sync() that archives", () => {
  const archive = replicate({ destructive: "archive", prune: true });
  const setUp = (): ReturnType<typeof between> => {
    const sides = between(
      { main: 1 },
      { main: 8, old: 9, "refs/gitsync/archive/20200101T000000Z/heads/x": 5 },
    );
    // Whether the overwritten tip can be reached from the new one is asked; here the answer is: not proven.
    sides.source.script.push(async function* () {
      yield PACK.slice();
    });
    sides.target.headName = ref("main");
    return sides;
  };

  test("makes old tips safe first and removes those that are too old last", async ({ expect }) => {
    const { source, target } = setUp();
    await runBetween(source, target, archive);
    expect(target.pushes.map((commands) => commands.map((each) => each.type))).toEqual([
      ["create", "create"],
      ["update", "delete"],
      ["delete"],
    ]);
    const kept = [...target.refs].filter(([name]) => name.startsWith("refs/gitsync/archive/"));
    expect(kept.map(([name, value]) => [name.replace(/\d{8}T\d{6}Z/u, "T"), value])).toEqual([
      ["refs/gitsync/archive/T/heads/main", id(8)],
      ["refs/gitsync/archive/T/heads/old", id(9)],
    ]);
  });

  test("overwrites nothing when the target refuses one archive ref, or the push of them breaks", async ({
    expect,
  }) => {
    for (const code of ["PUSH_REFUSED", "REMOTE_TIMEOUT"]) {
      const { source, target } = setUp();
      const before = new Map(target.refs);
      target.script.push(async (request) => {
        if (code === "REMOTE_TIMEOUT") throw broken("REMOTE_TIMEOUT");
        return {
          unpack: { ok: true },
          commands: request.commands.map(({ ref: name }, index) =>
            index === 0
              ? { type: "ok", ref: name, options: {} }
              : { type: "ng", ref: name, reason: "deny updating a hidden ref" },
          ),
        };
      });
      const failure = await failureOf(runBetween(source, target, archive));
      expect(failure.code).toBe(code);
      expect(target.refs).toEqual(before);
      expect(outcomes(failure.result)).toEqual([
        "main: update not-attempted not-attempted",
        "old: delete not-attempted not-attempted",
      ]);
    }
  });

  test("minds nothing when old archives cannot be removed", async ({ expect }) => {
    const { source, target } = setUp();
    target.script.push(
      async (request, honest) => honest(request),
      async (request, honest) => honest(request),
      async () => {
        throw broken("REMOTE_TIMEOUT");
      },
    );
    expect((await runBetween(source, target, archive)).execution.converged).toBe(true);
  });

  test("leaves old archives where the target takes no deletes", async ({ expect }) => {
    const { source, target } = setUp();
    target.capabilities = ["report-status"];
    await runBetween(source, target, replicate({ destructive: "archive" }));
    expect(target.pushes.flat().map((each) => each.type)).toEqual(["create", "update"]);
  });
});

describe("sync() that is cancelled", () => {
  /** Hangs until its signal ends it. */
  const hang = (signal: AbortSignal): Promise<never> =>
    new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () =>
        reject(signal.reason instanceof Error ? signal.reason : new Error("aborted")),
      );
    });

  test("while the target says nothing: unknown, and both sides are closed", async () => {
    const { source, target } = between({ main: 1 }, {});
    const controller = new AbortController();
    target.script.push(async (request, _honest, signal) => {
      if (request.pack !== undefined) await drain(request.pack.chunks);
      queueMicrotask(() => controller.abort(new Error("enough")));
      return hang(signal);
    });
    const run = runBetween(source, target, {
      ...REPLICATE,
      signal: controller.signal,
      limits: { memoryBytes: 1 },
    });
    const outcome: unknown = await run.catch((error: unknown) => error);
    expect(isSyncError(outcome) && outcomes(outcome.result)).toEqual([
      "main: create unknown outcome-unknown",
    ]);
    expect([source.open, target.pushes.length]).toEqual([0, 1]);
  });

  test("while the source says nothing: nothing was sent", async () => {
    const { source, target } = between({ main: 1 }, {});
    const controller = new AbortController();
    source.script.push(async function* (_request, signal) {
      queueMicrotask(() => controller.abort(new Error("enough")));
      yield await hang(signal);
    });
    const run = runBetween(source, target, { ...REPLICATE, signal: controller.signal });
    const outcome: unknown = await run.catch((error: unknown) => error);
    expect(isSyncError(outcome) && outcomes(outcome.result)).toEqual([
      "main: create not-attempted not-attempted",
    ]);
    expect([source.open, target.pushes.length]).toEqual([0, 0]);
  });
});

test("sync() does not wait for a silent source when the target is gone", async () => {
  const { source, target } = between({ main: 1 }, {});
  source.script.push(async function* (_request, signal) {
    yield PACK.slice(0, 12);
    // A chunk leaves when the trailer cannot be in it.
    yield PACK.slice(12, 32);
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    throw new Error("aborted");
  });
  target.script.push(async (request) => {
    const chunks =
      request.pack?.kind === "stream" ? request.pack.chunks[Symbol.asyncIterator]() : expect.unreachable();
    await chunks.next();
    // Somebody waits for the next chunk when the connection breaks.
    chunks.next().catch(() => {});
    throw broken("REMOTE_TIMEOUT");
  });
  const failure = await failureOf(runBetween(source, target, { ...REPLICATE, limits: { memoryBytes: 1 } }));
  expect(failure.code).toBe("REMOTE_TIMEOUT");
  expect(source.open).toBe(0);
});
