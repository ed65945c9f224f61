/**
 * The one place that starts remote helpers: `git remote-<scheme>`, for schemes that the caller allowed.
 *
 * A helper is asked to `connect`, or else to `stateless-connect`; one that can only import or fetch objects by
 * itself would need a repository of ours, and there is none. Source: gitremote-helpers(7).
 */

import type { Readable, Writable } from "node:stream";
import { sanitizeText, type GitService } from "@gitsync/protocol";
import type { EndpointRole } from "../../auth.ts";
import { SyncError } from "../../errors.ts";
import { printLocation, type HelperLocation } from "../../location/location.ts";
import type { ResolvedLimits } from "../../options.ts";
import { withIdleLimit } from "../idle-limit.ts";
import type { BreakOff, Channel, OpenChannel } from "../stream/channel.ts";
import { ServiceProcess, type ChildEnvironment, type ProcessEnd } from "../stream/service-process.ts";
import { ResponseEndRemover } from "./response-end.ts";

export interface HelperServiceOptions {
  readonly service: GitService;
  readonly role: EndpointRole;
  readonly location: HelperLocation;
  readonly gitProtocol: string | undefined;
  readonly environment: ChildEnvironment;
  readonly limits: ResolvedLimits;
}

/** Longer than any capability or answer of a helper. */
const MAX_LINE = 1_000;
const MAX_CAPABILITIES = 100;

export function helperService(options: HelperServiceOptions): OpenChannel {
  return async (signal) => {
    const { location, gitProtocol, environment } = options;
    const { scheme, address } = location;
    const process = new ServiceProcess({
      command: "git",
      args: [`remote-${scheme}`, address, address],
      environment: { ...environment, ...(gitProtocol === undefined ? {} : { GIT_PROTOCOL: gitProtocol }) },
      explain: (end) => helperFailure(end, options),
    });
    const stop = (): void => void process.stop();
    signal.addEventListener("abort", stop, { once: true });
    try {
      return new HelperChannel(process, await greet(process, options));
    } catch (error) {
      if (error === HELPER_ENDED) await process.ended();
      await process.stop();
      signal.throwIfAborted();
      throw process.failure("opening") ?? error;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  };
}

/** Have the helper connect; what it answers from now on is the service's. */
async function greet(process: ServiceProcess, options: HelperServiceOptions): Promise<Readable> {
  const { service, location, role, limits } = options;
  const line = (): Promise<string> =>
    withIdleLimit(readLine(process.output), limits.idleTimeoutMs, () =>
      failure("REMOTE_TIMEOUT", "is silent"),
    );
  const failure = (code: "REMOTE_TIMEOUT" | "TRANSPORT_UNSUPPORTED", why: string): SyncError =>
    new SyncError(
      code,
      `Cannot reach the ${role}: the remote helper git-remote-${location.scheme} ${why} (${printLocation(location)})`,
      { side: role, url: printLocation(location), scheme: location.scheme },
    );
  process.input.write("capabilities\n");
  const capabilities = new Set<string>();
  for (let next = await line(); next !== ""; next = await line()) {
    capabilities.add(next.replace(/^\*/u, ""));
    if (capabilities.size > MAX_CAPABILITIES)
      throw failure("TRANSPORT_UNSUPPORTED", "lists no end of capabilities");
  }
  const command = capabilities.has("connect") ? "connect" : "stateless-connect";
  if (!capabilities.has(command)) {
    throw failure("TRANSPORT_UNSUPPORTED", "offers neither connect nor stateless-connect");
  }
  process.input.write(`${command} ${service}\n`);
  const answer = await line();
  if (answer !== "") {
    const why = answer === "fallback" ? "" : `: ${sanitizeText(answer, { maxLength: 200 })}`;
    throw failure("TRANSPORT_UNSUPPORTED", `cannot ${command} to ${service}${why}`);
  }
  return command === "connect" ? process.output : process.output.pipe(new ResponseEndRemover());
}

/** The helper's output ended where a line was due. */
const HELPER_ENDED = new Error("the helper ended");

/** One line without its LF; what comes after it stays in the stream. */
async function readLine(stream: Readable): Promise<string> {
  let line = Buffer.alloc(0);
  for (;;) {
    const chunk: Buffer | null = stream.read();
    if (chunk === null) {
      if (stream.readableEnded || stream.destroyed) throw HELPER_ENDED;
      await readableOrEnd(stream);
      continue;
    }
    const end = chunk.indexOf(0x0a);
    line = Buffer.concat([line, end === -1 ? chunk : chunk.subarray(0, end)]);
    if (line.length > MAX_LINE) throw new Error("the helper's line is too long");
    if (end === -1) continue;
    if (end + 1 < chunk.length) stream.unshift(chunk.subarray(end + 1));
    return line.toString("utf8");
  }
}

function readableOrEnd(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    const events = ["readable", "end", "close", "error"] as const;
    const done = (): void => {
      for (const event of events) stream.off(event, done);
      resolve();
    };
    for (const event of events) stream.on(event, done);
  });
}

function helperFailure(end: ProcessEnd, { role, location }: HelperServiceOptions): SyncError | undefined {
  const url = printLocation(location);
  const details = { side: role, url, scheme: location.scheme };
  if (end.startError !== undefined) {
    return new SyncError("LOCAL_FAILED", `Cannot run git for the ${role}: ${end.startError}`, details);
  }
  if (end.when !== "opening") return undefined;
  const name = `git-remote-${location.scheme}`;
  if (/is not a git command/u.test(end.stderr)) {
    return new SyncError(
      "TRANSPORT_UNSUPPORTED",
      `Cannot reach the ${role}: ${name} is not installed`,
      details,
    );
  }
  const said = end.said === "" ? "it ended without a word" : end.said;
  return new SyncError(
    "REMOTE_REFUSED",
    `Cannot reach the ${role} through ${name} (${url}): ${said}`,
    details,
  );
}

/** The helper's process, with its answers as the service gave them. */
class HelperChannel implements Channel {
  readonly input: Writable;
  readonly output: Readable;
  readonly endsInput = true;
  readonly #process: ServiceProcess;

  constructor(process: ServiceProcess, output: Readable) {
    this.#process = process;
    this.input = process.input;
    this.output = output;
  }

  ended(): Promise<void> {
    return this.#process.ended();
  }

  async finish(goodbye: string): Promise<void> {
    this.output.removeAllListeners("readable");
    this.output.resume();
    await this.#process.finish(goodbye);
  }

  async stop(graceMs?: number): Promise<void> {
    await this.#process.stop(graceMs);
    this.output.destroy();
  }

  said(): string {
    return this.#process.said();
  }

  failure(when: BreakOff): SyncError | undefined {
    return this.#process.failure(when);
  }
}
