/** Our sessions push to stock git, and hear what became of it. */

import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  CapabilityList,
  emptyPack,
  encodeRefName,
  needsPack,
  type ObjectId,
  parseObjectId,
  parseRefName,
  type PushOutcome,
  type PushPlan,
  PushSession,
  type RefAdvertisement,
  type RefName,
  type RefUpdateCommand,
} from "@gitsync/protocol";
import { expect, test } from "vitest";
import { git, gitBytes } from "../../support/git.ts";
import { shallowOf } from "../../support/protocol-server.ts";
import {
  commit,
  copyRepository,
  createRepository,
  leftoversOf,
  refsOf,
  setRef,
  tag,
} from "../../support/repository.ts";
import { createSource, expectSound, objectsOf } from "../repositories.ts";
import type { Line } from "./line.ts";
import { describeWays, SOME_WAYS, type Stand, startStand, type Way } from "./stand.ts";

const MAIN = parseRefName("refs/heads/main");

/** What is said of a push. */
interface Pushed {
  readonly advertisement: RefAdvertisement;
  readonly outcome: PushOutcome;
  readonly progress: string;
  readonly line: Line;
}

interface PushOptions {
  /** Where the pack comes from. Default: nothing is lacking, so an empty one. */
  readonly from?: string;
  /** Deltas may be against what the server has. */
  readonly thin?: boolean;
  /** Capabilities of the server that the session is not told of. */
  readonly without?: readonly string[];
}

/** Push in one conversation. */
async function push(
  stand: Stand,
  plan: (advertisement: RefAdvertisement) => PushPlan,
  { from, thin = false, without = [] }: PushOptions = {},
): Promise<Pushed> {
  const line = stand.connect("git-receive-pack");
  const advertisement = mask(await greet(line, stand.way), without);
  const session = new PushSession({ transport: line.transport, advertisement, agent: "git/2.39.5" });
  const chosen = plan(advertisement);
  let progress = "";
  session.push(chosen, { onProgress: (view) => (progress += Buffer.from(view).toString("utf8")) });
  const pack =
    from === undefined ? emptyPack(stand.way.format) : await packOf(from, chosen, advertisement, thin);
  await line.converse(session, needsPack(chosen.commands) ? pack : undefined);
  const outcome = outcomeOf(session);
  await line.hangUp();
  return { advertisement, outcome, progress, line };
}

/** Over HTTP the session asks for v0; what another version brings is asked for here. */
async function greet(line: Line, { version }: Way): Promise<RefAdvertisement> {
  const session = new PushSession({ transport: line.transport });
  line.greetIn(version);
  await line.converse(session);
  if (session.status.state !== "request") throw new Error(`there is no advertisement: ${session.state}`);
  return session.status.advertisement;
}

function outcomeOf({ status }: PushSession): PushOutcome {
  if (status.state === "done" && status.outcome !== undefined) return status.outcome;
  throw new Error(`the push has not ended: ${status.state}`);
}

function mask(advertisement: RefAdvertisement, names: readonly string[]): RefAdvertisement {
  const capabilities = new CapabilityList(
    advertisement.capabilities.entries().filter(({ name }) => !names.includes(name)),
  );
  return { ...advertisement, capabilities };
}

/** What the new tips lead to and the server's refs do not, packed by git. */
async function packOf(
  repository: string,
  { commands }: PushPlan,
  { refs }: RefAdvertisement,
  thin: boolean,
): Promise<Buffer> {
  const tips = commands.flatMap((command) => (command.type === "delete" ? [] : [command.newId]));
  const present = new Set<string>(await objectsOf(repository));
  const theirs = refs.map(({ oid }) => oid).filter((oid) => present.has(oid));
  const options = thin ? ["--thin", "--delta-base-offset"] : [];
  return gitBytes(["pack-objects", "--stdout", "--revs", "-q", ...options], {
    cwd: repository,
    input: [...tips, "--not", ...theirs, ""].join("\n"),
  });
}

/** The commands that make the server's refs those of a repository. */
async function mirror(repository: string, { refs }: RefAdvertisement): Promise<RefUpdateCommand[]> {
  const wanted = new Map(
    Array.from(await refsOf(repository), ([name, oid]): [RefName, ObjectId] => [
      parseRefName(Buffer.from(name, "latin1").toString("utf8")),
      parseObjectId(oid),
    ]),
  );
  const present = new Map(refs.map(({ name, oid }) => [name, oid]));
  const deletes = [...present].flatMap(([ref, oldId]): RefUpdateCommand[] =>
    wanted.has(ref) ? [] : [{ type: "delete", ref, oldId }],
  );
  const moves = [...wanted].flatMap(([ref, newId]): RefUpdateCommand[] => {
    const oldId = present.get(ref);
    if (oldId === newId) return [];
    return [oldId === undefined ? { type: "create", ref, newId } : { type: "update", ref, oldId, newId }];
  });
  return [...deletes, ...moves];
}

