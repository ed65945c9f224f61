import { createProducer, type Producer } from "@gitsync/producer";
import { createSilentLogger } from "@gitsync/runtime";
import { afterEach, beforeEach, expect, test } from "vitest";
import { describeWith } from "../support/requirements.ts";
import { BACKENDS, type BackendKind } from "./support/backends.ts";
import { stateOfSuite } from "./support/suite-store.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const ENDS = { source: { url: "https://source.test/a.git" }, target: { url: "https://target.test/a.git" } };

for (const kind of BACKENDS)
  describeWith([kind.needs], `producer.schedule on ${kind.name}`, () => schedules(kind));

function schedules(kind: BackendKind): void {
  const on = stateOfSuite(kind);
  let producer: Producer;
  beforeEach(async () => {
    producer = await createProducer({
      store: on.backend.store,
      routes: on.routes,
      logger: createSilentLogger(),
    });
  });
  afterEach(() => producer.close());

  const runOf = async (route: string) => {
    const status = await producer.route(route);
    return await on.start(status?.definition ?? expect.fail(`no route ${route}`));
  };

  test("looks now, and again whenever it is due, for months", async () => {
    const { route, queued } = await producer.schedule({ ...ENDS, every: HOUR });
    expect(queued).toBe(true);
    await on.finish(await runOf(route), { nextDueAt: on.time + HOUR });
    for (let n = 0; n < 3; n += 1) {
      expect(await on.routes.takeWaking(10)).toEqual([]);
      on.time += 2 * HOUR;
      expect(await on.routes.takeWaking(10)).toMatchObject([{ id: route, every: HOUR, dirty: false }]);
      await producer.enqueueRoute(route, { trigger: "schedule" });
      await on.finish(await runOf(route), { nextDueAt: on.time + HOUR });
    }
  });

  test("is not taken for a part of the configuration", async () => {
    const { route } = await producer.schedule({ ...ENDS, every: "auto" });
    expect([...(await on.routes.configured()).keys()]).toEqual([]);
    // A worker that is configured for nothing runs it.
    const status = await producer.route(route);
    const next = await on.routes.startRun(status?.definition.targetKey ?? expect.fail(), {
      runId: "r",
      workerId: "w",
      attempt: 1,
      skip: [],
    });
    expect(next).toMatchObject({ type: "run", route: { id: route, every: "auto" } });
  });

  test("of the same two again replaces the interval; asking once is another route", async () => {
    const first = await producer.schedule({ ...ENDS, every: HOUR });
    const again = await producer.schedule({ ...ENDS, every: 60 * DAY });
    expect(again.route).toBe(first.route);
    const once = await producer.enqueueSync(ENDS);
    expect(once.route).not.toBe(first.route);
    const status = await producer.route(first.route);
    expect(status?.definition).toMatchObject({ every: 60 * DAY, keepMs: 120 * DAY });
  });

  test("ends when it is told to", async () => {
    const { route } = await producer.schedule({ ...ENDS, every: HOUR });
    await on.finish(await runOf(route), { nextDueAt: on.time + HOUR });
    await producer.unschedule(route);
    on.time += DAY;
    expect(await on.routes.takeWaking(10)).toEqual([]);
    expect(await producer.route(route)).toBeUndefined();
    await expect(producer.unschedule(route)).rejects.toMatchObject({ code: "ROUTE_NOT_FOUND" });
    const { route: once } = await producer.enqueueSync(ENDS);
    await expect(producer.unschedule(once)).rejects.toMatchObject({ code: "ROUTE_NOT_FOUND" });
  });

  test.for([0, 999, 1.5, Number.NaN, -HOUR])("takes no interval of %d", async (every) => {
    await expect(producer.schedule({ ...ENDS, every })).rejects.toMatchObject({
      code: "REQUEST_INVALID",
      details: { field: "every" },
    });
  });
}
