/** What a violation of git's protocol means for a run: a ProtocolError becomes a typed error of the engine. */

import { ProtocolError, type ProtocolErrorCode } from "@gitsync/protocol";
import { SyncError, type SyncErrorCode } from "../errors.ts";
import type { Side } from "../observer.ts";

const PACK_CODES: ReadonlySet<ProtocolErrorCode> = new Set([
  "PACK_INVALID",
  "PACK_CHECKSUM",
  "PACK_TRUNCATED",
]);

/**
 * The engine's form of `error`, if the protocol package threw it; anything else is returned as it is.
 *
 * `said` is what the other side wrote beside its answer, sanitised.
 */
export function protocolFailure(error: unknown, side: Side, url: string, said = ""): unknown {
  if (!(error instanceof ProtocolError)) return error;
  const { code, sentence } = meaningOf(error, side);
  return new SyncError(
    code,
    `${sentence} (${url}): ${error.message}${said === "" ? "" : ` (${said})`}`,
    { side, url, protocolCode: error.code },
    { cause: error },
  );
}

function meaningOf(
  error: ProtocolError,
  side: Side,
): { readonly code: SyncErrorCode; readonly sentence: string } {
  if (PACK_CODES.has(error.code)) return { code: "PACK_CORRUPT", sentence: `The ${side} sent a broken pack` };
  if (error.code === "REMOTE_ERROR") return { code: "REMOTE_REFUSED", sentence: `The ${side} refused` };
  if (error.code === "NOT_GIT") {
    return { code: "NOT_A_REPOSITORY", sentence: `The ${side} did not answer as a git server` };
  }
  return { code: "PROTOCOL_INVALID", sentence: `The ${side} broke git's protocol` };
}
