/** A secret that was rotated gives the routes that were refused with the old one another chance at once. */

import { createHttpClient } from "@gitsync/engine";
import type { QuarantinedRef, RouteDefinition } from "@gitsync/jobs";
import { Lanes, newId } from "@gitsync/producer";
import { createSilentLogger, SecretRegistry, type CredentialConfig } from "@gitsync/runtime";
import { createFleetCredentials, RotationWatch, type FleetCredentials } from "@gitsync/worker";
import { writeFile } from "node:fs/promises";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { describeWith } from "../support/requirements.ts";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.ts";
import { BACKENDS, type BackendKind } from "./support/backends.ts";
import { someRoute } from "./support/routes.ts";
import { LANE, stateOfSuite } from "./support/suite-store.ts";

const DAY = 24 * 3_600_000;
const DENIED = {
  condition: "failing",
  failures: "count",
  jobState: "failed",
  waitMs: DAY,
} as const;

for (const kind of BACKENDS)
  describeWith([kind.needs], `a rotated secret on ${kind.name}`, () => describeRotation(kind));

function describeRotation(kind: BackendKind): void {
  const on = stateOfSuite(kind);
  const http = createHttpClient({ egress: { addresses: "any" } });
  let folder: TemporaryFolder;
  let credentials: FleetCredentials;
  beforeAll(() => {
    folder = temporaryFolder("rotated");
    const configured = new Map<string, CredentialConfig>(
      ["bot", "other"].map((id) => [
        id,
        {
          id,
          type: "basic",
          origins: ["https://target.test"],
          username: "git",
          token: { type: "file", path: folder.join(id) },
        },
      ]),
    );
    credentials = createFleetCredentials({
      credentials: () => configured,
      env: {},
      secrets: new SecretRegistry(),
      http,
    });
  });
  afterAll(async () => {
    await Promise.all([credentials.close(), http.close(), folder[Symbol.asyncDispose]()]);
  });
  beforeEach(async () => {
    await rotate("bot", "canary-first");
    await rotate("other", "canary-other");
  });

  const rotate = (id: string, secret: string): Promise<void> => writeFile(folder.join(id), `${secret}\n`);

  /** What one process sees. */
  function watch(): { turn(): Promise<void> } {
    const { store } = on.backend;
    const logger = createSilentLogger();
    const way = { store, routes: on.routes, lanes: new Lanes(store), logger };
    const rotation = new RotationWatch({ way, fleet: on.fleet, credentials, logger });
    return {
      turn: async () => {
        await rotation.turn(["bot", "other"]);
        await way.lanes.close();
      },
    };
  }

  async function refused(facts: Partial<RouteDefinition>, quarantine?: readonly QuarantinedRef[]) {
    const route = someRoute(facts);
    await on.routes.put(route);
    await on.routes.hint(route.id, { jobId: newId(), lane: LANE, trigger: "webhook" });
    const run = await on.start(route);
    if (quarantine === undefined) await on.finish(run, DENIED, { outcome: "permanent" });
    else await on.finish(run, { condition: "degraded", quarantine }, { outcome: "degraded" });
    return route;
  }

  const isTriedAgain = async (route: RouteDefinition): Promise<boolean> => {
    const next = await on.routes.startRun(route.targetKey, {
      runId: newId(),
      workerId: "w",
      attempt: 1,
      skip: [],
    });
    return next.type === "run" && next.quarantine.length === 0;
  };

  test("starts what was denied with it, in either role, and nothing else", async () => {
    await watch().turn();
    const pushed = await refused({ targetCredential: "bot" });
    const read = await refused({ sourceCredential: "bot" });
    const strange = await refused({ targetCredential: "other" });
    await watch().turn();
    expect(await isTriedAgain(pushed)).toBe(false);
    await rotate("bot", "canary-second");
    await watch().turn();
    expect(await isTriedAgain(pushed)).toBe(true);
    expect(await isTriedAgain(read)).toBe(true);
    expect(await isTriedAgain(strange)).toBe(false);
  });

  test("ends the quarantine of refs", async () => {
    await watch().turn();
    const ref = { targetRef: "refs/heads/main", sourceHash: "a".repeat(40), code: "protected", reason: "no" };
    const route = await refused({ targetCredential: "bot" }, [
      { ...ref, since: on.time, until: on.time + DAY },
    ]);
    await rotate("bot", "canary-second");
    await watch().turn();
    expect(await on.routes.route(route.id)).toMatchObject({ quarantine: [] });
    expect(await isTriedAgain(route)).toBe(true);
  });

  test("is seen once, by one process or the next", async () => {
    const one = watch();
    await one.turn();
    await rotate("bot", "canary-second");
    await one.turn();
    const route = await refused({ targetCredential: "bot" });
    await one.turn();
    await watch().turn();
    expect(await isTriedAgain(route)).toBe(false);
  });

  test("that cannot be read now is seen when it can", async () => {
    await watch().turn();
    const route = await refused({ targetCredential: "bot" });
    await rotate("bot", "");
    await watch().turn();
    expect(await isTriedAgain(route)).toBe(false);
    await rotate("bot", "canary-second");
    await watch().turn();
    expect(await isTriedAgain(route)).toBe(true);
  });

  test("is nowhere in the store, and the same secret has another mark each time", async () => {
    await watch().turn();
    const before = await on.fleet.secretMarks();
    await on.backend.reset();
    await watch().turn();
    const after = await on.fleet.secretMarks();
    expect([...before.keys()].toSorted()).toEqual(["bot", "other"]);
    expect(after.get("bot")).not.toBe(before.get("bot"));
    expect(JSON.stringify([...before, ...after])).not.toContain("canary");
  });
}
