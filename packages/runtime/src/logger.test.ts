import { context, ROOT_CONTEXT, trace, TraceFlags } from "@opentelemetry/api";
import { describe, expect, test } from "vitest";
import { RuntimeError } from "./errors.ts";
import { createLogger, LOG_FORMATS } from "./logger.ts";
import { formatPrettyLine } from "./log-pretty.ts";
import type { LogFormat, Logger } from "./logger.ts";
import { SecretRegistry } from "./secret-registry.ts";
import { Secret } from "./secret.ts";

const CANARY = "canary-7f3a/9+x";

function capture(format: LogFormat = "json"): { readonly logger: Logger; readonly text: () => string } {
  const lines: string[] = [];
  const secrets = new SecretRegistry();
  secrets.add(CANARY, "bot");
  const logger = createLogger({
    name: "git-sync-worker",
    level: "trace",
    format,
    secrets,
    destination: { write: (line) => lines.push(line) },
  });
  return { logger, text: () => lines.join("") };
}

function entry(text: string): Record<string, unknown> {
  return JSON.parse(text);
}

describe("createLogger()", () => {
  test("writes one JSON object per line, with name, level word and ISO time", () => {
    const { logger, text } = capture();
    logger.info({ mirror_id: "docs", ref_count: 3 }, "Job finished");
    expect(entry(text())).toEqual({
      level: "info",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      name: "git-sync-worker",
      mirror_id: "docs",
      ref_count: 3,
      msg: "Job finished",
    });
    expect(text().endsWith("}\n")).toBe(true);
  });

  test("adds the trace and span of the line", () => {
    const { logger, text } = capture();
    const ids = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };
    const span = trace.wrapSpanContext({ ...ids, traceFlags: TraceFlags.SAMPLED });
    // The API's own manager does not carry a context across; the SDK's does, see test/runtime.
    const active = trace.setSpan(ROOT_CONTEXT, span);
    context.setGlobalContextManager({
      active: () => active,
      with: (_context, run, self, ...args) => run.call(self, ...args),
      bind: (_context, target) => target,
      enable() {
        return this;
      },
      disable() {
        return this;
      },
    });
    logger.info("Inside");
    context.disable();
    logger.info("Outside");
    const [inside = "", outside = ""] = text().split("\n");
    expect(entry(inside)).toMatchObject({ trace_id: ids.traceId, span_id: ids.spanId });
    expect(entry(outside)).not.toHaveProperty("trace_id");
  });

  test("walks the causes of an error, with codes and our own details, without cycles", () => {
    const { logger, text } = capture();
    const root: Error & { code?: string } = new Error("connect ECONNREFUSED");
    root.code = "ECONNREFUSED";
    const error = new RuntimeError(
      "QUEUE_UNAVAILABLE",
      "Redis does not answer",
      { url: "redis://h" },
      { cause: root },
    );
    root.cause = error;
    logger.error({ err: error }, "Cannot start");
    const { err } = entry(text());
    expect(err).toMatchObject({
      type: "RuntimeError",
      code: "QUEUE_UNAVAILABLE",
      details: { url: "redis://h" },
      stack: expect.stringContaining("logger.test.ts"),
      cause: { type: "Error", code: "ECONNREFUSED", message: "connect ECONNREFUSED" },
    });
    expect(text().length).toBeLessThan(10_000);
  });

  test("bounds what one line can hold", () => {
    const { logger, text } = capture();
    const deep: Record<string, unknown> = {};
    deep["deep"] = deep;
    logger.warn(
      { deep, long: "x".repeat(100_000), many: Array.from({ length: 5_000 }, () => 1), big: 10n },
      "Big",
    );
    expect(text().length).toBeLessThan(12_000);
    expect(entry(text())).toMatchObject({ big: "10" });
  });

  const circular: { self?: unknown; value: string } = { value: CANARY };
  circular.self = circular;
  const withCause = new Error("outer", { cause: new Error(`inner ${CANARY}`) });
  const shapes: readonly (readonly [string, unknown])[] = [
    ["a string", CANARY],
    ["a percent-encoded URL", `https://h/?t=${encodeURIComponent(CANARY)}`],
    ["userinfo", `https://bot:${encodeURIComponent(CANARY)}@h/x.git`],
    ["userinfo nobody registered", "https://bot:unregistered-pw@h/x.git"],
    ["a URL object", new URL("https://bot:unregistered-pw@h/x.git?sig=unregistered-pw")],
    ["basic authorization", { authorization: `Basic ${Buffer.from(`bot:${CANARY}`).toString("base64")}` }],
    ["an error", new Error(`denied ${CANARY}`)],
    ["a cause", withCause],
    ["an aggregate", new AggregateError([new Error(CANARY)], "several")],
    ["an error's name", Object.assign(new Error("x"), { name: CANARY })],
    [
      "a foreign error's properties",
      Object.assign(new Error("x"), { config: { headers: { token: CANARY } } }),
    ],
    ["a buffer", Buffer.from(CANARY)],
    ["a typed array", new TextEncoder().encode(CANARY)],
    ["a buffer deep inside", { a: { b: [Buffer.from(CANARY)] } }],
    ["a map", new Map([["k", CANARY]])],
    ["a set", new Set([CANARY])],
    ["a Secret", new Secret(CANARY)],
    ["a key", { [CANARY]: 1 }],
    ["a circle", circular],
    ["toJSON", { toJSON: () => ({ value: CANARY }) }],
    ["JSON in a string", JSON.stringify({ token: CANARY })],
    ["a token's shape", "ghp_abcdefghijklmnopqrstuvwxyz0123456789"],
  ];
  const leaks = [
    CANARY,
    encodeURIComponent(CANARY),
    Buffer.from(CANARY).toString("base64").slice(0, 12),
    [...Buffer.from(CANARY)].join(","),
    "unregistered-pw",
    "ghp_abc",
  ];

  test.for(LOG_FORMATS.flatMap((format) => shapes.map(([shape, value]) => ({ format, shape, value }))))(
    "lets no secret out in $format through $shape",
    ({ format, value }) => {
      const { logger, text } = capture(format);
      logger.info({ value, err: value }, "Fields");
      logger.child({ value }).info("Bindings");
      if (typeof value === "string") logger.info(`In the message: ${value}`);
      if (value instanceof Error) logger.error(value);
      for (const leak of leaks) expect(text()).not.toContain(leak);
    },
  );

  test("keeps every line parseable when a secret is removed from it", () => {
    const { logger, text } = capture();
    for (const [, value] of shapes) logger.info({ value }, "Fields");
    const lines = text().trimEnd().split("\n");
    expect(lines).toHaveLength(shapes.length);
    for (const line of lines) expect(entry(line)).toHaveProperty("msg", "Fields");
  });

  test("formats for people: time, level, message, fields, indented stack, no control characters", () => {
    const { logger, text } = capture("pretty");
    logger.warn(
      { route: "docs/backup", reason: "two words", err: new Error("bad\u001b[31m red") },
      "Route is failing",
    );
    expect(text()).toMatch(
      /^\d\d:\d\d:\d\d warn {2}Route is failing route=docs\/backup reason="two words"\n {4}Error: bad red/,
    );
    expect(text()).not.toContain("\u001b");
  });
});

describe("formatPrettyLine()", () => {
  const line = (fields: object): string =>
    formatPrettyLine(
      JSON.stringify({ time: "2026-01-31T12:00:00Z", level: "info", msg: "Sync run finished", ...fields }),
    );

  test("shows of a report what a glance needs", () => {
    const result = {
      refs: [{ target_ref: "refs/heads/main" }],
      counts: { applied: 2, skipped: 7, refused: 1, blocked: 0 },
    };
    const error = { code: "AUTH_DENIED", message: "The server said no", remedy: "check the token" };
    const report = { run_id: "r", route: "docs/backup", outcome: "degraded", result, error };
    expect(line({ duration_ms: 5, report })).toBe(
      '12:00:00 info  Sync run finished duration_ms=5 route=docs/backup outcome=degraded applied=2 refused=1 code=AUTH_DENIED error="The server said no" remedy="check the token"\n',
    );
    expect(line({ report: "odd" })).toBe("12:00:00 info  Sync run finished\n");
  });

  test("shows an error that is a text below the line", () => {
    expect(line({ error: "first\nsecond" })).toBe(
      "12:00:00 info  Sync run finished\n    first\n    second\n",
    );
  });
});
