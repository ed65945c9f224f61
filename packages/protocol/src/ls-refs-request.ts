// The v2 command ls-refs, both directions.

import { hasFeature } from "./capabilities.ts";
import { PktLineWriter } from "./pkt-line/pkt-line-encoder.ts";
import { invalidArgument, type V2Command, type V2Session, writeCommand } from "./v2-command.ts";

/** What to ask for. gitprotocol-v2(5), "ls-refs". */
export interface LsRefsRequest {
  /** Ask for the object behind annotated tags. */
  readonly peel?: boolean;
  /** Ask for the targets of symbolic refs. */
  readonly symrefs?: boolean;
  /** Ask where an unborn HEAD points; sent only to servers that know it. */
  readonly unborn?: boolean;
  /** Name prefixes, not path components: `refs/heads/a` also asks for `refs/heads/abc`. None asks for all refs. */
  readonly prefixes: readonly string[];
}

/** {@link LsRefsRequest} with what is needed to write it. */
export interface LsRefsRequestOptions extends LsRefsRequest, V2Session {}

/**
 * An ls-refs request: gitprotocol-v2(5), "ls-refs". Sends only what the server advertised. A new array.
 *
 * @throws {ProtocolError} `CAPABILITY_MISSING` when the server has no ls-refs, or is given options it does not take.
 */
export function encodeLsRefsRequest(request: LsRefsRequestOptions): Uint8Array {
  const writer = new PktLineWriter();
  writeCommand(writer, "ls-refs", request);
  if (request.peel === true) writer.line("peel\n");
  if (request.symrefs === true) writer.line("symrefs\n");
  if (request.unborn === true && hasFeature(request.capabilities, "ls-refs", "unborn"))
    writer.line("unborn\n");
  for (const prefix of request.prefixes) writer.line(`ref-prefix ${prefix}\n`);
  return writer.flush().take();
}

/**
 * The arguments of an ls-refs command: gitprotocol-v2(5), "ls-refs". Unknown ones are refused, as git does. Server side.
 *
 * @throws {ProtocolError} `REQUEST_INVALID`.
 */
export function decodeLsRefsRequest(command: V2Command): LsRefsRequest {
  const prefixes: string[] = [];
  const flags = { peel: false, symrefs: false, unborn: false };
  for (const argument of command.args) {
    if (argument.startsWith("ref-prefix ")) prefixes.push(argument.slice(11));
    else if (argument === "peel" || argument === "symrefs" || argument === "unborn") flags[argument] = true;
    else throw invalidArgument("ls-refs", argument);
  }
  return { ...flags, prefixes };
}
