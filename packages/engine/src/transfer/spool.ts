/**
 * A folder for packs that have to be whole before they may be sent: bounded temporary files without a name.
 *
 * A file is created for its owner alone and unlinked at once, so that nothing is left of it whatever becomes of
 * the process. All files of a folder share one quota, also those of runs that go on beside each other.
 */

import { randomBytes } from "node:crypto";
import { constants, readSync, writeSync } from "node:fs";
import { open, unlink, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { SyncError } from "../errors.ts";

const READ_BYTES = 256 * 1024;

/** A file that is written from its start to its end, then read as often as needed. Whoever opens it closes it. */
export interface SpoolFile {
  readonly byteLength: number;
  /** Add to the end; `chunk` may be reused when this resolves. */
  write(chunk: Uint8Array): Promise<void>;
  /** {@link SpoolFile.write} for small pieces where nothing may be awaited. */
  appendSync(chunk: Uint8Array): void;
  /** A part that was written. */
  readSync(at: number, length: number): Uint8Array;
  /** Everything from the start, in chunks that belong to the caller. May be read again. */
  chunks(): AsyncIterable<Uint8Array>;
  /** Give the space back. May be called again. */
  close(): Promise<void>;
}

export interface SpoolFolderOptions {
  readonly directory: string;
  /** Of all open files together. */
  readonly maxBytes: number;
  /** Every pack that memory does not hold goes here, not only those that have to. */
  readonly isAlwaysUsed: boolean;
}

export class SpoolFolder {
  readonly #options: SpoolFolderOptions;
  #usedBytes = 0;

  constructor(options: SpoolFolderOptions) {
    this.#options = options;
  }

  get isAlwaysUsed(): boolean {
    return this.#options.isAlwaysUsed;
  }

  /** What a new file may hold now. */
  get freeBytes(): number {
    return Math.max(0, this.#options.maxBytes - this.#usedBytes);
  }

  /** @throws {SyncError} `SPOOL_FAILED` when the folder takes no file. */
  async open(): Promise<SpoolFile> {
    const { directory } = this.#options;
    const path = join(directory, `gitsync-spool-${randomBytes(12).toString("hex")}`);
    let handle: FileHandle;
    try {
      handle = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
    } catch (cause) {
      throw failed(directory, cause);
    }
    try {
      await unlink(path);
    } catch (cause) {
      await handle.close();
      throw failed(directory, cause);
    }
    return new OpenSpoolFile(handle, directory, (bytes) => this.#reserve(bytes));
  }

  /** That something will not fit: `what` says what, and how much it has. */
  tooSmall(what: string): SyncError {
    return this.#failed("is too small", `${what} and has to be whole before it is pushed`);
  }

  #failed(state: string, need: string): SyncError {
    const { directory, maxBytes } = this.#options;
    const used = `${this.#usedBytes} of the ${maxBytes} bytes of its quota are in use`;
    return new SyncError("SPOOL_FAILED", `The spool folder ${directory} ${state}: ${need}; ${used}`, {
      directory,
      limit: maxBytes,
      used: this.#usedBytes,
    });
  }

  #reserve(bytes: number): void {
    if (bytes > this.freeBytes) {
      throw this.#failed("is full", `${this.#usedBytes + bytes} bytes are needed`);
    }
    this.#usedBytes += bytes;
  }
}

class OpenSpoolFile implements SpoolFile {
  readonly #handle: FileHandle;
  readonly #directory: string;
  readonly #reserve: (bytes: number) => void;
  #byteLength = 0;
  #closed: Promise<void> | undefined;

  constructor(handle: FileHandle, directory: string, reserve: (bytes: number) => void) {
    this.#handle = handle;
    this.#directory = directory;
    this.#reserve = reserve;
  }

  get byteLength(): number {
    return this.#byteLength;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#reserve(chunk.length);
    const at = this.#byteLength;
    this.#byteLength += chunk.length;
    try {
      for (let written = 0; written < chunk.length;) {
        const rest = chunk.length - written;
        written += (await this.#handle.write(chunk, written, rest, at + written)).bytesWritten;
      }
    } catch (cause) {
      throw failed(this.#directory, cause);
    }
  }

  appendSync(chunk: Uint8Array): void {
    this.#reserve(chunk.length);
    const at = this.#byteLength;
    this.#byteLength += chunk.length;
    try {
      for (let written = 0; written < chunk.length;) {
        written += writeSync(this.#handle.fd, chunk, written, chunk.length - written, at + written);
      }
    } catch (cause) {
      throw failed(this.#directory, cause);
    }
  }

  readSync(at: number, length: number): Uint8Array {
    const bytes = Buffer.allocUnsafe(length);
    try {
      if (readSync(this.#handle.fd, bytes, 0, length, at) === length) return bytes;
    } catch (cause) {
      throw failed(this.#directory, cause);
    }
    throw failed(this.#directory, new Error("the file became shorter"));
  }

  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    for (let at = 0; at < this.#byteLength;) {
      const wanted = Math.min(READ_BYTES, this.#byteLength - at);
      let bytesRead: number;
      const chunk = Buffer.allocUnsafeSlow(wanted);
      try {
        ({ bytesRead } = await this.#handle.read(chunk, 0, wanted, at));
      } catch (cause) {
        throw failed(this.#directory, cause);
      }
      if (bytesRead === 0) throw failed(this.#directory, new Error("the file became shorter"));
      at += bytesRead;
      yield chunk.subarray(0, bytesRead);
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#handle.close().finally(() => this.#reserve(-this.#byteLength));
    return this.#closed;
  }
}

function failed(directory: string, cause: unknown): SyncError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
  return new SyncError(
    "SPOOL_FAILED",
    `Cannot keep a pack in the spool folder ${directory}: ${code}`,
    { directory, reason: code },
    { cause },
  );
}
