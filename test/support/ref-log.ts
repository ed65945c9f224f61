/**
 * The oracle of ref safety: a hook in each bare repository writes down every change of a ref, and
 * {@link checkRefHistory} says whether the target ever held a value that its source ref did not hold, held
 * values in another order, or changed a ref that nobody asked to change.
 */

import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { refsOf, type Refs } from "./repository.ts";

/** One change of one ref, in the order in which git committed them. */
export interface RefChange {
  /** Nanoseconds since 1970. */
  readonly at: bigint;
  readonly ref: string;
  /** Undefined: the ref was deleted. */
  readonly value: string | undefined;
}

export interface RefLog {
  readonly repository: string;
  /** What the refs were when the log began. */
  readonly initial: Refs;
  changes(): Promise<readonly RefChange[]>;
}

export interface RefHistoryCheck {
  /** The target ref of a source ref, or undefined for one that is not mirrored. Default: the same name. */
  readonly targetOf?: (sourceRef: string) => string | undefined;
  /** Target refs that a run may change. Default: heads and tags. */
  readonly isManaged?: (targetRef: string) => boolean;
}

/** Write every ref change of a bare repository down from now on. */
export async function installRefLog(repository: string): Promise<RefLog> {
  const log = join(repository, "gitsync-test-ref-log");
  const hook = join(repository, "hooks", "reference-transaction");
  await mkdir(join(repository, "hooks"), { recursive: true });
  await writeFile(log, "");
  // One append per transaction: lines of transactions that run at once do not mix.
  await writeFile(
    hook,
    `#!/bin/sh\n[ "$1" = committed ] || exit 0\nlines=$(sed "s/^/$(date +%s%N) /")\nprintf '%s\\n' "$lines" >>'${log}'\n`,
  );
  await chmod(hook, 0o755);
  return { repository, initial: await refsOf(repository), changes: () => readChanges(log) };
}

/** What is wrong with the target's history of refs, as sentences; empty when nothing is. */
export async function checkRefHistory(
  source: RefLog,
  target: RefLog,
  check: RefHistoryCheck = {},
): Promise<readonly string[]> {
  const { targetOf = (ref) => ref, isManaged = isBranchOrTag } = check;
  const held = valuesByRef(source.initial, await source.changes());
  const expected = new Map<string, readonly (string | undefined)[]>();
  for (const [ref, values] of held) {
    const name = targetOf(ref);
    if (name !== undefined) expected.set(name, values);
  }
  const faults: string[] = [];
  const taken = new Map<string, (string | undefined)[]>();
  for (const { ref, value } of await target.changes()) taken.set(ref, [...(taken.get(ref) ?? []), value]);
  for (const [ref, values] of taken) {
    if (!isManaged(ref)) faults.push(`${ref} is not managed and became ${values.join(", ")}`);
    else faults.push(...outOfOrder(ref, values, expected.get(ref) ?? [undefined]));
  }
  return faults;
}

function outOfOrder(
  ref: string,
  taken: readonly (string | undefined)[],
  held: readonly (string | undefined)[],
): readonly string[] {
  let from = 0;
  for (const value of taken) {
    const at = held.indexOf(value, from);
    if (at < 0) {
      const past = held.includes(value)
        ? "again, after the source had moved on"
        : "which its source never was";
      return [`${ref} became ${value ?? "absent"}, ${past}`];
    }
    from = at;
  }
  return [];
}

function valuesByRef(initial: Refs, changes: readonly RefChange[]): Map<string, (string | undefined)[]> {
  const values = new Map<string, (string | undefined)[]>();
  for (const [ref, value] of initial) values.set(ref, [value]);
  for (const { ref, value } of changes) values.set(ref, [...(values.get(ref) ?? [undefined]), value]);
  return values;
}

async function readChanges(log: string): Promise<readonly RefChange[]> {
  const text = await readFile(log, "latin1");
  return text.split("\n").flatMap((line) => {
    const [at, , value, ...name] = line.split(" ");
    const ref = name.join(" ");
    if (at === undefined || value === undefined || !ref.startsWith("refs/")) return [];
    return [{ at: BigInt(at), ref, value: /^0+$/.test(value) ? undefined : value }];
  });
}

function isBranchOrTag(ref: string): boolean {
  return ref.startsWith("refs/heads/") || ref.startsWith("refs/tags/");
}
