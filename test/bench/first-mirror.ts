/** A first mirror from nginx to nginx, against git with a clone on disk, and against git's bare pipe. */

import { mkdir, rm } from "node:fs/promises";
import { resolve } from "node:path";
import { git } from "../support/git.ts";
import { startNginxGitServer, type NginxGitServer } from "../support/git-server.ts";
import { generateHistory } from "../support/history.ts";
import { copyRepository, createRepository, fsck, refsOf } from "../support/repository.ts";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.ts";
import { best, timeCommand } from "./command.ts";
import { mebibytes, seconds, type Figure } from "./figure.ts";
import type { RelayCost } from "./relay-process.ts";
import { startRelay } from "./relay.ts";
import type { BenchSettings } from "./settings.ts";

/** What is mirrored, and which of the limits mean it. */
interface Subject {
  readonly label: string;
  readonly repository: string;
  /** The limits on time are about git's own history: give it with --repository. */
  readonly judgeTime: boolean;
  /** Limits on CPU and memory are about many bytes. */
  readonly judgeCost: boolean;
}

/** Blobs of the generated repository of many bytes; each commit adds one. */
const BLOB_BYTES = 100_000;

export async function measureFirstMirror(settings: BenchSettings): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const subject of await subjects(settings)) figures.push(...(await measure(subject, settings)));
  return figures;
}

async function subjects({ repository, megabytes }: BenchSettings): Promise<readonly Subject[]> {
  if (repository !== undefined) {
    return [{ label: repository, repository: resolve(repository), judgeTime: true, judgeCost: true }];
  }
  const objects = await generateHistory({ commits: 100_000, refs: 700, tags: 300, fileBytes: 400 });
  const commits = Math.ceil((megabytes * 1_000_000) / BLOB_BYTES);
  const bytes = await generateHistory({
    commits,
    refs: 200,
    tags: 100,
    fileBytes: BLOB_BYTES,
    content: "noise",
  });
  return [
    { label: "100,000 commits", repository: objects, judgeTime: false, judgeCost: false },
    { label: `${megabytes} MB of noise`, repository: bytes, judgeTime: false, judgeCost: true },
  ];
}

async function measure(subject: Subject, settings: BenchSettings): Promise<readonly Figure[]> {
  await using folder = temporaryFolder("bench");
  await mkdir(folder.join("from"));
  await mkdir(folder.join("to"));
  const { repository } = subject;
  await git([
    "clone",
    "--quiet",
    "--mirror",
    "--no-hardlinks",
    repository,
    folder.join("from", "source.git"),
  ]);
  const warmUp = await generateHistory({ commits: 300, refs: 10, fileBytes: BLOB_BYTES, content: "noise" });
  await copyRepository(warmUp, folder.join("from", "warm.git"));
  await using here = await startNginxGitServer({ root: folder.join("from"), receivePack: false });
  await using there = await startNginxGitServer({ root: folder.join("to") });
  const rounds: Round[] = [];
  for (let round = 0; round < settings.repeat; round += 1) rounds.push(await runRound(folder, here, there));
  return figuresOf(rounds, subject);
}

interface Round {
  readonly cost: RelayCost;
  readonly throughDiskMs: number;
  readonly pipeMs: number;
}

async function runRound(
  folder: TemporaryFolder,
  here: NginxGitServer,
  there: NginxGitServer,
): Promise<Round> {
  const source = `${here.url}/source.git`;
  const local = folder.join("from", "source.git");

  const pipe = await createRepository(folder.join("pipe.git"));
  const pipeMs = await timeCommand(
    'git -C "$1" pack-objects --all --stdout -q --delta-base-offset </dev/null | git -C "$2" index-pack --stdin',
    [local, pipe],
  );
  await remove(pipe);

  const cost = await relayOnce(folder, here, there);

  const target = await createRepository(folder.join("to", "disk.git"));
  const copy = folder.join("copy.git");
  const throughDiskMs = await timeCommand(
    'git clone --quiet --mirror "$1" "$3" && git -C "$3" push --quiet --mirror "$2"',
    [source, `${there.url}/disk.git`, copy],
  );
  await remove(copy, target);
  return { cost, throughDiskMs, pipeMs };
}

