import { describe, expect, test, vi } from "vitest";
import type { AuthChallenge, AuthProvider, EndpointAuth } from "../auth.ts";
import { Credentials } from "./credentials.ts";

const HOME = "https://a.example";
const OTHER = "https://b.example";
const LIVE = new AbortController().signal;

interface Recorded extends AuthProvider {
  readonly asked: (AuthChallenge | undefined)[];
  readonly verdicts: string[];
}

/** Gives one answer after the other, the last one for ever. */
function provider(...answers: readonly EndpointAuth[]): Recorded {
  const asked: (AuthChallenge | undefined)[] = [];
  const verdicts: string[] = [];
  return {
    asked,
    verdicts,
    authFor: (_endpoint, _role, _signal, challenge) => {
      asked.push(challenge);
      return Promise.resolve(answers[Math.min(asked.length, answers.length) - 1] ?? {});
    },
    settled: (_endpoint, _role, auth, verdict) => {
      verdicts.push(`${auth.token} ${verdict}`);
      return Promise.resolve();
    },
  };
}

function credentials(from: AuthProvider): Credentials {
  return new Credentials(from, { url: `${HOME}/x` }, "source", HOME);
}

function refusal(origin: string, refused?: EndpointAuth): AuthChallenge {
  return { origin, refused, challenges: [] };
}

describe("Credentials", () => {
  test("are asked for once and go to the endpoint's own origin only", async () => {
    const from = provider({ token: "t", skipTlsVerify: true });
    const own = credentials(from);
    expect(await own.current(HOME, LIVE)).toMatchObject({ token: "t" });
    expect(await own.current(OTHER, LIVE)).toEqual({});
    expect(await own.current(HOME, LIVE)).toMatchObject({ token: "t" });
    expect(from.asked).toEqual([undefined]);
  });

  test("that name origins go to just those", async () => {
    const both = credentials(provider({ token: "t", origins: [HOME, OTHER] }));
    expect(await both.current(OTHER, LIVE)).toMatchObject({ token: "t" });
    expect(await both.current(HOME, LIVE)).toMatchObject({ token: "t" });
    const elsewhere = credentials(provider({ token: "t", origins: [OTHER] }));
    expect(await elsewhere.current(HOME, LIVE)).toEqual({});
    expect(await elsewhere.current(OTHER, LIVE)).toMatchObject({ token: "t" });
    expect(await elsewhere.current("https://b.example.evil", LIVE)).toEqual({});
  });

  test("given for another origin that asked are not sent home", async () => {
    const own = credentials(provider({}, { token: "t", origins: [OTHER] }));
    expect(await own.current(HOME, LIVE)).toEqual({});
    expect(await own.renew(refusal(OTHER), LIVE)).toBe(true);
    expect(await own.current(OTHER, LIVE)).toMatchObject({ token: "t" });
    expect(await own.current(HOME, LIVE)).toEqual({});
  });

  test("given without origins are no answer to another origin that asks", async () => {
    const own = credentials(provider({}, { token: "t" }));
    expect(await own.renew(refusal(OTHER), LIVE)).toBe(false);
    expect(await own.current(OTHER, LIVE)).toEqual({});
  });

  test.for([
    [{ token: "old" }, { token: "new" }, true],
    [{ token: "old" }, { username: "u", token: "old" }, true],
    [{ token: "old" }, { bearerToken: "old" }, true],
    [{ token: "old" }, { token: "old" }, false],
    [{ token: "old" }, {}, false],
    [{}, { username: "u" }, false],
    [{}, { token: "new" }, true],
  ] as const)("after a refusal of %j, %j is worth another try: %s", async ([before, after, expected]) => {
    const own = credentials(provider(before, after));
    await own.current(HOME, LIVE);
    expect(await own.renew(refusal(HOME, before), LIVE)).toBe(expected);
  });

  test("are asked for again shortly before they end", async () => {
    vi.useFakeTimers({ now: 1_000_000 });
    try {
      const from = provider({ token: "first", expiresAtMs: 1_000_000 + 3_600_000 }, { token: "second" });
      const own = credentials(from);
      await own.current(HOME, LIVE);
      vi.setSystemTime(1_000_000 + 3_539_000);
      expect((await own.current(HOME, LIVE)).token).toBe("first");
      vi.setSystemTime(1_000_000 + 3_541_000);
      expect((await own.current(HOME, LIVE)).token).toBe("second");
      expect(from.asked).toEqual([undefined, undefined]);
    } finally {
      vi.useRealTimers();
    }
  });

  test("have their fate told once, and only when there was a secret", async () => {
    const from = provider({ token: "t" });
    const own = credentials(from);
    const auth = await own.current(HOME, LIVE);
    await own.settle(auth, "accepted");
    await own.settle(auth, "accepted");
    await own.settle({}, "refused");
    await own.settle({ username: "u" }, "refused");
    expect(from.verdicts).toEqual(["t accepted"]);
  });

  test("survive a provider that fails to take the news", async () => {
    const own = credentials({
      authFor: () => Promise.resolve({ token: "t" }),
      settled: () => Promise.reject(new Error("no")),
    });
    await expect(own.settle(await own.current(HOME, LIVE), "accepted")).resolves.toBeUndefined();
  });
});
