/** Ending a process in order: what was opened last is closed first, and nothing can keep it from ending. */

import { DeadlineError, withDeadline } from "./deadline.ts";
import type { Logger } from "./logger.ts";

const GRACE_MS = 25_000;
const DEFAULT_SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const satisfies readonly NodeJS.Signals[];

/** Exit status of a process that a signal ended: 128 + its number. */
const SIGNAL_STATUS: Partial<Readonly<Record<NodeJS.Signals, number>>> = {
  SIGHUP: 129,
  SIGINT: 130,
  SIGTERM: 143,
};

export interface ShutdownOptions {
  readonly logger: Logger;
  /** A stage's deadline when it names none. Default: 25,000. */
  readonly graceMs?: number;
  /** What begins the shutdown. Default: SIGTERM, SIGINT, SIGHUP; none for a library's own tests. */
  readonly signals?: readonly NodeJS.Signals[];
  /** Default: `process.exit`. Called after the stages of a shutdown that a signal began, and on the second signal. */
  readonly exit?: (status: number) => void;
}

export interface Shutdown {
  /** Aborts with an `AbortError` that names the reason when the shutdown begins, before the first stage. */
  readonly signal: AbortSignal;
  /** The signal that began it, if one did: a command that was interrupted exits with 130. */
  readonly signalled: NodeJS.Signals | undefined;
  /**
   * Add a stage. Stages run one after the other, the last added first, so that adding right after opening closes
   * in the right order. `run` gets a signal that aborts at the stage's deadline (default: `graceMs`); a stage that
   * goes on after it is left behind. A stage that fails is logged; the next one runs.
   *
   * @returns a function that takes the stage out again.
   */
  add(name: string, run: (signal: AbortSignal) => Promise<void> | void, deadlineMs?: number): () => void;
  /** Begin, or join the shutdown that has begun. Resolves when every stage is over; never rejects. */
  run(reason: string): Promise<void>;
  /** Stop listening to signals. */
  dispose(): void;
}

interface Stage {
  readonly name: string;
  readonly run: (signal: AbortSignal) => Promise<void> | void;
  readonly deadlineMs: number;
}

/**
 * The process's shutdown. The first signal begins it and exits with 0 when it is over (1 when a stage failed or
 * overran); the second one exits at once, with 128 + its number.
 */
export function createShutdown(options: ShutdownOptions): Shutdown {
  const { logger, graceMs = GRACE_MS, signals = DEFAULT_SIGNALS } = options;
  const exit = options.exit ?? ((status: number) => process.exit(status));
  const controller = new AbortController();
  const stages: Stage[] = [];
  let running: Promise<void> | undefined;
  let signalled: NodeJS.Signals | undefined;
  let hasFailed = false;

  const runStage = async (stage: Stage): Promise<void> => {
    const startedAt = performance.now();
    const deadline = AbortSignal.timeout(stage.deadlineMs);
    try {
      await withDeadline((async () => stage.run(deadline))(), stage.deadlineMs);
      logger.debug(
        { stage: stage.name, duration_ms: Math.round(performance.now() - startedAt) },
        "Stage ended",
      );
    } catch (error) {
      hasFailed = true;
      if (error instanceof DeadlineError) {
        logger.warn(
          { stage: stage.name, deadline_ms: stage.deadlineMs },
          "A stage of the shutdown took too long",
        );
      } else {
        logger.warn({ stage: stage.name, err: error }, "A stage of the shutdown failed");
      }
    }
  };

  const run = async (reason: string): Promise<void> => {
    running ??= (async () => {
      logger.info({ reason }, "Shutting down");
      controller.abort(new DOMException(`Shutting down: ${reason}`, "AbortError"));
      // A stage may add another one, e.g. for something that was being opened when the shutdown began.
      for (let stage = stages.pop(); stage !== undefined; stage = stages.pop()) await runStage(stage);
    })();
    return running;
  };

  const onSignal = (name: NodeJS.Signals): void => {
    if (signalled !== undefined || running !== undefined) {
      logger.warn({ signal: name }, "Second signal, exiting at once");
      exit(SIGNAL_STATUS[name] ?? 1);
      return;
    }
    signalled = name;
    void run(name).then(() => {
      exit(hasFailed ? 1 : 0);
    });
  };
  for (const name of signals) process.on(name, onSignal);

  return {
    signal: controller.signal,
    get signalled() {
      return signalled;
    },
    add(name, runIt, deadlineMs = graceMs) {
      const stage: Stage = { name, run: runIt, deadlineMs };
      stages.push(stage);
      return () => {
        const index = stages.indexOf(stage);
        if (index !== -1) stages.splice(index, 1);
      };
    },
    run,
    dispose() {
      for (const name of signals) process.off(name, onSignal);
    },
  };
}