/** A process that has relayed once already, relays the source. */
async function relayOnce(
  folder: TemporaryFolder,
  here: NginxGitServer,
  there: NginxGitServer,
): Promise<RelayCost> {
  await using relay = startRelay();
  const warm = await createRepository(folder.join("to", "warm.git"));
  await relay.run({ source: { url: `${here.url}/warm.git` }, target: { url: `${there.url}/warm.git` } });
  await remove(warm);
  const target = await createRepository(folder.join("to", "relay.git"));
  const cost = await relay.run({
    source: { url: `${here.url}/source.git` },
    target: { url: `${there.url}/relay.git` },
    policy: { mode: "replicate", includeTags: true },
  });
  const wanted = await refsOf(folder.join("from", "source.git"), "refs/heads", "refs/tags");
  if ([...(await refsOf(target))].join() !== [...wanted].join()) throw new Error("the mirror is not equal");
  await fsck(target);
  await remove(target);
  return cost;
}

async function remove(...paths: readonly string[]): Promise<void> {
  for (const path of paths) await rm(path, { recursive: true });
}

function figuresOf(rounds: readonly Round[], subject: Subject): readonly Figure[] {
  const relayMs = best(rounds.map(({ cost }) => cost.wallMs));
  const diskMs = best(rounds.map(({ throughDiskMs }) => throughDiskMs));
  const pipeMs = best(rounds.map(({ pipeMs: ms }) => ms));
  const cpuMs = best(rounds.map(({ cost }) => cost.cpuMs));
  const packBytes = rounds[0]?.cost.packBytes ?? 0;
  const above = rounds.flatMap(({ cost: { peakBytes, baselineBytes } }) =>
    peakBytes === undefined || baselineBytes === undefined ? [] : [peakBytes - baselineBytes],
  );
  const told = (name: string, value: number, unit: string, how: string): Figure => ({
    benchmark: `first-mirror of ${subject.label}`,
    name,
    value,
    unit,
    how,
  });
  const figure = (name: string, value: number, unit: string, limit: number, how: string): Figure => ({
    ...told(name, value, unit, how),
    ...((unit === "" ? subject.judgeTime : subject.judgeCost) ? { limit } : {}),
  });
  return [
    figure(
      "wall time / git pack-objects | git index-pack",
      relayMs / pipeMs,
      "",
      1.2,
      `${seconds(relayMs)} against ${seconds(pipeMs)}, ${mebibytes(packBytes)}`,
    ),
    figure(
      "wall time / git clone --mirror + git push --mirror",
      relayMs / diskMs,
      "",
      0.45,
      `${seconds(relayMs)} against ${seconds(diskMs)}`,
    ),
    told(
      "git pack-objects | git index-pack / git clone --mirror + git push --mirror",
      pipeMs / diskMs,
      "",
      `${seconds(pipeMs)} against ${seconds(diskMs)}`,
    ),
    ...phasesOf(rounds).map(([name, ms]) => told(name, ms / 1_000, "s", `of ${seconds(relayMs)}`)),
    figure(
      "relay's own CPU per GB of pack",
      cpuMs / 1_000 / (packBytes / 1e9),
      "s",
      2.5,
      `${seconds(cpuMs)} for ${mebibytes(packBytes)}`,
    ),
    ...above
      .toSorted((a, b) => b - a)
      .slice(0, 1)
      .map((bytes) =>
        figure(
          "peak resident memory above the process after a warm-up",
          bytes / 2 ** 20,
          "MiB",
          128,
          `baseline ${mebibytes(rounds[0]?.cost.baselineBytes ?? 0)}`,
        ),
      ),
  ];
}

/** Where the time of the fastest relay went. Only the middle one is a relay's; source and target work in all three. */
function phasesOf(rounds: readonly Round[]): readonly (readonly [string, number])[] {
  const [fastest] = rounds.map(({ cost }) => cost).toSorted((a, b) => a.wallMs - b.wallMs);
  if (fastest === undefined) return [];
  const { wallMs, firstByteMs, lastByteMs } = fastest;
  return [
    ["until the source sent its pack", firstByteMs],
    ["while the pack was on its way", lastByteMs - firstByteMs],
    ["until the target had it unpacked and checked", wallMs - lastByteMs],
  ];
}
