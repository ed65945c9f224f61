/** What a push does to refs: each command by itself, or all of them or none. */

import {
  type CommandStatus,
  isZeroObjectId,
  type ObjectId,
  type RefName,
  type RefUpdateCommand,
} from "@gitsync/protocol";
import { History } from "./history.ts";
import type { ServedRepository } from "./served-repository.ts";

/** Why the owner of a repository does not want a command; undefined: he does. */
export type CommandVeto = (command: RefUpdateCommand) => string | undefined;

/** What became of the commands, and what to tell the user besides. */
export interface UpdateOutcome {
  readonly statuses: readonly CommandStatus[];
  /** Lines as git's receive-pack writes them. */
  readonly complaints: readonly string[];
}

/** The refs as they would be, until they are. */
class Transaction {
  readonly #repository: ServedRepository;
  readonly #changed = new Map<RefName, ObjectId | undefined>();

  constructor(repository: ServedRepository) {
    this.#repository = repository;
  }

  get(name: RefName): ObjectId | undefined {
    return this.#changed.has(name) ? this.#changed.get(name) : this.#repository.ref(name);
  }

  set(name: RefName, oid: ObjectId | undefined): void {
    this.#changed.set(name, oid);
  }

  /** A ref that this name is a folder of, or that is a folder of this name. */
  conflict(name: RefName): RefName | undefined {
    const names = new Set([...this.#repository.refs().map(([ref]) => ref), ...this.#changed.keys()]);
    return [...names].find(
      (other) =>
        this.get(other) !== undefined && (other.startsWith(`${name}/`) || name.startsWith(`${other}/`)),
    );
  }

  commit(): void {
    for (const [name, oid] of this.#changed) {
      if (oid === undefined) this.#repository.deleteRef(name);
      else this.#repository.setRef(name, oid);
    }
  }
}

/** Carry out commands. */
export function updateRefs(
  repository: ServedRepository,
  commands: readonly RefUpdateCommand[],
  options: {
    readonly atomic: boolean;
    /** New ids that lead to objects which are not here. */
    readonly missing: ReadonlySet<ObjectId>;
    readonly veto: CommandVeto;
  },
): UpdateOutcome {
  const transaction = new Transaction(repository);
  const complaints: string[] = [];
  const reasons = commands.map((command) => {
    const reason =
      refusal(repository, command, options.missing) ??
      options.veto(command) ??
      obstacle(transaction, command, complaints);
    if (reason === undefined) transaction.set(command.ref, newIdOf(command));
    return reason;
  });
  const isRolledBack = options.atomic && reasons.some((reason) => reason !== undefined);
  if (!isRolledBack) transaction.commit();
  return {
    statuses: commands.map(({ ref }, index) => {
      const reason = isRolledBack ? (reasons[index] ?? "atomic transaction failed") : reasons[index];
      return reason === undefined ? { type: "ok", ref, options: {} } : { type: "ng", ref, reason };
    }),
    complaints,
  };
}

/** The new value; undefined for a delete. */
export function newIdOf(command: RefUpdateCommand): ObjectId | undefined {
  return command.type === "delete" ? undefined : command.newId;
}

/** What the repository never does. */
function refusal(
  { policy, objects }: ServedRepository,
  command: RefUpdateCommand,
  missing: ReadonlySet<ObjectId>,
): string | undefined {
  if (policy.hiddenRefs?.some((prefix) => command.ref.startsWith(prefix)) === true) {
    return "deny updating a hidden ref";
  }
  if (!command.ref.startsWith("refs/")) return "funny refname";
  if (command.type === "delete") return policy.denyDeletes === true ? "deletion prohibited" : undefined;
  if (missing.has(command.newId)) return "missing necessary objects";
  const { type } = objects.read(command.newId);
  if (command.ref.startsWith("refs/heads/") && type !== "commit") return "failed to update ref";
  if (command.type === "create" || policy.denyNonFastForwards !== true) return undefined;
  const history = new History(objects, new Set());
  return history.commitsFrom([command.newId]).has(command.oldId) ? undefined : "non-fast-forward";
}

/** What stands in the way just now. */
function obstacle(
  transaction: Transaction,
  command: RefUpdateCommand,
  complaints: string[],
): string | undefined {
  const present = transaction.get(command.ref);
  const expected = command.type === "create" ? undefined : command.oldId;
  const conflict = present === undefined ? transaction.conflict(command.ref) : undefined;
  const problem =
    present !== expected
      ? describeLease(present, expected)
      : conflict !== undefined && command.type !== "delete"
        ? `'${conflict}' exists; cannot create '${command.ref}'`
        : undefined;
  if (problem === undefined) return undefined;
  complaints.push(`error: cannot lock ref '${command.ref}': ${problem}\n`);
  return "failed to update ref";
}

function describeLease(present: ObjectId | undefined, expected: ObjectId | undefined): string {
  if (present === undefined) return "unable to resolve reference";
  if (expected === undefined || isZeroObjectId(expected)) return "reference already exists";
  return `is at ${present} but expected ${expected}`;
}
