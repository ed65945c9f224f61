import { mkdir, symlink } from "node:fs/promises";
import { expect, test } from "vitest";
import { cliFolder, documentOf, runCli, startCli } from "../cli/git-sync.ts";
import { startNginxGitServer, type LoggedRequest, type NginxGitServer } from "../support/git-server.ts";
import { git } from "../support/git.ts";
import { generateHistory } from "../support/history.ts";
import { installHookGate, type HookGate } from "../support/hook-gate.ts";
import { descendantsOf, type ProcessEntry } from "../support/process-tree.ts";
import type { RunningProcess } from "../support/process.ts";
import { createRepository, fsck, leftoversOf, refsOf } from "../support/repository.ts";
import { describeWith } from "../support/requirements.ts";
import type { TemporaryFolder } from "../support/temporary-folder.ts";

const HISTORY = { commits: 51_000, refs: 5, tags: 8, notes: 5, fileBytes: 120 } as const;

interface Setting {
  readonly by: "receive.maxInputSize" | "client_max_body_size";
  readonly allowFilter: "true" | "false";
}

/** A first mirror of a large history from one nginx to another, by the command line, without any option. */
interface Rig extends AsyncDisposable {
  readonly folder: TemporaryFolder;
  readonly source: string;
  readonly target: string;
  readonly from: NginxGitServer;
  readonly to: NginxGitServer;
  readonly gate: HookGate;
  /** What a pack of everything has. */
  readonly packBytes: number;
  readonly command: readonly string[];
}

