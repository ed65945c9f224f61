/** Runs the commands of a check, several at a time, and prints one line for each; the output only of those that fail. */

import { spawn } from "node:child_process";
import { delimiter, join } from "node:path";
import { performance } from "node:perf_hooks";
import { ROOT } from "./repository.ts";

/** One command of a check. */
export interface Step {
  readonly name: string;
  readonly command: readonly [program: string, ...args: string[]];
  /** Where it runs, relative to the root. Default: the root. */
  readonly folder?: string;
}

/** A step that hangs is ended after this long, so that a check always has an end. */
const STEP_DEADLINE_MS = 5 * 60_000;

const environment: NodeJS.ProcessEnv = {
  ...process.env,
  PATH: [join(ROOT, "node_modules", ".bin"), process.env["PATH"] ?? ""].join(delimiter),
  TURBO_TELEMETRY_DISABLED: "1",
  DO_NOT_TRACK: "1",
  NO_UPDATE_NOTIFIER: "1",
  ...(process.stdout.isTTY ? { FORCE_COLOR: "1" } : { NO_COLOR: "1" }),
};

/** What a command wrote and how it ended; `status` is 1 for one that could not be started or had to be ended. */
export interface StepOutcome {
  readonly status: number;
  readonly output: string;
  readonly seconds: number;
}

/** Run `steps`, at most `width` at once and in their order. Resolves to the number of steps that failed. */
export async function runSteps(steps: readonly Step[], width: number): Promise<number> {
  const started = performance.now();
  const columns = Math.max(...steps.map((step) => step.name.length));
  const waiting = [...steps];
  let failed = 0;

  async function lane(): Promise<void> {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
      const { status, output, seconds } = await runStep(step);
      const mark = status === 0 ? "ok  " : "FAIL";
      print(`${mark}  ${step.name.padEnd(columns)}  ${seconds.toFixed(1).padStart(5)} s`);
      if (status === 0) continue;
      failed += 1;
      print(`      $ ${step.command.join(" ")}\n${output.trimEnd()}\n`);
    }
  }

  await Promise.all(Array.from({ length: Math.min(width, steps.length) }, lane));
  const seconds = ((performance.now() - started) / 1_000).toFixed(1);
  print(failed === 0 ? `all ${steps.length} passed in ${seconds} s` : `${failed} of ${steps.length} failed`);
  return failed;
}

/** Run one command to its end. Never rejects: a program that cannot be started is an outcome, too. */
export function runStep(step: Step): Promise<StepOutcome> {
  const [program, ...args] = step.command;
  const started = performance.now();
  const { promise, resolve } = Promise.withResolvers<StepOutcome>();
  const child = spawn(program, args, {
    cwd: join(ROOT, step.folder ?? "."),
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
    signal: AbortSignal.timeout(STEP_DEADLINE_MS),
    killSignal: "SIGKILL",
  });
  let output = "";
  const collect = (chunk: string): void => {
    output += chunk;
  };
  child.stdout.setEncoding("utf8").on("data", collect);
  child.stderr.setEncoding("utf8").on("data", collect);
  child.on("error", (error) => {
    output += `${error.message}\n`;
    resolve({ status: 1, output, seconds: (performance.now() - started) / 1_000 });
  });
  child.on("close", (status) => {
    resolve({ status: status ?? 1, output, seconds: (performance.now() - started) / 1_000 });
  });
  return promise;
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
