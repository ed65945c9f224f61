/** That the oracle of the fleet's fault tests sees what they are there for. */

import { expect, test } from "vitest";
import { commit, refsOf } from "../support/repository.ts";
import { git } from "../support/git.ts";
import { describeWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { BACKENDS } from "./support/backends.ts";
import { startFleet } from "./support/fleet.ts";
import { makePairs, type MirroredPair } from "./support/mirrored-pairs.ts";
import { faultsOf, runsInLog } from "./support/oracle.ts";
import { scriptedClient } from "./support/scripted-client.ts";

const target = "target.test/a";
const run = (startedAt: number, endedAt: number, lostLock = false) => ({
  target,
  startedAt,
  endedAt,
  lostLock,
});

describeWith(["git", "redis"], "the oracle", () => {
  async function fetched({ source, target: to }: MirroredPair): Promise<void> {
    await git(["fetch", "--quiet", source, "+refs/heads/*:refs/heads/*"], { cwd: to });
  }

  test("sees refs that took a value twice, out of order, or that their source never was", async () => {
    await using folder = temporaryFolder("oracle");
    const [good, behind, strange, back, twice] = await makePairs(folder.path, 5);
    if (!good || !behind || !strange || !back || !twice) throw new Error("five pairs");
    for (const pair of [good, back, twice]) await fetched(pair);
    await commit(strange.target, "refs/heads/main", { "other.txt": "1" });
    const before = (await refsOf(back.source)).get("refs/heads/main") ?? "";
    await commit(back.source, "refs/heads/main", { "file.txt": "1" });
    await fetched(back);
    await git(["update-ref", "refs/heads/main", before], { cwd: back.target });
    await fetched(back);
    await git(["update-ref", "--no-deref", "refs/heads/main", before], { cwd: twice.target });
    expect(await faultsOf({ pairs: [good] })).toEqual([]);
    expect(await faultsOf({ pairs: [behind] })).toEqual(["m1/t: its target does not equal its source"]);
    expect(await faultsOf({ pairs: [strange] })).toEqual([
      expect.stringMatching(/^m2\/t: refs\/heads\/main became .* which its source never was$/u),
      "m2/t: its target does not equal its source",
    ]);
    expect(await faultsOf({ pairs: [back] })).toEqual([
      expect.stringMatching(/^m3\/t: refs\/heads\/main became .* again, after the source had moved on$/u),
    ]);
    expect(await faultsOf({ pairs: [twice] })).toEqual([
      expect.stringMatching(/^m4\/t: refs\/heads\/main was made [0-9a-f]+ twice$/u),
    ]);
  });

  test("sees a hint that was taken to be answered before a run had started after it", async () => {
    const hint = (requestedAt: number, coalesced = false) => ({ route: "a", requestedAt, coalesced });
    const answer = (startedAt: number, endedAt: number) => ({ route: "a", startedAt, endedAt });
    const forgotten = (at: number) => `a: its hint of ${at} was forgotten`;
    const during = [hint(1), hint(5, true)];
    expect(await faultsOf({ hints: during, answers: [answer(2, 8), answer(9, 10)] })).toEqual([]);
    expect(await faultsOf({ hints: during, answers: [answer(2, 8)] })).toEqual([forgotten(5)]);
    // The next hint found the route clean: what answers that one comes too late for the one before.
    const late = [answer(2, 8), answer(21, 22)];
    expect(await faultsOf({ hints: [...during, hint(20)], answers: late })).toEqual([forgotten(5)]);
    expect(await faultsOf({ hints: [...during, hint(20, true)], answers: late })).toEqual([]);
    expect(await faultsOf({ hints: during, answers: [{ ...answer(9, 10), route: "b" }] })).toHaveLength(2);
  });

  test("sees two runs of a target at once, and excuses only the one that lost its lock, for a while", async () => {
    expect(await faultsOf({ runs: [run(0, 10), run(10, 20), { ...run(5, 15), target: "b" }] })).toEqual([]);
    expect(await faultsOf({ runs: [run(10, 20), run(0, 12)] })).toEqual([
      "target.test/a: two runs at once, for 2 ms",
    ]);
    expect(await faultsOf({ runs: [run(0, 100), run(1, 2), run(50, 60)] })).toHaveLength(2);
    expect(await faultsOf({ runs: [run(0, 12, true), run(10, 20)] })).toEqual([]);
    expect(await faultsOf({ runs: [run(0, 30_000, true), run(10, 20_000)] })).toHaveLength(1);
  });

  test("sees a hint that nobody answered, and a route that is gone", async () => {
    await using backend = await BACKENDS[0]?.open();
    if (backend === undefined) throw new Error("no store");
    await using fleet = await startFleet(backend);
    const route = await fleet.route();
    const hint = await fleet.hint(route);
    const { producer } = fleet;
    expect(await faultsOf({ producer, routes: [route.id, "gone/t"], patienceMs: 200 })).toEqual([
      `${route.id}: its last hint was not answered`,
      "gone/t: it is not in the state any more",
    ]);
    await fleet.work({ client: scriptedClient() });
    await fleet.answer(hint);
    expect(await fleet.faults()).toEqual([]);
  });

  test("reads runs from the log of a worker", () => {
    const report = { started_at: 1, finished_at: 2 };
    const line = { target, superseded: true, report, msg: "Sync run finished" };
    expect(runsInLog(`not JSON\n${JSON.stringify(line)}\n{"msg":"else"}\n`)).toEqual([run(1, 2, true)]);
  });

  test("sees a secret in every encoding", async () => {
    const secrets = ["pass:word/1"];
    const forms = ["pass:word/1", "pass%3Aword%2F1", btoa("pass:word/1"), "706173733a776f72642f31"];
    const written = Object.fromEntries([...forms, "nothing"].map((form) => [form, `before ${form} after`]));
    expect(await faultsOf({ secrets, written })).toEqual(forms.map((form) => `${form} holds a secret`));
  });
});
