import { describe, expect, test } from "vitest";
import { SyncError } from "../errors.ts";
import { abortedError, connectionError } from "./connection-failure.ts";

const FACTS = { side: "target", url: "https://example.com/a", phase: "git-receive-pack" } as const;
const LIVE = new AbortController().signal;

describe("connectionError()", () => {
  const withCode = (code: string): Error => Object.assign(new Error("broken"), { code });
  test.for([
    ["ECONNREFUSED", "REMOTE_UNREACHABLE"],
    ["ENOTFOUND", "REMOTE_UNREACHABLE"],
    ["ECONNRESET", "REMOTE_UNREACHABLE"],
    ["UND_ERR_SOCKET", "REMOTE_UNREACHABLE"],
    ["ETIMEDOUT", "REMOTE_TIMEOUT"],
    ["UND_ERR_CONNECT_TIMEOUT", "REMOTE_TIMEOUT"],
    ["UND_ERR_HEADERS_TIMEOUT", "REMOTE_TIMEOUT"],
    ["UND_ERR_BODY_TIMEOUT", "REMOTE_TIMEOUT"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "TLS_UNTRUSTED"],
    ["SELF_SIGNED_CERT_IN_CHAIN", "TLS_UNTRUSTED"],
    ["CERT_HAS_EXPIRED", "TLS_UNTRUSTED"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "TLS_UNTRUSTED"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "TLS_UNTRUSTED"],
    ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "AUTH_REQUIRED"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "PROTOCOL_INVALID"],
    ["EPROTO", "PROTOCOL_INVALID"],
    ["HPE_INVALID_CONSTANT", "PROTOCOL_INVALID"],
    ["HPE_HEADER_OVERFLOW", "PROTOCOL_INVALID"],
    ["Z_DATA_ERROR", "PROTOCOL_INVALID"],
  ] as const)("%s is %s, also behind other errors", ([reason, code]) => {
    expect(connectionError(withCode(reason), FACTS, LIVE)).toMatchObject({ code, details: { reason } });
    const wrapped = new Error("outer", { cause: new AggregateError([new Error("first"), withCode(reason)]) });
    expect(connectionError(wrapped, FACTS, LIVE)).toMatchObject({ code });
  });

  test("knows an answer that is not HTTP by its name, as it may come without a code", () => {
    const error = Object.assign(new Error("broken"), { name: "HTTPParserError", code: undefined });
    expect(connectionError(error, FACTS, LIVE)).toMatchObject({ code: "PROTOCOL_INVALID" });
  });

  test("lets a typed error through, however deep", () => {
    const typed = new SyncError("EGRESS_DENIED", "no");
    expect(connectionError(new Error("outer", { cause: new AggregateError([typed]) }), FACTS, LIVE)).toBe(
      typed,
    );
  });

  test("is not caught in a circle", () => {
    const circle = new Error("a");
    circle.cause = circle;
    expect(connectionError(circle, FACTS, LIVE)).toMatchObject({ code: "REMOTE_UNREACHABLE" });
    expect(connectionError("not an error", FACTS, LIVE)).toMatchObject({ code: "REMOTE_UNREACHABLE" });
  });

  test("is an abort when the caller aborted, with the reason as its cause", () => {
    const reason = new Error("enough");
    expect(connectionError(withCode("ECONNRESET"), FACTS, AbortSignal.abort(reason))).toMatchObject({
      code: "ABORTED",
      cause: reason,
    });
    const stalled = new SyncError("REMOTE_TIMEOUT", "stalled");
    expect(abortedError(AbortSignal.abort(stalled))).toBe(stalled);
  });
});
