import { describe, expect, test } from "vitest";
import { SyncError } from "../errors.ts";
import { AMID_ANSWER } from "../remote/connection-failure.ts";
import { ref } from "../testing/values.ts";
import { nextAttempt, NO_ATTEMPTS, type CarriedPack, type NextAttempt } from "./next-attempt.ts";
import type { RefVerdict } from "./outcome.ts";
import type { PushOutcome } from "./push.ts";

const REFUSED: RefVerdict = { outcome: "refused", code: "refused-unknown", reason: "no" };
const MIB = 1024 * 1024;

function outcomeOf(changes: Partial<PushOutcome> & { readonly verdict?: RefVerdict } = {}): PushOutcome {
  const { verdict = REFUSED, ...rest } = changes;
  const verdicts = new Map([[ref("main"), verdict]]);
  return { verdicts, unpackFailed: false, error: undefined, packKept: false, ...rest };
}

function packOf(changes: Partial<CarriedPack> = {}): CarriedPack {
  const facts = { objects: 100, bytes: 40 * MIB, sourceWasSlow: false };
  return { mode: "stream", isThin: false, facts, sentBytes: 20 * MIB, ...changes };
}

const failed = (code: ConstructorParameters<typeof SyncError>[0], details = {}): SyncError =>
  new SyncError(code, code, details);
const reset = failed("REMOTE_UNREACHABLE");
const next = (
  outcome: PushOutcome,
  pack: CarriedPack | undefined,
  attempts = NO_ATTEMPTS,
  maySpool = true,
): NextAttempt => nextAttempt(outcome, pack, attempts, maySpool);

