/** The one route that a request means by a mirror and, where there are several, by a target. */

import type { RouteDefinition, RouteStatus } from "@gitsync/jobs";
import { Problem, type ProblemFault } from "../http/problem.ts";

/** @throws {Problem} `mirror-not-found`, or `request-invalid` naming the targets that there are. */
export function chosenRoute(
  mirror: string,
  routes: readonly RouteStatus[],
  target: string | undefined,
): RouteDefinition {
  if (routes.length === 0) throw noMirror();
  const all = routes.map(({ definition }) => definition);
  const chosen = target === undefined ? all : all.filter(({ id }) => id === `${mirror}/${target}`);
  const [route] = chosen;
  if (route !== undefined && chosen.length === 1) return route;
  const targets = all.map(({ id }) => id.slice(mirror.length + 1)).join(", ");
  throw invalidRequest([{ path: "target", message: `must be one of ${targets}` }]);
}

/** @returns the problem of a mirror that nobody configured. */
export function noMirror(): Problem {
  return new Problem("mirror-not-found", "GET /v1/mirrors lists what there is");
}

/**
 * A JSON object that has texts only, none of them empty.
 *
 * @throws {Problem} `request-invalid`, naming what is missing, strange or no text.
 */
export function parseTexts<Needed extends string, Optional extends string>(
  body: unknown,
  needed: readonly Needed[],
  optional: readonly Optional[],
): Readonly<Record<Needed, string>> & Readonly<Partial<Record<Optional, string>>> {
  const given = typeof body === "object" && body !== null ? Object.entries(body) : [];
  const names: readonly string[] = [...needed, ...optional];
  const faults = given.flatMap(([path, value]): readonly ProblemFault[] => {
    if (!names.includes(path)) return [{ path, message: `is not known; known here: ${names.join(", ")}` }];
    return typeof value === "string" && value !== ""
      ? []
      : [{ path, message: "must be a text that is not empty" }];
  });
  const missing = needed
    .filter((name) => given.every(([path]) => path !== name))
    .map((path) => ({ path, message: "is required" }));
  if (faults.length + missing.length > 0) throw invalidRequest([...missing, ...faults]);
  return Object.fromEntries(given) as Readonly<Record<Needed, string>> &
    Readonly<Partial<Record<Optional, string>>>;
}

/** @returns the problem that names every fault. */
export function invalidRequest(faults: readonly ProblemFault[]): Problem {
  const told = faults.map((fault) => `${fault.path || "body"} ${fault.message}`).join("; ");
  return new Problem("request-invalid", told, faults);
}
