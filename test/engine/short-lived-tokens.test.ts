/** Runs that take longer than their tokens last: each token is replaced before its end, and no request carries one that is over. */

import type { AuthChallenge, AuthProvider, EndpointRole, PushPace, SyncEvent } from "@gitsync/engine";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { startNodeGitServer, type HttpIntercept, type NodeGitServer } from "../support/git-server.ts";
import { noise } from "../support/noise.ts";
import { commit, createRepository, fsck, refsOf } from "../support/repository.ts";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.ts";
import { openClient } from "./open-client.ts";

const MINUTE_MS = 60_000;

/** The wall clock, which stands still between the steps that a test takes. */
function passMinutes(minutes: number): void {
  vi.setSystemTime(Date.now() + minutes * MINUTE_MS);
}

interface Issued {
  readonly role: EndpointRole;
  readonly token: string;
  readonly atMs: number;
  readonly expiresAtMs: number;
  readonly challenge: AuthChallenge | undefined;
}

/** Gives a new token whenever it is asked, as a forge's API does. */
function issuer(lastsMs: number): AuthProvider & { readonly issued: readonly Issued[] } {
  const issued: Issued[] = [];
  return {
    issued,
    authFor: (_endpoint, role, _signal, challenge) => {
      const token = `${role}-${issued.length}`;
      const expiresAtMs = Date.now() + lastsMs;
      issued.push({ role, token, atMs: Date.now(), expiresAtMs, challenge });
      return Promise.resolve({ username: "app", token, expiresAtMs });
    },
  };
}

/** What came with a token, and how long it still lasted then; none for a request that is refused. */
interface Taken {
  readonly token: string;
  readonly leftMs: number;
}

/** Takes no token that it does not know, of the other side, or that is over. */
function gatekeeper(issued: readonly Issued[], taken: Taken[]): HttpIntercept {
  return ({ path, headers }) => {
    const role = path.startsWith("/source.git/") ? "source" : "target";
    const [, sent = ""] = /^Basic (.*)$/u.exec(String(headers["authorization"])) ?? [];
    const token = Buffer.from(sent, "base64").toString("latin1").replace(/^app:/u, "");
    const known = issued.find((each) => each.token === token && each.role === role);
    const leftMs = known === undefined ? -1 : known.expiresAtMs - Date.now();
    taken.push({ token, leftMs });
    return leftMs > 0
      ? undefined
      : { type: "answer", status: 401, headers: { "www-authenticate": 'Basic realm="git"' } };
  };
}

interface Rig {
  readonly source: string;
  readonly target: string;
  readonly server: NodeGitServer;
}

/** Mirror eight commits in parts, with tokens that last so long. */
async function mirrorInParts(
  { server }: Rig,
  lastsMs: number,
  options: { readonly minutesPerPart: number; readonly pace?: PushPace },
) {
  const auth = issuer(lastsMs);
  const taken: Taken[] = [];
  let parts = 0;
  server.intercept(gatekeeper(auth.issued, taken));
  const client = openClient({ auth, limits: { targetMaxPackBytes: 60_000 } });
  const observer = ({ type }: SyncEvent): void => {
    if (type !== "batch") return;
    parts += 1;
    passMinutes(options.minutesPerPart);
  };
  const request = {
    source: { url: `${server.url}/source.git` },
    target: { url: `${server.url}/target.git` },
  };
  const { pace } = options;
  const result = await client.replicate(request, { observer, ...(pace && { pace }) });
  await client.close();
  await server.idle();
  return { result, taken, parts, issued: auth.issued };
}

describe("tokens that end before the run", () => {
  let folder: TemporaryFolder;
  let rig: Rig;
  beforeEach(async () => {
    folder = temporaryFolder("tokens");
    const source = await createRepository(folder.join("source.git"));
    const target = await createRepository(folder.join("target.git"));
    for (let n = 0; n < 8; n += 1)
      await commit(source, "refs/heads/main", { [`f${n}`]: noise(20_000, `${n}`) });
    rig = { source, target, server: await startNodeGitServer(folder.path) };
    // Time passes for tokens only: whatever waits, waits as always.
    vi.useFakeTimers({ toFake: ["Date"] });
  });
  afterEach(async () => {
    vi.useRealTimers();
    await rig.server[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  test("are replaced before they end, not sooner than needed, and none is sent that is over", async () => {
    const { result, taken, parts, issued } = await mirrorInParts(rig, 60 * MINUTE_MS, { minutesPerPart: 25 });
    expect(result.execution).toMatchObject({ transferMode: "batched", converged: true });
    expect(taken.filter(({ leftMs }) => leftMs <= 0)).toEqual([]);
    expect(rig.server.requests.filter(({ status }) => status === 401)).toEqual([]);
    for (const role of ["source", "target"] as const) {
      const own = issued.filter((each) => each.role === role);
      // Two parts fit into an hour.
      expect(own.length, role).toBe(1 + Math.floor(parts / 3));
      expect(own.length).toBeGreaterThan(2);
      for (const [index, { atMs, challenge }] of own.entries()) {
        const before = own[index - 1];
        expect(challenge, "asked for by us, not after a refusal").toBeUndefined();
        if (before !== undefined) expect(atMs).toBeGreaterThan(before.expiresAtMs - MINUTE_MS);
      }
    }
    expect(await refsOf(rig.target)).toEqual(await refsOf(rig.source));
    await fsck(rig.target);
  });

  test("and that last shorter than a request may take are asked for with each", async () => {
    const { result, taken, issued } = await mirrorInParts(rig, MINUTE_MS / 2, { minutesPerPart: 1 });
    expect(result.execution.converged).toBe(true);
    expect(taken.filter(({ leftMs }) => leftMs <= 0)).toEqual([]);
    expect(issued.map(({ token }) => token).toSorted()).toEqual(taken.map(({ token }) => token).toSorted());
    expect(await refsOf(rig.target)).toEqual(await refsOf(rig.source));
  });

  test("are replaced after a wait for the target's leave to push", async () => {
    const pace: PushPace = {
      ready: () => Promise.resolve(),
      enter: () => Promise.resolve(passMinutes(70)),
    };
    const { result, taken } = await mirrorInParts(rig, 60 * MINUTE_MS, { minutesPerPart: 0, pace });
    expect(result.execution.converged).toBe(true);
    expect(taken.filter(({ leftMs }) => leftMs <= 0)).toEqual([]);
    expect(await refsOf(rig.target)).toEqual(await refsOf(rig.source));
  });
});