/** `ok refs/heads/main`, `ng refs/heads/main reason` and so on, in the order of the commands. */
function verdicts(outcome: PushOutcome): readonly string[] {
  if (outcome.type === "unknown") return ["unknown"];
  return outcome.commands.map(({ command: { ref }, ...rest }) =>
    rest.type === "ng" ? `ng ${ref} ${rest.reason}` : `${rest.type} ${ref}`,
  );
}

async function expectEqual(stand: Stand, user: string): Promise<void> {
  expect(await refsOf(stand.source)).toEqual(await refsOf(user));
  await expectSound(stand.source);
  expect(await leftoversOf(stand.source)).toEqual([]);
}

async function tipOf(repository: string, revision: string): Promise<ObjectId> {
  return parseObjectId(await git(["rev-parse", revision], { cwd: repository }));
}

async function addHook(stand: Stand, name: string, script: string): Promise<void> {
  const path = join(stand.source, "hooks", name);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
}

/** A repository that has what the server has, and more. */
async function aheadOf(stand: Stand): Promise<string> {
  const user = await copyRepository(stand.source, stand.folder.join("user.git"));
  await commit(user, "refs/heads/main", { "d0/pushed": "pushed\n" });
  await commit(user, "refs/heads/new", { only: "here\n" }, { parents: [] });
  await tag(user, "pushed", "refs/heads/main", "Pushed");
  await setRef(user, "refs/heads/topic/00006", await git(["rev-parse", "main~90"], { cwd: user }));
  await git(["update-ref", "-d", "refs/heads/topic/00002"], { cwd: user });
  await setRef(
    user,
    Buffer.from(encodeRefName(parseRefName("refs/heads/grün"))).toString("latin1"),
    await tipOf(user, "main~3"),
  );
  return user;
}

describeWays("a session, to a server", (way) => {
  // A thin pack by turns: a server that lacks its bases would refuse it.
  const thin = way.format === "sha1";

  test(`creates, moves, forces and deletes refs, with a ${thin ? "thin" : "whole"} pack`, async () => {
    await using stand = await startStand(way);
    const user = await aheadOf(stand);
    const commands = await mirror(user, await greetOnce(stand));
    const { advertisement, outcome } = await push(stand, () => ({ commands }), { from: user, thin });
    // No version has a push of its own but v1's greeting.
    expect(advertisement).toMatchObject({ version: way.version === 1 ? 1 : 0, objectFormat: way.format });
    expect(verdicts(outcome)).toEqual(commands.map(({ ref }) => `ok ${ref}`));
    await expectEqual(stand, user);
  });

  test("creates without any object, and deletes without any pack", async () => {
    await using stand = await startStand(way);
    const ref = parseRefName("refs/heads/copy");
    const tip = await tipOf(stand.source, "main");
    const created = await push(stand, () => ({ commands: [{ type: "create", ref, newId: tip }] }));
    expect(verdicts(created.outcome)).toEqual([`ok ${ref}`]);
    expect((await refsOf(stand.source)).get(ref)).toBe(tip);
    const deleted = await push(stand, () => ({ commands: [{ type: "delete", ref, oldId: tip }] }));
    expect(verdicts(deleted.outcome)).toEqual([`ok ${ref}`]);
    expect((await refsOf(stand.source)).has(ref)).toBe(false);
  });

  test("fills an empty repository", async () => {
    await using stand = await startStand(way, {
      source: (folder, format) => createRepository(folder.join("empty.git"), { objectFormat: format }),
    });
    const user = await createRepository(stand.folder.join("user.git"), { objectFormat: way.format });
    await commit(user, MAIN, { a: "a\n" });
    const commands = await mirror(user, await greetOnce(stand));
    const { outcome } = await push(stand, () => ({ commands }), { from: user });
    expect(verdicts(outcome)).toEqual([`ok ${MAIN}`]);
    await expectEqual(stand, user);
  });
});

/** What a server has, in a conversation that goes no further. */
async function greetOnce(stand: Stand): Promise<RefAdvertisement> {
  const line = stand.connect("git-receive-pack");
  const session = new PushSession({ transport: line.transport });
  await line.converse(session);
  if (session.status.state !== "request") throw new Error(`there is no advertisement: ${session.state}`);
  const { advertisement } = session.status;
  session.close();
  await line.converse(session);
  await line.hangUp();
  return advertisement;
}