describe("nextAttempt()", () => {
  test("settles what was applied or refused for a reason", () => {
    expect(next(outcomeOf({ verdict: { outcome: "applied" }, error: reset }), packOf()).type).toBe("settled");
    expect(next(outcomeOf(), packOf()).type).toBe("settled");
    const denied = outcomeOf({ error: failed("AUTH_DENIED") });
    expect(next(denied, packOf({ mode: "memory" })).type).toBe("settled");
  });

  test("streams a pack once more when the target no longer took the credentials", () => {
    const denied = outcomeOf({ error: failed("AUTH_DENIED", { status: 401 }) });
    const again = next(denied, packOf());
    expect(again.type).toBe("same");
    expect(next(denied, packOf(), again.type === "same" ? again.attempts : NO_ATTEMPTS).type).toBe("settled");
    expect(next(denied, packOf({ mode: "spool" })).type, "the transport did that").toBe("settled");
    const forbidden = outcomeOf({ error: failed("AUTH_DENIED", { status: 403 }) });
    expect(next(forbidden, packOf()).type).toBe("settled");
  });

  test("takes a small push for too large only when the target had begun to answer, twice", () => {
    const facts = { objects: 9, bytes: 50_000, sourceWasSlow: false };
    const pack = packOf({ mode: "memory", facts, sentBytes: 50_000 });
    const amidAnswer = failed("REMOTE_UNREACHABLE", { phase: AMID_ANSWER });
    for (const [error, expected] of [
      [reset, "settled"],
      [amidAnswer, "too-large"],
    ] as const) {
      const again = next(outcomeOf({ error }), pack);
      expect(again.type).toBe("same");
      const attempts = again.type === "same" ? again.attempts : NO_ATTEMPTS;
      expect(next(outcomeOf({ error }), pack, attempts).type).toBe(expected);
    }
  });

  test("never repeats a push of which somebody may have seen a part", () => {
    const verdicts = new Map<ReturnType<typeof ref>, RefVerdict>([
      [ref("main"), { outcome: "applied" }],
      [ref("dev"), REFUSED],
    ]);
    for (const mode of ["memory", "stream", "spool"] as const) {
      expect(next(outcomeOf({ verdicts, error: reset }), packOf({ mode })).type).toBe("settled");
    }
    const unknown: RefVerdict = { outcome: "unknown", reason: "" };
    expect(next(outcomeOf({ verdict: unknown, error: reset }), packOf({ mode: "memory" })).type).toBe(
      "settled",
    );
  });

  test("sends a whole pack once where a thin one cannot be completed", () => {
    const refused = outcomeOf({ unpackFailed: true });
    expect(next(refused, packOf({ isThin: true })).type).toBe("whole-pack");
    expect(next(refused, packOf({ mode: "memory", facts: { ...packOf().facts, bytes: 900 } })).type).toBe(
      "settled",
    );
  });

  test("spools for a target that demands a length, where a spool may be used", () => {
    const demanding = outcomeOf({ error: failed("LENGTH_REQUIRED", { status: 411 }) });
    expect(next(demanding, packOf()).type).toBe("spooled");
    expect(next(demanding, packOf(), NO_ATTEMPTS, false).type).toBe("settled");
    expect(next(demanding, packOf({ mode: "spool" })).type, "no second time").toBe("settled");
  });

  test("spools for a target that lost patience with a slow source, and takes it for size otherwise", () => {
    for (const status of [408, 504]) {
      const late = outcomeOf({ error: failed("REMOTE_TIMEOUT", { status }) });
      const slow = packOf({ facts: { ...packOf().facts, sourceWasSlow: true } });
      expect(next(late, slow).type).toBe("spooled");
      expect(next(late, slow, NO_ATTEMPTS, false).type).toBe("too-large");
      expect(next(late, packOf())).toMatchObject({ type: "too-large", evidence: { kind: "deadline" } });
      expect(next(late, packOf({ mode: "spool" })).type).toBe("too-large");
    }
    const silence = outcomeOf({ error: failed("REMOTE_TIMEOUT") });
    expect(next(silence, packOf()).type, "our own patience is no word of the target's").toBe("settled");
  });

  test("believes at once what the target says of the size", () => {
    const told = outcomeOf({ error: failed("PACK_TOO_LARGE", { status: 413 }) });
    expect(next(told, packOf())).toMatchObject({
      type: "too-large",
      evidence: { kind: "refused", bytes: 20 * MIB, isStreamed: true },
    });
    const reason =
      "unpacker error: index-pack abnormal exit (fatal: pack exceeds maximum allowed size (30.00 MiB))";
    const verdict: RefVerdict = { outcome: "refused", code: "pack-too-large", reason };
    const spoken = next(outcomeOf({ verdict, unpackFailed: true }), packOf({ mode: "spool" }));
    expect(spoken).toMatchObject({ evidence: { kind: "refused", bytes: 40 * MIB, isStreamed: false } });
    expect(spoken.type === "too-large" && spoken.evidence.announcedBytes).toBeCloseTo(30 * MIB * 0.995, -2);
  });

  test("takes one cut for bad luck and the second at the same place for a limit", () => {
    for (const error of [reset, failed("REMOTE_UNAVAILABLE", { status: 502 })]) {
      const first = next(outcomeOf({ error }), packOf());
      if (first.type !== "same") return expect.unreachable(first.type);
      expect(first.attempts).toMatchObject({ replays: 1, brokenAt: 20 * MIB });
      const again = (sentBytes: number): NextAttempt =>
        next(outcomeOf({ error }), packOf({ sentBytes }), first.attempts);
      expect(again(21 * MIB)).toMatchObject({ type: "too-large", evidence: { kind: "suspected" } });
      expect(again(35 * MIB).type, "somewhere else").toBe("settled");
    }
  });

  test("suspects no size where little was sent, or the server says that it is down", () => {
    expect(next(outcomeOf({ error: reset }), packOf({ sentBytes: 1_000 })).type).toBe("settled");
    const down = outcomeOf({ error: failed("REMOTE_UNAVAILABLE", { status: 503 }) });
    expect(next(down, packOf()).type).toBe("settled");
  });

  test("sends a pack that is whole once more after a cut, and one without a pack, too", () => {
    const small = packOf({ mode: "memory", facts: { objects: 1, bytes: 900, sourceWasSlow: false } });
    for (const pack of [small, undefined]) {
      const first = next(outcomeOf({ error: reset }), pack);
      if (first.type !== "same") return expect.unreachable(first.type);
      expect(next(outcomeOf({ error: reset }), pack, first.attempts).type).toBe("settled");
    }
  });

  test("waits for no ref that can not be made beside another one", () => {
    const reason = "failed to update ref (cannot lock ref 'a/b': 'a' exists; cannot create 'a/b')";
    const stuck = outcomeOf({ verdict: { outcome: "refused", code: "directory-file-conflict", reason } });
    expect(next(stuck, undefined).type).toBe("settled");
  });

  test.for([
    "failed to update ref",
    "cannot lock ref 'refs/heads/main': Unable to create 'x.lock': File exists.",
  ])("waits for a ref that is busy, ever longer, and not for ever: %s", (reason) => {
    const busy = outcomeOf({ verdict: { outcome: "refused", code: "refused-unknown", reason } });
    const delays: number[] = [];
    let attempts = NO_ATTEMPTS;
    for (;;) {
      const step = next(busy, undefined, attempts);
      if (step.type !== "later") {
        expect(step.type).toBe("settled");
        break;
      }
      delays.push(step.delayMs);
      ({ attempts } = step);
    }
    expect(delays).toEqual(delays.toSorted((a, b) => a - b));
    expect(delays.reduce((sum, delay) => sum + delay, 0)).toBeGreaterThan(2_000);
    expect(delays.length).toBeLessThan(10);
  });
});
