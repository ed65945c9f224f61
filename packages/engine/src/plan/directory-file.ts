/**
 * Finds refs that cannot stand side by side: `refs/heads/a` and `refs/heads/a/b`. Pure.
 *
 * git stores loose refs as files, so a name may not also be the folder of another (git-update-ref(1)).
 */

import type { RefName, RefTable } from "@gitsync/protocol";

/** Names with the question which of them stand in the way of another. */
export class RefNamespace {
  readonly #listed: RefTable;
  readonly #added: ReadonlySet<RefName>;
  /** Every folder that holds added names, with the names in it. */
  readonly #folders = new Map<string, RefName[]>();

  /** Listed names, which may be many, and a few that are added to them. */
  constructor(listed: RefTable, added: Iterable<RefName>) {
    this.#listed = listed;
    this.#added = new Set(added);
    for (const name of this.#added) {
      for (const folder of foldersOf(name)) {
        const inside = this.#folders.get(folder);
        if (inside) inside.push(name);
        else this.#folders.set(folder, [name]);
      }
    }
  }

  /** The names that `name` cannot stand beside. */
  conflictsOf(name: RefName): readonly RefName[] {
    const above = foldersOf(name).filter((folder): folder is RefName => this.#has(folder as RefName));
    return [...above, ...this.#listed.under(`${name}/`).names(), ...(this.#folders.get(name) ?? [])];
  }

  #has(name: RefName): boolean {
    return this.#added.has(name) || this.#listed.has(name);
  }
}

/** `refs/heads/a/b` → `refs/heads`, `refs/heads/a`; the levels that no ref can have are left out. */
function foldersOf(name: RefName): string[] {
  const folders: string[] = [];
  for (let slash = name.indexOf("/", "refs/".length); slash !== -1; slash = name.indexOf("/", slash + 1)) {
    folders.push(name.slice(0, slash));
  }
  return folders;
}