async function openRig({ by, allowFilter }: Setting): Promise<Rig> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(cliFolder("large"));
  const source = await generateHistory(HISTORY);
  await mkdir(folder.join("from"));
  await symlink(source, folder.join("from", "source.git"));
  const packBytes = 1_024 * (await countOf(source, "size-pack"));
  const limit = Math.floor(packBytes / 10);
  const isByGit = by === "receive.maxInputSize";
  const target = await createRepository(folder.join("to", "target.git"), {
    config: isByGit ? { "receive.maxInputSize": String(limit) } : {},
  });
  const gate = stack.use(await installHookGate(target));
  const from = stack.use(
    await startNginxGitServer({
      root: folder.join("from"),
      receivePack: false,
      config: { "uploadpack.allowFilter": allowFilter },
    }),
  );
  const to = stack.use(
    await startNginxGitServer({
      root: folder.join("to"),
      ...(isByGit ? {} : { clientMaxBodySize: String(limit) }),
    }),
  );
  const [here, there] = [`${from.url}/source.git`, `${to.url}/target.git`];
  const command = ["replicate", here, there, "--all-refs", "--json", "--progress"];
  const owned = stack.move();
  return {
    folder,
    source,
    target,
    from,
    to,
    gate,
    packBytes,
    command,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function countOf(repository: string, what: "size-pack" | "count" | "in-pack"): Promise<number> {
  const list = await git(["count-objects", "-v"], { cwd: repository });
  return Number(new RegExp(`^${what}: (\\d+)$`, "mu").exec(list)?.[1]);
}

/** Requests that carried more than the question who we are. */
async function pushesTo(server: NginxGitServer): Promise<readonly LoggedRequest[]> {
  const requests = await server.requests();
  return requests.filter(({ method, requestBytes }) => method === "POST" && requestBytes > 1_024);
}

const REFUSED = [413, 500, 502];

/** Bytes of the pushes that were not refused; those that git refused in its report, with status 200, count as well. */
function takenBytes(pushes: readonly LoggedRequest[]): number {
  return pushes
    .filter(({ status }) => !REFUSED.includes(status))
    .reduce((sum, { requestBytes }) => sum + requestBytes, 0);
}

/** The target is as the source, nothing else is left there, and what it was sent it was sent once. */
async function expectMirrored(rig: Rig): Promise<void> {
  expect(await refsOf(rig.target)).toEqual(await refsOf(rig.source));
  await fsck(rig.target);
  expect((await leftoversOf(rig.target)).filter((name) => name.endsWith(".lock"))).toEqual([]);
  const objects = (await git(["rev-list", "--objects", "--all"], { cwd: rig.target })).split("\n").length;
  const kept = (await countOf(rig.target, "count")) + (await countOf(rig.target, "in-pack"));
  // A pack that is completed holds some bases a second time.
  expect(kept).toBeLessThan(1.03 * objects);
}

/** A place in a run, and how a run is brought there and kept there until it is dead. */
interface Moment {
  readonly place: string;
  /** Before the run begins. */
  readonly prepare?: (rig: Rig) => Promise<void> | void;
  /** Resolves when the run is there. */
  readonly reach: (rig: Rig, run: RunningProcess) => Promise<unknown>;
  /** The target ends its work at the same moment; otherwise it goes on, without anybody who listens. */
  readonly endsTarget?: boolean;
}

const PATIENCE = { timeoutMs: 120_000 } as const;

/** The run says that it is there, and the server that it needs says no more. */
const told = (place: string, event: RegExp, side: "from" | "to"): Moment => ({
  place,
  reach: async (rig, run) => {
    await run.waitForLine(event, PATIENCE);
    rig[side].pause();
  },
});

/** The target is there, and is kept there. */
const gated = (place: string, line: string, endsTarget = false): Moment => ({
  place,
  prepare: (rig) => rig.gate.close(line),
  reach: (rig) => rig.gate.reached(),
  endsTarget,
});

const TEMPORARY = "refs/gitsync/batch/";
const ID = "[0-9a-f]{40}";
const NONE = "0{40}";
const PART_TAKEN = `^reference-transaction committed ${NONE} ${ID} ${TEMPORARY}`;

/** In the order in which a run comes to them: each run goes on where the one before was killed. */
const MOMENTS: readonly Moment[] = [
  {
    place: "both sides are listed",
    prepare: (rig) => rig.to.pause(),
    reach: (_, run) => run.waitForLine(/"phase":"discover"/u, PATIENCE),
  },
  told("the pack is fetched", /"phase":"fetch"/u, "from"),
  told("the pack is pushed", /"phase":"push"/u, "to"),
  told("the history is read", /"phase":"history"/u, "from"),
  told("the first part is fetched", /"type":"batch","done":0,/u, "from"),
  gated("the first part is taken in", `^pre-receive ${NONE} ${ID} ${TEMPORARY}`),
  gated("a part was taken, which nobody hears", PART_TAKEN),
  {
    place: "a part was taken, and the next one is fetched",
    prepare: (rig) => rig.gate.close(PART_TAKEN),
    reach: async (rig, run) => {
      await rig.gate.reached();
      rig.from.pause();
      await rig.gate.open();
      await run.waitForLine(/"type":"batch","done":1,/u, PATIENCE);
    },
  },
  gated("a later part is taken in", `^pre-receive ${NONE} ${ID} ${TEMPORARY}`),
  gated("the first ref is written", `^reference-transaction prepared ${NONE} ${ID} refs/heads/`, true),
  gated("some tags are written", `^reference-transaction committed ${NONE} ${ID} refs/tags/`, true),
  gated("temporary refs are deleted", `^reference-transaction committed ${ID} ${NONE} ${TEMPORARY}`, true),
];

/** What the target does for pushes at this moment. */
function receivers(): readonly ProcessEntry[] {
  return descendantsOf().filter(({ command }) => command.includes("receive-pack"));
}

/** Start a run, kill it at its moment, and let the target come to rest. */
async function killAt(moment: Moment, rig: Rig): Promise<void> {
  await moment.prepare?.(rig);
  await using run = startCli(rig.command, { folder: rig.folder.path });
  await moment.reach(rig, run);
  expect(await run.kill("SIGKILL"), moment.place).toMatchObject({ signal: "SIGKILL" });
  if (moment.endsTarget === true) for (const { pid } of receivers()) process.kill(pid, "SIGTERM");
  await rig.gate.open();
  rig.from.resume();
  rig.to.resume();
  await expect.poll(receivers, { timeout: 30_000 }).toEqual([]);
}

/** The whole matrix is killed when asked for: by default two settings are, in which each value of both occurs. */
const KILLS_ALL = process.env["GITSYNC_KILLS"] === "all";

describeWith(["nginx"], "a first mirror of fifty thousand commits", () => {
  test.for<Setting & { readonly killed: boolean }>([
    { by: "receive.maxInputSize", allowFilter: "true", killed: true },
    { by: "receive.maxInputSize", allowFilter: "false", killed: KILLS_ALL },
    { by: "client_max_body_size", allowFilter: "true", killed: KILLS_ALL },
    { by: "client_max_body_size", allowFilter: "false", killed: true },
  ])(
    "to a target that takes a tenth of its pack succeeds without any option ($by, filter $allowFilter, killed in every phase: $killed)",
    { timeout: 400_000 },
    async ({ killed, ...setting }) => {
      await using rig = await openRig(setting);
      const wanted = await refsOf(rig.source);
      let bytes = 0;
      for (const moment of killed ? MOMENTS : []) {
        await killAt(moment, rig);
        const present = [...(await refsOf(rig.target))].filter(([ref]) => !ref.startsWith(TEMPORARY));
        const strange = present.filter(([ref, id]) => wanted.get(ref) !== id);
        expect([moment.place, strange]).toEqual([moment.place, []]);
        bytes += takenBytes(await pushesTo(rig.to));
        await rig.to.forgetRequests();
      }
      const last = await runCli(rig.command, { folder: rig.folder.path });
      expect(documentOf(last)).toMatchObject({ execution: { converged: true } });
      const pushes = await pushesTo(rig.to);
      bytes += takenBytes(pushes);
      expect(bytes).toBeGreaterThan(0.5 * rig.packBytes);
      expect(bytes).toBeLessThan(rig.packBytes);
      if (!killed) {
        const { batch, ...execution } = documentOf(last)["execution"] as Readonly<Record<string, unknown>>;
        expect(execution).toMatchObject({ transferMode: "batched", reason: "limit-met" });
        expect(batch).toMatchObject({ enabled: true });
        expect(pushes.length).toBeGreaterThan(10);
        expect(pushes.length).toBeLessThan(40);
      }
      await expectMirrored(rig);
    },
  );
});
