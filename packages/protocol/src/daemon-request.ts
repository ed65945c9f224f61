// The first packet of the git:// transport.

import type { GitService } from "./advertisement.ts";
import { decodeText } from "./byte-text.ts";
import { ProtocolError } from "./errors.ts";
import { encodePktLine } from "./pkt-line/pkt-line-encoder.ts";

/** A request to a git daemon: gitprotocol-pack(5), "Git Transport". */
export interface DaemonRequest {
  readonly service: GitService;
  /** Absolute, or below a home: `~ann/a.git`. */
  readonly path: string;
  readonly host?: string;
  readonly port?: number;
  /** Such as `version=2`. */
  readonly extraParameters?: readonly string[];
}

/**
 * The request as one pkt-line. A new array.
 *
 * @throws {ProtocolError} `REQUEST_INVALID` when a part holds NUL or LF, or the path is not absolute.
 */
export function encodeDaemonRequest(request: DaemonRequest): Uint8Array {
  const { service, path, host, port, extraParameters = [] } = request;
  if (!/^[/~]/.test(path)) throw invalid("the path is not absolute");
  if ([path, host ?? "", ...extraParameters].some((part) => /[\0\n]/.test(part)))
    throw invalid("a part holds NUL or LF");
  let text = `${service} ${path}\0`;
  // Nothing but the host may stand before the second NUL: old daemons crash on it.
  if (host !== undefined) text += `host=${host}${port === undefined ? "" : `:${port}`}\0`;
  if (extraParameters.length > 0)
    text += `\0${extraParameters.map((parameter) => `${parameter}\0`).join("")}`;
  return encodePktLine(text);
}

/**
 * Read the payload of a daemon request. Server side.
 *
 * @throws {ProtocolError} `REQUEST_INVALID`.
 */
export function decodeDaemonRequest(payload: Uint8Array): DaemonRequest {
  const text = decodeText(payload);
  const nul = text.indexOf("\0");
  const match = /^(git-upload-pack|git-receive-pack) ([/~][^\n]*)$/.exec(
    nul === -1 ? text.replace(/\n$/, "") : text.slice(0, nul),
  );
  if (match === null) throw invalid("it names no service and absolute path");
  const service = match[1] === "git-upload-pack" ? "git-upload-pack" : "git-receive-pack";
  const [hostPart = "", ...extra] = nul === -1 ? [] : text.slice(nul + 1).split("\0");
  const extraParameters = extra.filter((parameter) => parameter !== "");
  const address = /^host=(.*?)(?::([0-9]{1,5}))?$/.exec(hostPart);
  return {
    service,
    path: match[2] ?? "",
    ...(address?.[1] === undefined ? {} : { host: address[1] }),
    ...(address?.[2] === undefined ? {} : { port: Number(address[2]) }),
    ...(extraParameters.length === 0 ? {} : { extraParameters }),
  };
}

function invalid(found: string): ProtocolError {
  return new ProtocolError("REQUEST_INVALID", `Cannot use daemon request: ${found}`, {
    phase: "daemon-request",
  });
}
