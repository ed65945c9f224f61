/** What a process and the supervisor of its embedded server say to each other: one JSON object per line. */

import { RUNTIME_ERROR_CODES, RuntimeError } from "../errors.ts";
import type { RuntimeErrorCode } from "../errors.ts";

/** The first line of a process. `rejoin` when it lost its supervisor: then its jobs are not orphans. */
export interface Hello {
  readonly type: "hello";
  readonly pid: number;
  readonly rejoin: boolean;
}

/** The last line of a process that has closed its connections to the database. */
export interface Leave {
  readonly type: "leave";
}

export interface Ready {
  readonly type: "ready";
  /** How many jobs of killed processes were put back to waiting. */
  readonly releasedJobs: number;
}

export interface Failed {
  readonly type: "failed";
  readonly code: RuntimeErrorCode;
  readonly message: string;
}

export type FromMember = Hello | Leave;
export type FromSupervisor = Ready | Failed;

export function encodeLine(message: FromMember | FromSupervisor): string {
  return `${JSON.stringify(message)}\n`;
}

/** `undefined` for anything that a process of this version would not say. */
export function parseFromMember(line: string): FromMember | undefined {
  const message = parseObject(line);
  if (message["type"] === "leave") return { type: "leave" };
  if (message["type"] !== "hello" || typeof message["pid"] !== "number") return undefined;
  return { type: "hello", pid: message["pid"], rejoin: message["rejoin"] === true };
}

/** `undefined` for anything that a supervisor of this version would not say. */
export function parseFromSupervisor(line: string): FromSupervisor | undefined {
  const message = parseObject(line);
  if (message["type"] === "ready") {
    const { releasedJobs } = { releasedJobs: 0, ...message };
    return { type: "ready", releasedJobs: Number(releasedJobs) };
  }
  const code = RUNTIME_ERROR_CODES.find((candidate) => candidate === message["code"]);
  if (message["type"] !== "failed" || code === undefined) return undefined;
  return { type: "failed", code, message: String(message["message"]) };
}

/** Any failure as a line; what is not an error of ours means that the server did not start. */
export function failedFrom(error: unknown): Failed {
  const code = error instanceof RuntimeError ? error.code : "EMBEDDED_START_FAILED";
  return { type: "failed", code, message: error instanceof Error ? error.message : String(error) };
}

function parseObject(line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
