/**
 * Why a target refused a ref, as a stable code and a remedy: one table, matched against the target's words.
 *
 * The text picks the code and nothing else. Whether a ref was applied, moved or refused is decided by listing
 * the target. Stock git says `failed to update ref` for a held lock, a lost race and a conflict alike.
 */

export interface Refusal {
  /** Stable, kebab-case. */
  readonly code: string;
  /** What the target means by it. */
  readonly meaning: string;
  /** What a person can do about it. */
  readonly remedy: string;
  /** Whether the same push would be refused until somebody changes something. Others may pass the next time. */
  readonly isLasting: boolean;
}

interface RefusalRule extends Refusal {
  readonly pattern: RegExp;
  /** Words of hosts that mean this, as they send them: host, words. */
  readonly says: readonly (readonly [host: string, words: string])[];
}

/** In order; the first match wins. Printed in `docs/refusals.md`. */
export const REFUSALS: readonly RefusalRule[] = Object.freeze([
  {
    code: "hidden-ref",
    meaning: "the target keeps this ref for itself",
    pattern: /hidden ref/iu,
    remedy: "exclude the ref; the target keeps it for itself",
    isLasting: true,
    says: [
      ["git", "deny updating a hidden ref"],
      ["GitHub", "deny updating a hidden ref"],
    ],
  },
  {
    code: "default-branch",
    meaning: "the branch to delete is the one that the target's HEAD names",
    pattern: /deletion of the current branch|refusing to delete the current branch|default branch/iu,
    remedy: "change the target's default branch first",
    isLasting: true,
    says: [
      ["git", "deletion of the current branch prohibited"],
      ["GitHub", "refusing to delete the current branch: refs/heads/main"],
      ["GitLab", "GitLab: The default branch of a project cannot be deleted."],
      ["Gitea", "Gitea: branch main is the default branch and cannot be deleted"],
    ],
  },
  {
    code: "workflow-scope",
    meaning: "the push adds or changes a CI workflow, and the token may not",
    pattern: /without [`'"]?workflows?[`'"]? (?:scope|permission)/iu,
    remedy: "give the token the workflow scope",
    isLasting: true,
    says: [
      [
        "GitHub",
        "refusing to allow a Personal Access Token to create or update workflow `.github/workflows/ci.yml` without `workflow` scope",
      ],
      [
        "GitHub",
        "refusing to allow a GitHub App to create or update workflow `.github/workflows/ci.yml` without `workflows` permission",
      ],
    ],
  },
  {
    code: "workflow-timeout",
    meaning: "the target ran out of time while it looked for changed CI workflows",
    pattern: /unable to determine if workflow/iu,
    remedy: "try again; a token with the workflow scope is not asked",
    isLasting: false,
    says: [
      [
        "GitHub",
        "Unable to determine if workflow can be created or updated due to timeout; `workflows` scope may be required.",
      ],
    ],
  },
  {
    code: "secret-scanning",
    meaning: "the target found a secret in what was pushed",
    pattern:
      /push protection|secret[- ]scanning|secrets detected|one or more secrets|contain credentials or other secrets|GH013.*secret|push rule.*secret/isu,
    remedy: "allow the secret at the target, or remove it at the source",
    isLasting: true,
    says: [
      [
        "GitHub",
        "push declined due to repository rule violations (GH013: Repository rule violations found for refs/heads/main. - Push cannot contain secrets)",
      ],
      ["GitHub", "GH009: Secrets detected! This push failed."],
      ["GitLab", "PUSH BLOCKED: Secrets detected in code changes"],
      ["Azure DevOps", "VS403654: The push was rejected because it contains one or more secrets."],
    ],
  },
  {
    code: "tag-exists",
    meaning: "the tag is there already, and the target lets nobody move tags",
    pattern: /change existing tags|clobber existing tag|tag \S+ already exists/iu,
    remedy: "let the mirror's user change tags at the target, or exclude the tag",
    isLasting: true,
    says: [["GitLab", "GitLab: You are not allowed to change existing tags on this project."]],
  },
  {
    code: "archived",
    meaning: "the repository takes no pushes at all",
    pattern: /archived|(?<!temporarily )read[- ]only|project state does not permit write/iu,
    remedy: "make the target writable",
    isLasting: true,
    says: [
      ["GitHub", "This repository was archived so it is read-only."],
      ["GitLab", "You can't push code to a read-only GitLab instance."],
      [
        "Gitea",
        "This repo is archived. You can view files and clone it, but cannot push or open issues/pull-requests.",
      ],
      ["Bitbucket", "repository is in read only mode (over 2 GB size limit)."],
      ["Gerrit", "prohibited by Gerrit: project state does not permit write"],
    ],
  },
  {
    code: "protected",
    meaning: "a rule of the target protects this ref from pushes, or from forced ones",
    pattern:
      /protected (?:branch|tag|ref)|is protected from|GH006|GH013|not allowed to (?:force )?push|prohibited by Gerrit|TF402455|TF401027|permission denied to update branch|only be modified through pull requests/iu,
    remedy: "let the mirror's user push to the protected ref",
    isLasting: true,
    says: [
      [
        "GitHub",
        "protected branch hook declined (GH006: Protected branch update failed for refs/heads/main.)",
      ],
      [
        "GitHub",
        "push declined due to repository rule violations (GH013: Repository rule violations found for refs/heads/main. - Changes must be made through a pull request.)",
      ],
      [
        "GitLab",
        "pre-receive hook declined (GitLab: You are not allowed to push code to protected branches on this project.)",
      ],
      ["GitLab", "GitLab: You are not allowed to force push code to a protected branch on this project."],
      ["GitLab", "GitLab: Protected tags cannot be updated."],
      ["Gitea", "pre-receive hook declined (Gitea: Not allowed to push to protected branch main)"],
      ["Forgejo", "pre-receive hook declined (Forgejo: branch main is protected from force push)"],
      ["Bitbucket", "pre-receive hook declined (Permission denied to update branch main.)"],
      ["Bitbucket Data Center", "Branch refs/heads/main can only be modified through pull requests."],
      [
        "Azure DevOps",
        "TF402455: Pushes to this branch are not permitted; you must use a pull request to update this branch.",
      ],
      ["Azure DevOps", "TF401027: You need the Git 'ForcePush' permission to perform this action."],
      ["Gerrit", "prohibited by Gerrit: not permitted: force update"],
    ],
  },
  {
    code: "lfs-missing",
    meaning: "the push names Git LFS objects that the target does not have",
    pattern: /LFS objects are missing|GH008|unknown Git LFS object/iu,
    remedy: "copy the LFS objects to the target",
    isLasting: true,
    says: [
      ["GitHub", "GH008: Your push referenced at least 8 unknown Git LFS objects:"],
      [
        "GitLab",
        'GitLab: LFS objects are missing. Ensure LFS is properly set up or try a manual "git lfs push --all".',
      ],
    ],
  },
  {
    code: "file-too-large",
    meaning: "a file is larger than the target takes",
    pattern: /GH001|exceeds .*file size|file size limit|large files? detected|blobs which exceed the/iu,
    remedy: "use Git LFS at the source, or raise the target's limit",
    isLasting: true,
    says: [
      [
        "GitHub",
        "pre-receive hook declined (GH001: Large files detected. You may want to try Git Large File Storage - https://git-lfs.github.com.)",
      ],
      ["GitHub", "File a.pdf is 122.92 MB; this exceeds GitHub's file size limit of 100.00 MB"],
      ["GitLab", "GitLab: You are attempting to check in one or more blobs which exceed the 100.0MiB limit:"],
    ],
  },
  {
    code: "no-space",
    meaning: "the disk, or the quota, of the target is full",
    pattern: /no space left on device|disk quota exceeded/iu,
    remedy: "make room at the target",
    isLasting: false,
    says: [
      ["git", "unpacker error: index-pack abnormal exit (fatal: write error: No space left on device)"],
      ["git", "unpacker error: unpack-objects abnormal exit (error: file write error: Disk quota exceeded)"],
    ],
  },
  {
    code: "pack-too-large",
    meaning: "the push as a whole is larger than the target takes, and cannot be brought in parts",
    pattern: /pack exceeds maximum allowed size|exceeds? size limit|size is greater than|too large/iu,
    remedy: "raise the target's limit on pack size, or keep large files out of git at the source (Git LFS)",
    isLasting: true,
    says: [
      ["git", "unpacker error: index-pack abnormal exit (fatal: pack exceeds maximum allowed size)"],
      ["GitHub", "unpacker error (fatal: pack exceeds maximum allowed size (2.00 GiB))"],
      [
        "Azure DevOps",
        "TF402462: This push was rejected because its size is greater than the 5120 MB limit for pushes in this repository.",
      ],
    ],
  },
  {
    code: "directory-file-conflict",
    meaning: "a ref that the target does not list stands where a folder is needed, or the other way round",
    pattern: /'[^']+' exists; cannot create '|file[- ]directory conflict/iu,
    remedy: "exclude one of the two refs, or delete the other one at the target",
    isLasting: false,
    says: [
      [
        "git",
        "failed to update ref (cannot lock ref 'refs/heads/a/b': 'refs/heads/a' exists; cannot create 'refs/heads/a/b')",
      ],
      ["GitLab", "reference update: file directory conflict"],
    ],
  },
  {
    code: "non-fast-forward-denied",
    meaning: "the target takes no forced updates",
    pattern: /non-fast-forward|denyNonFastForwards/iu,
    remedy: "allow forced updates at the target",
    isLasting: true,
    says: [["git", "non-fast-forward"]],
  },
  {
    code: "deletion-denied",
    meaning: "the target takes no deletes",
    pattern: /deletion prohibited|denyDeletes/iu,
    remedy: "allow deletes at the target",
    isLasting: true,
    says: [["git", "deletion prohibited"]],
  },
  {
    code: "hook-declined",
    meaning: "a hook of the target refused, for reasons of its own",
    pattern: /hook declined|hook refused|declined/iu,
    remedy: "read the target's message; one of its hooks refused",
    isLasting: true,
    says: [
      ["git", "pre-receive hook declined"],
      ["git", "hook declined"],
    ],
  },
  {
    code: "checked-out",
    meaning: "the branch is checked out in a working tree at the target",
    pattern: /currently checked out/iu,
    remedy: "push to a bare repository, or set receive.denyCurrentBranch at the target",
    isLasting: true,
    says: [["git", "branch is currently checked out"]],
  },
  {
    code: "object-check-failed",
    meaning: "an object does not pass the target's checks",
    pattern: /fsck error/iu,
    remedy: "allow the faulty objects at the target (receive.fsck.*), or repair them at the source",
    isLasting: true,
    says: [
      [
        "git",
        "unpacker error: index-pack abnormal exit (error: object 1234: missingSpaceBeforeDate: invalid author/committer line\nfatal: fsck error in packed object)",
      ],
    ],
  },
  {
    code: "missing-objects",
    meaning: "the target could not unpack the push, or lacks objects that it needs",
    pattern: /missing necessary objects|unpacker error|unresolved deltas/iu,
    remedy: "run it again; if it stays, run git fsck on both sides",
    isLasting: false,
    says: [
      ["git", "missing necessary objects"],
      ["git", "unpacker error: index-pack abnormal exit (fatal: pack has 3 unresolved deltas)"],
    ],
  },
  {
    code: "invalid-name",
    meaning: "the target's git does not take this name",
    pattern: /funny refname/iu,
    remedy: "rename or exclude the ref",
    isLasting: true,
    says: [["git", "funny refname"]],
  },
  {
    code: "refused-unknown",
    meaning: "the target's words say nothing that is known",
    pattern: /^/u,
    remedy: "read the target's message",
    isLasting: false,
    says: [
      ["git", "failed to update ref"],
      ["git", "atomic transaction failed"],
      ["GitLab", "The repository is temporarily read-only. Please try again later."],
    ],
  },
]);

/** The code of a refusal; `refused-unknown` when the words say nothing. */
export function refusalOf(text: string): Refusal {
  return ruleWhere((rule) => rule.pattern.test(text));
}

/** What is known of a code; of one that is not in the table, as of `refused-unknown`. */
export function refusalWithCode(code: string): Refusal {
  return ruleWhere((rule) => rule.code === code || rule.code === "refused-unknown");
}

function ruleWhere(test: (rule: RefusalRule) => boolean): Refusal {
  const found = REFUSALS.find(test);
  // The last rule matches everything.
  if (found === undefined) throw new TypeError("The table of refusals has no last rule");
  return found;
}
