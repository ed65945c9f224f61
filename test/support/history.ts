/**
 * Big repositories, made by `git fast-import` in seconds and the same on every machine: a trunk, topic
 * branches some of which are merged back, annotated and lightweight tags, and notes.
 *
 * A history is kept in the system's temporary folder under a name made of its parameters, and is shared
 * by all tests: read it, or copy it first.
 */

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { FastImportText } from "./fast-import-text.ts";
import { git } from "./git.ts";
import { noiseSource } from "./noise.ts";
import { createRepository, type ObjectFormat } from "./repository.ts";

export interface HistoryOptions {
  /** Commits on branches; those of notes come on top. */
  readonly commits: number;
  /** Branches, the trunk `refs/heads/main` among them. Default: 1. */
  readonly refs?: number;
  /** Tags, annotated and lightweight by turns. Default: 0. */
  readonly tags?: number;
  /** Commits that `refs/notes/commits` annotates; none: no such ref. Default: 0. */
  readonly notes?: number;
  /** Bytes of the one file that each commit changes. Default: 200. */
  readonly fileBytes?: number;
  /** `lines` of text that deltas and zlib shrink, or `noise` that nothing shrinks. Default: lines. */
  readonly content?: "lines" | "noise";
  readonly objectFormat?: ObjectFormat;
  readonly seed?: number;
}

/** Bump when the generator changes what it makes. */
const GENERATION = 1;
const CHUNK_BYTES = 1 << 18;
const TOPICS_AT_A_TIME = 6;
const EPOCH = 1_600_000_000;

/** The path of a bare repository with such a history. Never change it; {@link copyRepository} it. */
export async function generateHistory(options: HistoryOptions): Promise<string> {
  const full = withDefaults(options);
  const key = createHash("sha256")
    .update(JSON.stringify([GENERATION, userInfo().uid, full]))
    .digest("hex");
  const path = join(tmpdir(), `gitsync-history-${full.commits}-${key.slice(0, 16)}.git`);
  if (existsSync(path)) return path;
  const unfinished = `${path}.${process.pid}`;
  await createRepository(unfinished, { objectFormat: full.objectFormat });
  await git(["fast-import", "--quiet", "--force", "--done"], {
    cwd: unfinished,
    input: Readable.from(fastImport(full), { objectMode: false }),
  });
  await git(["pack-refs", "--all"], { cwd: unfinished });
  // Another process may have been faster: its repository is the same.
  await rename(unfinished, path).catch(() => rm(unfinished, { recursive: true }));
  return path;
}

function withDefaults(options: HistoryOptions): Required<HistoryOptions> {
  return {
    commits: options.commits,
    refs: options.refs ?? 1,
    tags: options.tags ?? 0,
    notes: options.notes ?? 0,
    fileBytes: options.fileBytes ?? 200,
    content: options.content ?? "lines",
    objectFormat: options.objectFormat ?? "sha1",
    seed: options.seed ?? 1,
  };
}

function* fastImport(options: Required<HistoryOptions>): Generator<Buffer> {
  const { commits, refs, tags, notes } = options;
  const random = randomNumbers(options.seed);
  const contents = fileContents(options);
  const text = new FastImportText();
  /** The last commit of each topic that goes on beside the trunk. */
  const topics: number[] = [];
  let trunk = 0;
  for (let mark = 1; mark <= commits; mark += 1) {
    const place = Math.floor(random() * 20);
    const topic = place < TOPICS_AT_A_TIME && mark > 20 ? place : undefined;
    const merged = topic === undefined && place === 19 ? topics.pop() : undefined;
    const parent = topic === undefined ? trunk : (topics[topic] ?? trunk);
    const branch = topic === undefined ? "refs/heads/main" : "refs/fast-import/topic";
    if (parent === 0 || topic !== undefined) text.add(`reset ${branch}\n\n`);
    text.add(
      `commit ${branch}\nmark :${mark}\ncommitter Cy Committer <cy@example.com> ${EPOCH + mark * 60} +0000\n`,
    );
    text.addData(Buffer.from(`Change number ${mark}\n`));
    if (parent !== 0) text.add(`from :${parent}\n`);
    if (merged !== undefined) text.add(`merge :${merged}\n`);
    text.add(`M 100644 inline d${Math.floor(random() * 16)}/f${Math.floor(random() * 32)}\n`);
    text.addData(contents.next().value);
    if (topic === undefined) trunk = mark;
    else topics[Math.min(topic, topics.length)] = mark;
    if (text.length > CHUNK_BYTES) yield text.take();
  }
  text.add(
    `reset refs/heads/main\nfrom :${trunk}\n\nreset refs/fast-import/topic\nfrom ${"0".repeat(options.objectFormat === "sha256" ? 64 : 40)}\n\n`,
  );
  for (let index = 1; index < refs; index += 1) {
    text.add(`reset refs/heads/topic/${number(index)}\nfrom :${spread(index, refs, commits)}\n\n`);
  }
  for (let index = 1; index <= tags; index += 1) {
    const target = spread(index, tags + 1, commits);
    if (index % 2 === 0) {
      text.add(`reset refs/tags/light-${number(index)}\nfrom :${target}\n\n`);
      continue;
    }
    text.add(
      `tag v${number(index)}\nfrom :${target}\ntagger Ada Author <ada@example.com> ${EPOCH + target * 60} +0000\n`,
    );
    text.addData(Buffer.from(`Release ${index}\n`));
  }
  for (let index = 1; index <= notes; index += 1) {
    text.add(`commit refs/notes/commits\ncommitter Cy Committer <cy@example.com> ${EPOCH + index} +0000\n`);
    text.addData(Buffer.from(`Note ${index}\n`));
    text.add("N inline ");
    text.add(`:${spread(index, notes + 1, commits)}\n`);
    text.addData(Buffer.from(`Reviewed ${index}\n`));
  }
  text.add("done\n");
  yield text.take();
}

/** The commit that entry `index` of `count` points to: the entries lie evenly over the history. */
function spread(index: number, count: number, commits: number): number {
  return Math.max(1, Math.floor((index / count) * commits));
}

function number(index: number): string {
  return String(index).padStart(5, "0");
}

/** Numbers from 0 up to 1, the same for the same seed (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** One file after another, cut from the key stream of a cipher. */
function* fileContents(options: Required<HistoryOptions>): Generator<Uint8Array, never> {
  const { content, fileBytes, seed } = options;
  const needed = content === "noise" ? fileBytes : Math.ceil(fileBytes / 4);
  const source = noiseSource(`contents ${seed}`);
  let noise: Buffer = Buffer.alloc(0);
  for (;;) {
    if (noise.length < needed) noise = source(Math.max(CHUNK_BYTES, needed));
    const bytes = noise.subarray(0, needed);
    noise = noise.subarray(needed);
    yield content === "noise" ? bytes : lines(bytes, fileBytes);
  }
}

/** Text of hexadecimal lines; half as dense as noise, and zlib makes that good again. */
function lines(noise: Uint8Array, length: number): Uint8Array {
  const digits = Buffer.from(noise)
    .toString("hex")
    .replaceAll(/(.{40})/g, "$1 some words that repeat\n");
  return Buffer.from(digits.padEnd(length, "\n").slice(0, length));
}
