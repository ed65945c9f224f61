/** How busy the machine was while something was measured, and how much of that was not ours. From /proc: Linux. */

import { readFileSync } from "node:fs";
import { familyCpuMs } from "./process-usage.ts";

export interface MachineUse {
  /** Share of the processors' time in which they worked; 1: all of them, all the time. */
  readonly busy: number;
  /** The part of it that neither this process nor its children used. */
  readonly others: number;
}

/** Begin to watch. @returns how to end it. */
export function machineUse(): () => MachineUse {
  const before = { ...processorTime(), ours: familyCpuMs(process.pid) };
  return () => {
    const { busyMs, allMs } = processorTime();
    const all = allMs - before.allMs;
    const busy = (busyMs - before.busyMs) / all;
    const ours = (familyCpuMs(process.pid) - before.ours) / all;
    return { busy, others: Math.max(0, busy - ours) };
  };
}

/** For people: `machine 80 % busy, 20 % by others`. */
export function machineText({ busy, others }: MachineUse): string {
  return `machine ${percent(busy)} busy, ${percent(others)} by others`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

function processorTime(): { readonly busyMs: number; readonly allMs: number } {
  const line = readFileSync("/proc/stat", "latin1").split("\n", 1)[0] ?? "";
  const times = line
    .split(/ +/u)
    .slice(1)
    .map((ticks) => Number(ticks) * 10);
  const [user = 0, nice = 0, system = 0, idle = 0, waiting = 0, irq = 0, softIrq = 0, steal = 0] = times;
  const busyMs = user + nice + system + irq + softIrq + steal;
  return { busyMs, allMs: busyMs + idle + waiting };
}
