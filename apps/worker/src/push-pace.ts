/** Keeps a run's pushes to the rate that the target's host takes, counted over the whole fleet. */

import { setTimeout as wait } from "node:timers/promises";
import type { PushPace } from "@gitsync/engine";
import type { TargetKey } from "@gitsync/jobs";
import type { RouteStore } from "@gitsync/producer";

export function pushPace(routes: RouteStore, target: TargetKey, perMinute: number): PushPace {
  const pass = async (take: boolean, signal: AbortSignal): Promise<void> => {
    for (;;) {
      const ms = await routes.pushWait(target, { perMinute, take });
      if (ms <= 0) return;
      await wait(ms, undefined, { signal });
    }
  };
  return { ready: (signal) => pass(false, signal), enter: (signal) => pass(true, signal) };
}
