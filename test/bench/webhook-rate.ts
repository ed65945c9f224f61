/** Deliveries at a fixed rate, however long each takes: how long until 202, and is every hint in the store? */

import { setTimeout as sleep } from "node:timers/promises";
import type { Figure } from "./figure.ts";
import { startHookFleet } from "./hook-fleet.ts";
import { percentile } from "./percentile.ts";
import { cpuMs } from "./process-usage.ts";

const NAME = "webhook-rate";
const PER_SECOND = 200;
const SECONDS = 60;
const MIRRORS = 1_000;
const WARM_UP = 500;

interface MirrorPage {
  readonly mirrors: readonly {
    readonly id: string;
    readonly routes: readonly { readonly requestedAt?: number }[];
  }[];
}

export async function measureWebhookRate(): Promise<readonly Figure[]> {
  const ids = Array.from({ length: MIRRORS }, (_, index) => index + 1);
  await using fleet = await startHookFleet({
    store: "redis",
    worker: false,
    mirrors: ids
      .map(
        (id) => `  - id: m${id}
    source: { url: "https://source.test/${id}.git", repositoryId: "${id}" }
    targets: [{ id: backup, url: "https://target.test/${id}.git" }]
`,
      )
      .join(""),
  });
  for (let index = 0; index < WARM_UP; index += 1) await fleet.deliver((index % MIRRORS) + 1);

  const times: number[] = [];
  const lastSent = new Map<number, number>();
  let refused = 0;
  const answers: Promise<void>[] = [];
  const cpuBefore = cpuMs(fleet.gatewayPid);
  const begun = performance.now();
  for (let index = 0; index < PER_SECOND * SECONDS; index += 1) {
    const due = begun + (index * 1_000) / PER_SECOND;
    const early = due - performance.now();
    if (early > 1) await sleep(early);
    const id = ((index * 7) % MIRRORS) + 1;
    lastSent.set(id, Date.now());
    answers.push(
      fleet.deliver(id).then((status) => {
        // From when it was due: a sender that falls behind must not hide the wait.
        times.push(performance.now() - due);
        if (status !== 202) refused += 1;
      }),
    );
  }
  await Promise.all(answers);
  const cpu = (cpuMs(fleet.gatewayPid) - cpuBefore) / answers.length;
  await sleep(1_100);
  const page = (await (await fetch(`${fleet.address}/v1/mirrors?limit=1000`)).json()) as MirrorPage;
  const lost = page.mirrors.filter(({ id, routes }) => {
    const sent = lastSent.get(Number(id.slice(1)));
    return sent !== undefined && (routes[0]?.requestedAt ?? 0) < sent;
  }).length;
  const how = `${PER_SECOND}/s for ${SECONDS} s over ${MIRRORS} mirrors, Redis with appendfsync always`;
  return [
    { benchmark: NAME, name: "delivery to 202, p50", value: percentile(times, 50), unit: "ms", how },
    {
      benchmark: NAME,
      name: "delivery to 202, p99",
      value: percentile(times, 99),
      unit: "ms",
      limit: 50,
      how,
    },
    { benchmark: NAME, name: "processor time of the gateway per delivery", value: cpu, unit: "ms", how },
    { benchmark: NAME, name: "not answered 202", value: refused, unit: "", limit: 0, how },
    { benchmark: NAME, name: "mirrors whose last hint is not stored", value: lost, unit: "", limit: 0, how },
  ];
}
