/** ssh takes keys and known hosts as files only: they are written where nobody else may read, one per content. */

import { createHash, randomUUID } from "node:crypto";
import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makePrivateFolder } from "./private-folder.ts";

/** Files of one process. A rotated key gets a new file; the old one stays for runs that began with it. */
export class SshFiles {
  #folder: Promise<string> | undefined;
  readonly #written = new Map<string, Promise<string>>();

  /** The path of a file with this content, readable by its owner only. Writes each content once. */
  write(name: string, content: string): Promise<string> {
    const digest = createHash("sha256").update(content).digest("hex").slice(0, 16);
    const file = `${name}-${digest}`;
    const known = this.#written.get(file);
    if (known !== undefined) return known;
    const path = this.#create(file, content);
    this.#written.set(file, path);
    path.catch(() => this.#written.delete(file));
    return path;
  }

  /** Removes every file. */
  async close(): Promise<void> {
    const folder = this.#folder;
    this.#folder = undefined;
    this.#written.clear();
    if (folder !== undefined) await rm(await folder, { recursive: true, force: true });
  }

  async #create(file: string, content: string): Promise<string> {
    this.#folder ??= makePrivateFolder();
    const folder = await this.#folder;
    const path = join(folder, file);
    const unfinished = join(folder, randomUUID());
    await writeFile(unfinished, content, { mode: 0o600, flag: "wx" });
    await rename(unfinished, path);
    return path;
  }
}
