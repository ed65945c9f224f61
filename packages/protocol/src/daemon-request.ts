// The first packet of the git:// transport.

import { decodeText } from "./byte-text.ts";
import { ProtocolError } from "./errors.ts";
import { encodePktLine } from "./pkt-line/pkt-line-encoder.ts";
import { parseRequestCommand, type RequestCommand } from "./request-command.ts";

/** A request to a git daemon: gitprotocol-pack(5), "Git Transport". */
export interface DaemonRequest {
  readonly service: RequestCommand;
  /** Absolute, or below a home: `~ann/a.git`. */
  readonly path: string;
  /** A name or an address; IPv6 ones without brackets. */
  readonly host?: string;
  readonly port?: number;
  /** Such as `version=2`. */
  readonly extraParameters?: readonly string[];
}

/**
 * The request as one pkt-line: gitprotocol-pack(5), "Git Transport". A new array.
 *
 * @throws {ProtocolError} `REQUEST_INVALID` when a part holds NUL or LF, the path is not absolute, or the host could
 * be taken for something else.
 */
export function encodeDaemonRequest(request: DaemonRequest): Uint8Array {
  const { service, path, host, port, extraParameters = [] } = request;
  if (!/^[/~]/.test(path)) throw invalid("the path is not absolute");
  if ([path, host ?? "", ...extraParameters].some((part) => /[\0\n]/.test(part)))
    throw invalid("a part holds NUL or LF");
  if (host !== undefined && !/^[^-[\]/\s][^[\]/\s]*$/.test(host))
    throw invalid("the host is no name or address");
  if (port !== undefined && (host === undefined || !isPort(port)))
    throw invalid("the port is none, or has no host");
  if (extraParameters.includes("")) throw invalid("an extra parameter is empty");
  let text = `${service} ${path}\0`;
  // Nothing but the host may stand before the second NUL: old daemons crash on it.
  if (host !== undefined) {
    const address = host.includes(":") ? `[${host}]` : host;
    text += `host=${address}${port === undefined ? "" : `:${port}`}\0`;
  }
  if (extraParameters.length > 0)
    text += `\0${extraParameters.map((parameter) => `${parameter}\0`).join("")}`;
  return encodePktLine(text);
}

/**
 * Read the payload of a daemon request: gitprotocol-pack(5), "Git Transport". Server side.
 *
 * @throws {ProtocolError} `REQUEST_INVALID` for an unknown service, a path that is not absolute or a host that is
 * none.
 */
export function decodeDaemonRequest(payload: Uint8Array): DaemonRequest {
  const text = decodeText(payload);
  const nul = text.indexOf("\0");
  const match = /^([a-z-]+) ([/~][^\n]*)$/.exec(nul === -1 ? text.replace(/\n$/, "") : text.slice(0, nul));
  if (match === null) throw invalid("it names no service and absolute path");
  const [hostPart = "", ...extra] = nul === -1 ? [] : text.slice(nul + 1).split("\0");
  const extraParameters = extra.filter((parameter) => parameter !== "");
  return {
    service: parseRequestCommand(match[1] ?? ""),
    path: match[2] ?? "",
    ...(hostPart === "" ? {} : parseHost(hostPart)),
    ...(extraParameters.length === 0 ? {} : { extraParameters }),
  };
}

function parseHost(text: string): { readonly host: string; readonly port?: number } {
  // Brackets go around an IPv6 address, whose colons would read as a port.
  const match = /^host=(?:\[([^[\]]+)\]|([^[\]:]+))(?::([0-9]{1,5}))?$/i.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? undefined : Number(match[3]);
  if (host === undefined || (port !== undefined && !isPort(port)))
    throw invalid("the host is no name or address");
  return { host, ...(port === undefined ? {} : { port }) };
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port <= 65535;
}

function invalid(found: string): ProtocolError {
  return new ProtocolError("REQUEST_INVALID", `Cannot use daemon request: ${found}`, {
    phase: "daemon-request",
  });
}
