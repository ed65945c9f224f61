import { describe, expect, test } from "vitest";
import type { ProcessEnd } from "../stream/service-process.ts";
import { sshFailure } from "./ssh-failure.ts";

const URL = "ssh://git@example.com/a";

function ended(status: number | undefined, stderr: string, when: ProcessEnd["when"] = "opening"): ProcessEnd {
  return { when, startError: undefined, status, said: stderr.slice(-600), stderr };
}

describe("sshFailure()", () => {
  test.for([
    [255, "ssh: Could not resolve hostname x: Name or service not known", "REMOTE_UNREACHABLE"],
    [255, "ssh: connect to host x port 22: Connection refused", "REMOTE_UNREACHABLE"],
    [255, "ssh: connect to host x port 22: No route to host", "REMOTE_UNREACHABLE"],
    [255, "ssh: connect to host x port 22: Connection timed out", "REMOTE_TIMEOUT"],
    [255, "Connection timed out during banner exchange", "REMOTE_TIMEOUT"],
    [255, "Timeout, server x not responding.", "REMOTE_TIMEOUT"],
    [255, "kex_exchange_identification: Connection closed by remote host", "REMOTE_UNREACHABLE"],
    [255, "", "REMOTE_UNREACHABLE"],
    [
      255,
      "No ED25519 host key is known for x and you have requested strict checking.\nHost key verification failed.",
      "HOST_KEY_UNTRUSTED",
    ],
    [
      255,
      `@  WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!  @\n${"x".repeat(700)}\nHost key verification failed.`,
      "HOST_KEY_UNTRUSTED",
    ],
    [255, "git@x: Permission denied (publickey).", "AUTH_DENIED"],
    [255, "Received disconnect from x port 22:2: Too many authentication failures", "AUTH_DENIED"],
    [
      255,
      "Unable to negotiate with x port 22: no matching host key type found. Their offer: ssh-dss",
      "REMOTE_REFUSED",
    ],
    [255, "/home/a/.ssh/config: line 1: Bad configuration option: x", "LOCAL_FAILED"],
    [127, "sh: git-upload-pack: command not found", "REMOTE_REFUSED"],
    [128, "fatal: '/a' does not appear to be a git repository", "NOT_A_REPOSITORY"],
    [1, "ERROR: Repository not found.\n", "NOT_FOUND"],
    [1, "remote: The project you were looking for could not be found", "NOT_FOUND"],
    [1, "conq: repository does not exist.", "NOT_FOUND"],
    [1, "ERROR: Permission to a/b.git denied to c.", "AUTH_DENIED"],
    [1, "FATAL: W any a git DENIED by fallthru", "AUTH_DENIED"],
    [1, "Interactive git prompt '~/git-shell-commands' does not work", "REMOTE_REFUSED"],
    [undefined, "", "REMOTE_UNREACHABLE"],
  ] as const)("status %s with %j is %s", ([status, stderr, code]) => {
    expect(sshFailure(ended(status, stderr), "source", URL)).toMatchObject({
      code,
      details: { side: "source", url: URL },
    });
  });

  test("tells an unknown host key from another one than the known", () => {
    const unknown = sshFailure(ended(255, "No RSA host key is known for x"), "target", URL);
    const changed = sshFailure(ended(255, "REMOTE HOST IDENTIFICATION HAS CHANGED"), "target", URL);
    expect(unknown?.message).toContain("is not known");
    expect(changed?.message).toContain("another than the known one");
  });

  test("leaves the end of a conversation to its answer, unless the connection was lost", () => {
    expect(sshFailure(ended(0, ""), "source", URL)).toBeUndefined();
    expect(sshFailure(ended(1, "hook declined", "talking"), "source", URL)).toBeUndefined();
    expect(sshFailure(ended(128, "fatal: the remote end hung up", "talking"), "source", URL)).toBeUndefined();
    expect(sshFailure(ended(255, "client_loop: send disconnect", "talking"), "source", URL)).toMatchObject({
      code: "REMOTE_UNREACHABLE",
    });
    expect(sshFailure(ended(undefined, "", "talking"), "source", URL)?.code).toBe("REMOTE_UNREACHABLE");
  });

  test("says that ssh is not there", () => {
    const end = { ...ended(undefined, ""), startError: "ENOENT" };
    expect(sshFailure(end, "source", URL)).toMatchObject({
      code: "LOCAL_FAILED",
      message: expect.stringContaining("not installed"),
    });
  });
});
