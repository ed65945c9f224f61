/** Watches a pack on its way and gives it up when it is larger than its target will take. */

import { SyncError } from "../errors.ts";

export interface PackGuardOptions {
  /** Whether a pack of so many objects is worth sending; asked once, before any of it leaves. */
  readonly admits: (objects: number) => boolean;
  /** A pack that grows past it is given up. */
  readonly mostBytes: number;
}

export class PackGuard {
  readonly #options: PackGuardOptions;
  #objects: number | undefined;
  #bytes = 0;
  #isDeclined = false;

  constructor(options: PackGuardOptions) {
    this.#options = options;
  }

  /** The pack was given up; whoever reads it got an error instead of its end, so that no target has it whole. */
  get isDeclined(): boolean {
    return this.#isDeclined;
  }

  /** What was seen of the pack; none when it was not even begun. */
  get facts(): { readonly bytes: number; readonly objects: number } | undefined {
    return this.#objects === undefined ? undefined : { bytes: this.#bytes, objects: this.#objects };
  }

  /**
   * Look at what has arrived: bytes so far, and the object count once it is known.
   *
   * @throws {SyncError} `PACK_TOO_LARGE` when the pack is given up.
   */
  check(bytes: number, objects: number | undefined): void {
    const { admits, mostBytes } = this.#options;
    this.#bytes = bytes;
    if (objects !== undefined && this.#objects === undefined) {
      this.#objects = objects;
      if (!admits(objects)) throw this.#decline(`${objects} objects are too many for one push`);
    }
    if (bytes > mostBytes) throw this.#decline(`it has more than ${mostBytes} bytes`);
  }

  #decline(why: string): SyncError {
    this.#isDeclined = true;
    return new SyncError("PACK_TOO_LARGE", `The pack is larger than the target takes: ${why}`);
  }
}
