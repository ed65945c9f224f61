/** The body of an answer as it comes from the HTTP client: a short queue that stops the connection when it is full. */

import type { Dispatcher } from "undici";

/** How much may wait to be read. What is left of the last read when it is full has to be parsed again. */
const READ_AHEAD_BYTES = 512 * 1024;

/**
 * Read with {@link take}, and with {@link more} when there is nothing to take. The client calls the rest.
 *
 * Chunks are views of what the connection read, in its order; two may share a buffer.
 */
export class ResponseBody {
  readonly #controller: Dispatcher.DispatchController;
  readonly #chunks: Uint8Array[] = [];
  #waitingBytes = 0;
  #end: { readonly error: Error | undefined } | undefined;
  #wake: (() => void) | undefined;

  constructor(controller: Dispatcher.DispatchController) {
    this.#controller = controller;
  }

  /** The next chunk, if it is here. */
  take(): Uint8Array | undefined {
    const chunk = this.#chunks.shift();
    if (chunk === undefined) return undefined;
    this.#waitingBytes -= chunk.length;
    // Brings more at once when it was read already.
    if (this.#chunks.length === 0) this.#controller.resume();
    return chunk;
  }

  /** Resolves when there is something to take, or with false at the end. @throws what ended it early. */
  async more(): Promise<boolean> {
    while (this.#chunks.length === 0) {
      if (this.#end?.error !== undefined) throw this.#end.error;
      if (this.#end !== undefined) return false;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return true;
  }

  /** Give up what is left of it, and the connection; nothing can be taken any more. */
  destroy(): void {
    this.#chunks.length = 0;
    // Whoever traces or counts requests takes an AbortError for what it is: nobody's failure.
    const gone = new DOMException("the answer was given up", "AbortError");
    if (this.#end === undefined) this.#controller.abort(gone);
    this.fail(gone);
  }

  push(chunk: Uint8Array): void {
    if (this.#end !== undefined) return;
    this.#chunks.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes >= READ_AHEAD_BYTES) this.#controller.pause();
    this.#wake?.();
  }

  end(): void {
    this.#end ??= { error: undefined };
    this.#wake?.();
  }

  /** What has come may still be taken. */
  fail(error: Error): void {
    this.#end ??= { error };
    this.#wake?.();
  }
}
