/**
 * Why a target refused a ref, as a stable code and a remedy: one table, matched against the target's words.
 *
 * The text picks the code and nothing else. Whether a ref was applied, moved or refused is decided by listing
 * the target. Stock git says `failed to update ref` for a held lock, a lost race and a conflict alike.
 */

export interface Refusal {
  readonly code: string;
  readonly remedy: string;
}

interface RefusalRule extends Refusal {
  readonly pattern: RegExp;
}

/** In order; the first match wins. Printed in the docs. */
export const REFUSALS: readonly RefusalRule[] = Object.freeze([
  {
    code: "hidden-ref",
    pattern: /hidden ref/iu,
    remedy: "exclude the ref; the target keeps it for itself",
  },
  {
    code: "default-branch",
    pattern: /deletion of the current branch|refusing to delete the current branch|default branch/iu,
    remedy: "change the target's default branch first",
  },
  {
    code: "workflow-scope",
    pattern: /without [`'"]?workflows?[`'"]? (?:scope|permission)/iu,
    remedy: "give the token the workflow scope",
  },
  {
    code: "secret-scanning",
    pattern: /push protection|secret[- ]scanning|GH013.*secret|push rule.*secret/isu,
    remedy: "allow the secret at the target, or remove it at the source",
  },
  {
    code: "protected",
    pattern: /protected (?:branch|tag|ref)|GH006|GH013|not allowed to (?:force )?push|prohibited by Gerrit/iu,
    remedy: "let the mirror's user push to the protected ref",
  },
  {
    code: "file-too-large",
    pattern: /GH001|exceeds .*file size|file size limit|large files? detected/iu,
    remedy: "use Git LFS at the source, or raise the target's limit",
  },
  {
    code: "pack-too-large",
    pattern: /pack exceeds maximum allowed size|exceeds? size limit|too large/iu,
    remedy: "raise the target's limit on pack size",
  },
  { code: "lfs-missing", pattern: /LFS objects are missing/iu, remedy: "copy the LFS objects to the target" },
  {
    code: "non-fast-forward-denied",
    pattern: /non-fast-forward|denyNonFastForwards/iu,
    remedy: "allow forced updates at the target",
  },
  {
    code: "deletion-denied",
    pattern: /deletion prohibited|denyDeletes/iu,
    remedy: "allow deletes at the target",
  },
  { code: "archived", pattern: /archived|read[- ]only/iu, remedy: "make the target writable" },
  {
    code: "hook-declined",
    pattern: /hook declined|hook refused|declined/iu,
    remedy: "read the target's message; one of its hooks refused",
  },
  {
    code: "checked-out",
    pattern: /currently checked out/iu,
    remedy: "push to a bare repository, or set receive.denyCurrentBranch at the target",
  },
  {
    code: "object-check-failed",
    pattern: /fsck error/iu,
    remedy: "allow the faulty objects at the target (receive.fsck.*), or repair them at the source",
  },
  {
    code: "missing-objects",
    pattern: /missing necessary objects|unpacker error|unresolved deltas/iu,
    remedy: "run it again; if it stays, run git fsck on both sides",
  },
  { code: "invalid-name", pattern: /funny refname/iu, remedy: "rename or exclude the ref" },
]);

const UNKNOWN: Refusal = { code: "refused-unknown", remedy: "read the target's message" };

/** The code of a refusal; `refused-unknown` when the words say nothing. */
export function refusalOf(text: string): Refusal {
  return REFUSALS.find((rule) => rule.pattern.test(text)) ?? UNKNOWN;
}

/** What a person can do about a refusal with this code. */
export function remedyOf(code: string): string {
  return (REFUSALS.find((rule) => rule.code === code) ?? UNKNOWN).remedy;
}
