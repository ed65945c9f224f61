import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { describe, expect, test } from "vitest";
import { SecretRegistry } from "./secret-registry.ts";
import { createRedactingExporter } from "./span-redaction.ts";
import { isTracingRequested } from "./telemetry.ts";

describe("createRedactingExporter()", () => {
  test("lets no credential and no query out, whatever the attribute is called", () => {
    const memory = new InMemorySpanExporter();
    const secrets = new SecretRegistry();
    secrets.add("hunter2-secret", "bot");
    const provider = new TracerProvider({
      spanProcessors: [new SimpleSpanProcessor({ exporter: createRedactingExporter(memory, secrets) })],
    });
    const span = provider.getTracer("test").startSpan("GET hunter2-secret", {
      kind: SpanKind.CLIENT,
      attributes: {
        "url.full": "https://bot:pw@h:8443/x.git/info/refs?X-Amz-Signature=sig#f",
        "url.query": "X-Amz-Signature=sig",
        "url.path": "/x.git/info/refs",
        "http.url": "not a URL with sig",
        "http.request.header.x": ["Bearer hunter2-secret", "b"],
        "http.response.status_code": 200,
      },
      links: [
        {
          context: { traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: 1 },
          attributes: { a: "hunter2-secret" },
        },
      ],
    });
    span.recordException(new Error("denied for https://bot:pw@h/x with hunter2-secret"));
    span.setStatus({ code: SpanStatusCode.ERROR, message: "hunter2-secret" });
    span.end();
    const [exported] = memory.getFinishedSpans();
    expect(exported).toMatchObject({
      name: "GET [secret]",
      kind: SpanKind.CLIENT,
      attributes: {
        "url.full": "https://h:8443/x.git/info/refs",
        "url.path": "/x.git/info/refs",
        "http.url": "[unreadable URL]",
        "http.request.header.x": ["Bearer [secret]", "b"],
        "http.response.status_code": 200,
      },
    });
    expect(exported?.attributes).not.toHaveProperty(["url.query"]);
    const { name, attributes, events, links, status } = exported ?? {};
    const everything = JSON.stringify({ name, attributes, events, links, status });
    expect(everything).not.toMatch(/hunter2|pw@|Amz|=sig/);
    expect(everything).toContain("denied for https://[secret]@h/x");
    trace.disable();
  });
});

describe("isTracingRequested()", () => {
  test.for([
    [{}, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "" }, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://localhost:4318" }, true],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://localhost:4318/v1/traces" }, true],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://localhost:4318", OTEL_SDK_DISABLED: "TRUE" }, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://localhost:4318", OTEL_TRACES_EXPORTER: "none" }, false],
  ] as const)("%j: %s", ([env, requested]) => {
    expect(isTracingRequested(env)).toBe(requested);
  });
});
