/**
 * What went wrong over ssh: its exit status and its words become a typed error. Pure.
 *
 * ssh ends with 255 when it failed itself, else with the status of the remote command. The words are those of
 * OpenSSH; a server's own words can at most pick another code.
 */

import type { EndpointRole } from "../../auth.ts";
import { SyncError, type SyncErrorCode } from "../../errors.ts";
import type { ProcessEnd } from "../stream/service-process.ts";

/** The status of ssh's own failures. */
const SSH_FAILED = 255;
/** What a shell ends with when it finds no such program. */
const NO_SUCH_COMMAND = 127;

interface Meaning {
  readonly words: RegExp;
  readonly code: SyncErrorCode;
  readonly sentence: string;
}

const OWN_FAILURES: readonly Meaning[] = [
  {
    words: /REMOTE HOST IDENTIFICATION HAS CHANGED/u,
    code: "HOST_KEY_UNTRUSTED",
    sentence: "its host key is another than the known one",
  },
  {
    words: /Host key verification failed|No \S+ host key is known/u,
    code: "HOST_KEY_UNTRUSTED",
    sentence: "its host key is not known",
  },
  {
    words: /Permission denied \(|Too many authentication failures|No more authentication methods/iu,
    code: "AUTH_DENIED",
    sentence: "it accepts none of the keys that were offered",
  },
  {
    words: /Could not resolve hostname/u,
    code: "REMOTE_UNREACHABLE",
    sentence: "its name cannot be resolved",
  },
  {
    words: /timed out|Timeout, server .* not responding/u,
    code: "REMOTE_TIMEOUT",
    sentence: "it does not answer",
  },
  { words: /Connection refused/u, code: "REMOTE_UNREACHABLE", sentence: "nothing listens there" },
  {
    words: /Bad configuration option|Bad owner or permissions|line \d+: /u,
    code: "LOCAL_FAILED",
    sentence: "ssh cannot work with its configuration",
  },
  {
    words: /Unable to negotiate|no matching .* found/u,
    code: "REMOTE_REFUSED",
    sentence: "it and this ssh have no algorithm in common",
  },
];

const REMOTE_FAILURES: readonly Meaning[] = [
  {
    words:
      /not found|could not be found|does not exist|cannot find repository|no such (?:project|repository)/iu,
    code: "NOT_FOUND",
    sentence: "it has no such repository for this user",
  },
  {
    words: /denied|not allowed|not granted|unauthori[sz]ed|forbidden/iu,
    code: "AUTH_DENIED",
    sentence: "it does not let this user in",
  },
  {
    words: /does not appear to be a git repository|not a git repository/u,
    code: "NOT_A_REPOSITORY",
    sentence: "there is no repository at this path",
  },
];

/** `undefined` when the end says nothing that the broken answer does not say better. */
export function sshFailure(end: ProcessEnd, role: EndpointRole, url: string): SyncError | undefined {
  const details = { side: role, url };
  if (end.startError !== undefined) {
    const why = end.startError === "ENOENT" ? "it is not installed" : end.startError;
    return new SyncError("LOCAL_FAILED", `Cannot run ssh for the ${role}: ${why}`, details);
  }
  const fail = (code: SyncErrorCode, sentence: string): SyncError => {
    const verb = end.when === "opening" ? "Cannot reach" : "Lost";
    const said = end.said.replaceAll(/@[@\s]*@/gu, " ").trim();
    return new SyncError(
      code,
      `${verb} the ${role} over ssh: ${sentence} (${url})${said === "" ? "" : `: ${said}`}`,
      details,
    );
  };
  if (end.status === SSH_FAILED) {
    const known = OWN_FAILURES.find(({ words }) => words.test(end.stderr));
    return known ? fail(known.code, known.sentence) : fail("REMOTE_UNREACHABLE", "the connection was lost");
  }
  if (end.status === undefined) return fail("REMOTE_UNREACHABLE", "ssh was ended by a signal");
  if (end.when === "talking" || end.status === 0) return undefined;
  if (end.status === NO_SUCH_COMMAND) return fail("REMOTE_REFUSED", "git is not to be found there");
  const known = REMOTE_FAILURES.find(({ words }) => words.test(end.stderr));
  return known ? fail(known.code, known.sentence) : fail("REMOTE_REFUSED", "it refused");
}
