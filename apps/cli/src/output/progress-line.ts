/** The live line of a run: phase, bytes, rate, objects. Shown on a terminal, or on demand. */

import type { SyncObserver, SyncPhase } from "@gitsync/engine";
import { formatBytes } from "./result-text.ts";
import type { Terminal } from "./terminal.ts";

const PHASES: Readonly<Record<SyncPhase, string>> = {
  discover: "listing refs",
  plan: "planning",
  fetch: "fetching",
  push: "pushing",
  verify: "verifying",
  report: "reading the report",
};

export interface ProgressLineOptions {
  /** Plain lines on standard error where there is no terminal. */
  readonly always: boolean;
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

export function createProgressLine(terminal: Terminal, options: ProgressLineOptions): ProgressLine {
  let phase = "";
  const show = (text: string): void => {
    if (terminal.interactive) terminal.live(text);
    else if (options.always) terminal.note(`${text}\n`);
  };
  return {
    observe: (event) => {
      switch (event.type) {
        case "phase":
          phase = PHASES[event.phase];
          return show(phase);
        case "progress": {
          const objects =
            event.objects === undefined ? "" : `  ${event.objects.toLocaleString("en-US")} objects`;
          return show(
            `${phase.padEnd(12)}  ${event.side}  ${formatBytes(event.bytes)}  ${formatBytes(event.bytesPerSecond)}/s${objects}`,
          );
        }
        case "remote-message":
          return options.remoteMessages ? terminal.note(`${event.side}: ${event.text}\n`) : undefined;
        case "retry":
          return terminal.note(`trying again (attempt ${event.attempt}): ${event.reason}\n`);
        case "batch":
          return show(`batch ${event.done + 1} of ${event.planned}`);
        case "ref":
          return undefined;
      }
    },
    say: show,
    end: () => terminal.live(""),
  };
}
