// Inputs that reached something new, kept in a folder outside the repository from one run to the next.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FuzzTarget } from "./target.ts";

/** One folder for each parser, in it one for each way to call it. */
export class Corpus {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  read(target: FuzzTarget): { readonly way: number; readonly bytes: Uint8Array }[] {
    return Object.keys(target.ways).flatMap((name, way) => {
      const folder = this.#folderOf(target, name);
      if (!existsSync(folder)) return [];
      return readdirSync(folder)
        .sort()
        .map((file) => ({ way, bytes: new Uint8Array(readFileSync(join(folder, file))) }));
    });
  }

  write(target: FuzzTarget, way: number, bytes: Uint8Array): void {
    const folder = this.#folderOf(target, Object.keys(target.ways)[way] ?? "");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, contentName(bytes)), bytes);
  }

  #folderOf(target: FuzzTarget, way: string): string {
    return join(this.#folder, target.name, way.replaceAll(/[^a-z0-9]+/gi, "-"));
  }
}

/** A file name that the content decides. */
export function contentName(bytes: Uint8Array): string {
  return createHash("sha1").update(bytes).digest("hex").slice(0, 16);
}
