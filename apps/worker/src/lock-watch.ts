/**
 * Notices by this process's own clock that the lock of a running job can no longer be relied on.
 *
 * The queue says that a lock is lost when its store says so. A store that does not answer says nothing, and meanwhile
 * the lock runs out: others that do reach the store take the job. So whoever could not renew in time stops.
 */

const LOOK_MS = 1_000;

interface HeldLock {
  /** Of the monotonic clock. */
  renewedAt: number;
}

export interface LockWatchOptions {
  /** How old a renewal may be: less than a lock lasts. */
  readonly limitMs: number;
  /** Called once for a job whose lock is too old. */
  readonly onTooOld: (job: string) => void;
}

export class LockWatch {
  readonly #options: LockWatchOptions;
  readonly #held = new Map<string, HeldLock>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LockWatchOptions) {
    this.#options = options;
  }

  /** A job begins, with a new lock. Returns what to call when it is over. Looks only while there is something to watch. */
  begin(job: string): () => void {
    const lock = { renewedAt: performance.now() };
    this.#held.set(job, lock);
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS);
    return () => {
      // The same job may have begun again here meanwhile.
      if (this.#held.get(job) === lock) this.#held.delete(job);
      if (this.#held.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }

  renewed(jobs: readonly string[]): void {
    const now = performance.now();
    for (const job of jobs) {
      const lock = this.#held.get(job);
      if (lock !== undefined) lock.renewedAt = now;
    }
  }

  #look(): void {
    const oldest = performance.now() - this.#options.limitMs;
    for (const [job, { renewedAt }] of this.#held) {
      if (renewedAt > oldest) continue;
      this.#held.delete(job);
      this.#options.onTooOld(job);
    }
  }
}
