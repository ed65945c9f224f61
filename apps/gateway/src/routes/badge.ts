/** `/badge/MIRROR.svg`: how a mirror is, for a README. For mirrors whose owner made that public, and nobody else. */

import type { RouteStateName } from "@gitsync/jobs";
import type { FastifyInstance } from "fastify";
import { Problem } from "../http/problem.ts";
import type { FleetView } from "../mirrors/fleet-view.ts";
import { inTime, WHOLE_FLEET_MS } from "../queue-deadline.ts";

const COLORS: Readonly<Record<RouteStateName, string>> = {
  ok: "#2e7d32",
  syncing: "#1565c0",
  degraded: "#b26a00",
  failing: "#c62828",
  unknown: "#b26a00",
  paused: "#616161",
  "never-synced": "#616161",
};
const LABEL = "mirror";
/** Of a character of 11 px text, and of the room around a word. */
const [LETTER, ROOM, HEIGHT] = [7, 12, 20];

export function addBadgeRoute(server: FastifyInstance, fleet: FleetView): void {
  // Anybody may look: pages that show a badge have no token.
  server.get<{ Params: { readonly file: string } }>(
    "/badge/:file",
    { config: { role: "probe" } },
    async ({ params: { file } }, reply) => {
      const id = file.endsWith(".svg") ? file.slice(0, -".svg".length) : undefined;
      const configured = id === undefined ? undefined : fleet.configured().find(id);
      // A mirror that is not public is not there.
      if (configured?.mirror.public !== true)
        throw new Problem("mirror-not-found", "No public mirror has this name");
      const found = (await inTime(fleet.all(), WHOLE_FLEET_MS)).find((mirror) => mirror.id === id);
      return reply
        .type("image/svg+xml")
        .header("cache-control", "public, max-age=60")
        .header("cross-origin-resource-policy", "cross-origin")
        .send(badge(found?.state ?? "never-synced"));
    },
  );
}

/** Both words are ours: nothing of a configuration gets into the picture. */
function badge(state: RouteStateName): string {
  const [left, right] = [LABEL, state].map((word) => word.length * LETTER + ROOM) as [number, number];
  const text = (x: number, word: string): string =>
    `<text x="${x}" y="14" text-anchor="middle" fill="#fff" font-family="Verdana,sans-serif" font-size="11">${word}</text>`;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${left + right}" height="${HEIGHT}" role="img" aria-label="${LABEL}: ${state}">` +
    `<title>${LABEL}: ${state}</title>` +
    `<rect width="${left}" height="${HEIGHT}" fill="#424242"/>` +
    `<rect x="${left}" width="${right}" height="${HEIGHT}" fill="${COLORS[state]}"/>` +
    `${text(left / 2, LABEL)}${text(left + right / 2, state)}</svg>\n`
  );
}