describeWays(
  "a session, to a server",
  (way) => {
    const copy = parseRefName("refs/heads/copy");
    test("gets all or nothing where it asks for that", async () => {
      await using stand = await startStand(way);
      const newId = await tipOf(stand.source, "main");
      const before = await refsOf(stand.source);
      const taken = parseRefName("refs/heads/topic/00001");
      const commands: RefUpdateCommand[] = [copy, taken].map((ref) => ({ type: "create", ref, newId }));
      const all = await push(stand, () => ({ commands, atomic: true }));
      expect(verdicts(all.outcome)).toEqual([
        expect.stringMatching(`^ng ${copy} `),
        expect.stringMatching(`^ng ${taken} `),
      ]);
      expect(await refsOf(stand.source)).toEqual(before);
      const some = await push(stand, () => ({ commands }));
      expect(verdicts(some.outcome)).toEqual([`ok ${copy}`, `ng ${taken} failed to update ref`]);
    });

    test("is refused a hidden ref, and that ref alone", async () => {
      await using stand = await startStand(way, { config: { "receive.hideRefs": "refs/pull" } });
      const newId = await tipOf(stand.source, "main");
      const hidden = parseRefName("refs/pull/1/head");
      const { outcome } = await push(stand, () => ({
        commands: [copy, hidden].map((ref) => ({ type: "create", ref, newId })),
      }));
      expect(verdicts(outcome)).toEqual([`ok ${copy}`, `ng ${hidden} deny updating a hidden ref`]);
    });

    test("loses its lease when the ref has moved meanwhile", async () => {
      await using stand = await startStand(way);
      const [newId, moved] = [await tipOf(stand.source, "main"), await tipOf(stand.source, "main~2")];
      const ref = parseRefName("refs/heads/topic/00001");
      const oldId = await tipOf(stand.source, ref);
      const line = stand.connect("git-receive-pack");
      const advertisement = await greet(line, way);
      await setRef(stand.source, ref, moved);
      const session = new PushSession({ transport: line.transport, advertisement });
      session.push({ commands: [{ type: "update", ref, oldId, newId }] });
      await line.converse(session, emptyPack(way.format));
      expect(verdicts(outcomeOf(session))).toEqual([`ng ${ref} failed to update ref`]);
      await line.hangUp();
      expect(await tipOf(stand.source, ref)).toBe(moved);
    });

    test("gives options to hooks, hears what they say, and learns what they refuse", async () => {
      await using stand = await startStand(way, { config: { "receive.advertisePushOptions": "true" } });
      await addHook(
        stand,
        "pre-receive",
        'env | grep ^GIT_PUSH_OPTION_ | sort > options; printf "Checking…\\nthe second line\\n" >&2',
      );
      await addHook(stand, "update", 'case "$1" in */no) echo "not this one" >&2; exit 1;; esac');
      await addHook(stand, "post-receive", "echo afterwards >&2");
      const newId = await tipOf(stand.source, "main");
      const no = parseRefName("refs/heads/no");
      const { outcome, progress } = await push(stand, () => ({
        commands: [copy, no].map((ref) => ({ type: "create", ref, newId })),
        pushOptions: ["ci.skip", "größe=12 m"],
      }));
      expect(verdicts(outcome)).toEqual([`ok ${copy}`, `ng ${no} hook declined`]);
      expect(progress).toContain("Checking…\nthe second line\n");
      expect(progress).toContain("not this one\n");
      expect(progress).toContain("afterwards\n");
      expect(await readFile(join(stand.source, "options"), "utf8")).toBe(
        "GIT_PUSH_OPTION_0=ci.skip\nGIT_PUSH_OPTION_1=größe=12 m\nGIT_PUSH_OPTION_COUNT=2\n",
      );
    });

    test("learns what was done instead of what it asked for", async () => {
      await using stand = await startStand(way, { config: { "receive.procReceiveRefs": "refs/for" } });
      const newId = await tipOf(stand.source, "main");
      const asked = parseRefName("refs/for/main");
      await addHook(stand, "proc-receive", procReceive(asked, newId));
      const commands: RefUpdateCommand[] = [{ type: "create", ref: asked, newId }];
      const whole = await push(stand, () => ({ commands }));
      expect(whole.outcome).toMatchObject({
        commands: [{ type: "ok", reports: [{ refName: "refs/changes/1", newId, forcedUpdate: true }] }],
      });
      // An older report has no words for it.
      const plain = await push(stand, () => ({ commands }), { without: ["report-status-v2"] });
      expect(plain.outcome).toMatchObject({ commands: [{ type: "ok", reports: [] }] });
    });

    test("is refused as a whole for a broken pack, and every ref stays", async () => {
      await using stand = await startStand(way);
      const user = await aheadOf(stand);
      const before = await refsOf(stand.source);
      const line = stand.connect("git-receive-pack");
      const advertisement = await greet(line, way);
      const commands = (await mirror(user, advertisement)).filter(({ type }) => type !== "delete");
      const pack = await packOf(user, { commands }, advertisement, false);
      pack[pack.length - 30] = (pack.at(-30) ?? 0) ^ 0xff;
      const session = new PushSession({ transport: line.transport, advertisement });
      session.push({ commands });
      await line.converse(session, pack);
      const outcome = outcomeOf(session);
      await line.hangUp();
      expect(outcome).toMatchObject({ report: { unpack: { ok: false } } });
      expect(verdicts(outcome)).toEqual(commands.map(({ ref }) => `ng ${ref} unpacker error`));
      expect(await refsOf(stand.source)).toEqual(before);
    });

    test.for([
      [[], false, "ok refs/heads/copy"],
      [["side-band-64k"], true, "ok refs/heads/copy"],
      [["report-status-v2"], false, "ok refs/heads/copy"],
      [["report-status-v2", "report-status"], false, "unknown"],
      [["report-status-v2", "report-status", "side-band-64k"], true, "unknown"],
      [["agent", "ofs-delta", "quiet"], false, "ok refs/heads/copy"],
    ] as const)("pushes without what a server lacks: %j", async ([without, isSilent, verdict]) => {
      await using stand = await startStand(way);
      await addHook(stand, "post-receive", "echo afterwards >&2");
      const newId = await tipOf(stand.source, "main");
      const { outcome, progress } = await push(
        stand,
        () => ({
          commands: [{ type: "create", ref: copy, newId }],
          quiet: !without.some((name) => name === "quiet"),
        }),
        { without },
      );
      expect(verdicts(outcome)).toEqual([verdict]);
      expect(progress).toBe(isSilent ? "" : "afterwards\n");
      expect((await refsOf(stand.source)).get(copy)).toBe(newId);
    });

    test("pushes from a shallow repository, and the server learns where its history ends", async () => {
      await using stand = await startStand(way, {
        source: (folder, format) => createRepository(folder.join("empty.git"), { objectFormat: format }),
        config: { "receive.shallowUpdate": "true" },
      });
      const full = await createSource(stand.folder, way.format);
      const user = stand.folder.join("user.git");
      await git(["clone", "--quiet", "--bare", "--no-tags", "--depth=2", `file://${full}`, user]);
      const shallow = await shallowOf(user);
      const commands = await mirror(user, await greetOnce(stand));
      const { outcome } = await push(stand, () => ({ shallow, commands }), { from: user });
      expect(verdicts(outcome)).toEqual(commands.map(({ ref }) => `ok ${ref}`));
      expect(await shallowOf(stand.source)).toEqual(shallow);
      await expectEqual(stand, user);
    });

    test("takes tips of alternates for what they are: no refs, but there", async () => {
      await using stand = await startStand(way, {
        source: async (folder, format) => {
          const shared = await createRepository(folder.join("shared.git"), { objectFormat: format });
          await commit(shared, MAIN, { a: "a\n" });
          const fork = await createRepository(folder.join("fork.git"), { objectFormat: format });
          await writeFile(join(fork, "objects/info/alternates"), `${join(shared, "objects")}\n`);
          return fork;
        },
      });
      const newId = await tipOf(stand.folder.join("shared.git"), MAIN);
      const { advertisement, outcome } = await push(stand, () => ({
        commands: [{ type: "create", ref: MAIN, newId }],
      }));
      expect(advertisement).toMatchObject({ refs: [], alternateTips: [newId] });
      expect(verdicts(outcome)).toEqual([`ok ${MAIN}`]);
    });
  },
  SOME_WAYS,
);

/** A hook that reports another ref in place of the one that was pushed: githooks(5), "proc-receive". */
function procReceive(ref: RefName, newId: ObjectId): string {
  const lines = [
    `ok ${ref}`,
    "option refname refs/changes/1",
    `option new-oid ${newId}`,
    "option forced-update",
  ].map((line) => `${(line.length + 4).toString(16).padStart(4, "0")}${line}`);
  // It hears the version and its flush-pkt, answers, then hears the commands to their flush-pkt.
  return `
packet() { n=$(dd bs=1 count=4 2>/dev/null); [ "$n" = 0000 ] && return 1; dd bs=1 count=$((0x$n - 4)) 2>/dev/null >/dev/null; }
while packet; do :; done
printf '000eversion=1\\n0000'
while packet; do :; done
printf '${lines.join("")}0000'`;
}
