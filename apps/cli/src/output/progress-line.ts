/**
 * Shows how a run goes on: one live line on a terminal, plain lines elsewhere on demand, and with JSON asked for,
 * the run's events as lines of JSON.
 */

import type { SyncEvent, SyncObserver } from "@gitsync/engine";
import type { FlagValues } from "../command-line/flags.ts";
import { afterEvent, progressText, watchRun } from "./progress-text.ts";
import type { Terminal } from "./terminal.ts";

export interface ProgressLineOptions {
  /** `lines` and `json` also where there is no terminal; `live`: only on one. */
  readonly form: "live" | "lines" | "json";
  /** What the servers say, too. */
  readonly remoteMessages: boolean;
}

export interface ProgressLine {
  readonly observe: SyncObserver;
  /** Something that is no part of a run: waiting for the queue, say. */
  say(text: string): void;
  /** Remove the line. */
  end(): void;
}

/** Of plain lines that say nothing but that it goes on, one in so long. */
const LINE_MS = 5_000;
/** How often the live line is drawn again, so that its clock goes. */
const DRAW_MS = 1_000;

/** What the flags of a command say about its progress. */
export function progressOptionsOf(flags: FlagValues): ProgressLineOptions {
  const form = flags.progress !== true ? "live" : flags.json === true ? "json" : "lines";
  return { form, remoteMessages: flags.verbose === true };
}

export function createProgressLine(terminal: Terminal, options: ProgressLineOptions): ProgressLine {
  const { form } = options;
  if (form === "json") return eventLines(terminal);
  let run = watchRun(performance.now());
  let drawing: NodeJS.Timeout | undefined;
  let shownMs = 0;
  const show = (text: string): void => {
    shownMs = performance.now();
    if (terminal.interactive) terminal.live(text);
    else if (form === "lines") terminal.note(`${text}\n`);
  };
  const draw = (): void => show(progressText(run, performance.now()));
  return {
    observe: (event) => {
      if (event.type === "phase" && run.phase === undefined) run = watchRun(performance.now());
      run = afterEvent(run, event);
      if (terminal.interactive) drawing ??= setInterval(draw, DRAW_MS).unref();
      if (event.type === "retry")
        return terminal.note(`trying again (attempt ${event.attempt}): ${event.reason}\n`);
      if (event.type === "remote-message" && !event.isTransient) {
        return options.remoteMessages ? terminal.note(`${event.side}: ${event.text}\n`) : undefined;
      }
      if (event.type === "ref" || event.type === "batch") return undefined;
      if (terminal.interactive || event.type === "phase" || performance.now() - shownMs >= LINE_MS) draw();
      return undefined;
    },
    say: show,
    end: () => {
      clearInterval(drawing);
      drawing = undefined;
      terminal.live("");
    },
  };
}

/** For programs: everything but what the result says anyway. */
function eventLines(terminal: Terminal): ProgressLine {
  return {
    observe: (event: SyncEvent) => {
      if (event.type !== "ref") terminal.note(`${JSON.stringify(event)}\n`);
    },
    say: () => {},
    end: () => {},
  };
}
