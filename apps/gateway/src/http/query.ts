/** Reads a query string as strictly as a body: what is not known is a fault, and every fault is told. */

import { Problem, type ProblemFault } from "./problem.ts";

export interface QueryShape<State extends string, Text extends string> {
  /** What `state` may be. */
  readonly states: readonly State[];
  /** Parameters that take any text. */
  readonly texts: readonly Text[];
  /** What `limit` is at most. */
  readonly limit: number;
}

/** What was given; each at most once, none empty. */
export type Query<State extends string, Text extends string> = {
  readonly [K in Text]?: string;
} & { readonly state?: State; readonly limit?: number };

/** @throws {Problem} `query-invalid`. */
export function parseQuery<const State extends string, const Text extends string>(
  query: Readonly<Record<string, unknown>>,
  shape: QueryShape<State, Text>,
): Query<State, Text> {
  const faults: ProblemFault[] = [];
  const known: readonly string[] = ["state", ...shape.texts, "limit"];
  const text = (name: string): string | undefined => {
    const value = query[name];
    if (value === undefined || (typeof value === "string" && value !== "")) return value;
    faults.push({ path: name, message: "must be given once, with a value" });
    return undefined;
  };
  for (const name of Object.keys(query)) {
    if (!known.includes(name)) {
      faults.push({ path: name, message: `is not known; known here: ${known.join(", ")}` });
    }
  }
  const stateText = text("state");
  const state = shape.states.find((name) => name === stateText);
  if (stateText !== undefined && state === undefined) {
    faults.push({ path: "state", message: `must be one of ${shape.states.join(", ")}` });
  }
  const limitText = text("limit");
  const limit = limitText === undefined ? undefined : Number(limitText);
  if (limit !== undefined && !(Number.isInteger(limit) && limit >= 1 && limit <= shape.limit)) {
    faults.push({ path: "limit", message: `must be a number from 1 to ${shape.limit}` });
  }
  const texts = shape.texts.flatMap((name) => {
    const value = text(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  if (faults.length > 0) {
    const told = faults.map(({ path, message }) => `${path} ${message}`).join("; ");
    throw new Problem("query-invalid", told, faults);
  }
  return {
    ...Object.fromEntries(texts),
    ...(state === undefined ? {} : { state }),
    ...(limit === undefined ? {} : { limit }),
  } as Query<State, Text>;
}
