/** What a process really sends to an OTLP endpoint. */

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { outcomeOf, startScript } from "../support/process.ts";

const SCRIPT = join(import.meta.dirname, "support/traced-script.ts");

interface Received {
  readonly url: string;
  readonly body: string;
  readonly traceparent: string | undefined;
}

async function startServer(): Promise<{ url: string; requests: Received[] } & AsyncDisposable> {
  const requests: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const traceparent = request.headers["traceparent"];
      requests.push({
        url: request.url ?? "",
        body: Buffer.concat(chunks).toString("utf8"),
        traceparent: typeof traceparent === "string" ? traceparent : undefined,
      });
      response.statusCode = request.url?.startsWith("/nobody/") === true ? 404 : 200;
      response.end("{}");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

describe("startTelemetry()", () => {
  test("sends spans with the HTTP request below its span, and no secret, query or command line", async () => {
    await using server = await startServer();
    await using script = startScript(SCRIPT, [server.url, "argument-canary"], {
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: server.url },
    });
    expect(await outcomeOf(script)).toMatchObject({ code: 0, stdout: "enabled true\n", stderr: "" });
    const exports = server.requests.filter(({ url }) => url === "/v1/traces");
    expect(exports).toHaveLength(1);
    const sent = exports[0]?.body ?? "";
    const [resource] = JSON.parse(sent).resourceSpans;
    const spans = resource.scopeSpans.flatMap((scope: { spans: object[] }) => scope.spans);
    expect(spans).toHaveLength(2);
    const [client, sync] = spans[0].name === "git.sync" ? [spans[1], spans[0]] : [spans[0], spans[1]];
    expect(client).toMatchObject({
      name: "GET info/refs",
      kind: 3,
      parentSpanId: sync.spanId,
      traceId: sync.traceId,
    });
    expect(sent).toContain(`${server.url}/x.git/info/refs"`);
    expect(sent).toContain("git-sync-worker");
    expect(sent).toContain("1.2.3");
    expect(sent).not.toMatch(/canary|process\.command/);
    // The remote can join the trace; the exporter's own request and the one without a span cannot.
    expect(
      server.requests
        .filter(({ url }) => url !== "/v1/metrics")
        .map(({ url, traceparent }) => [url.split("?", 1)[0], traceparent !== undefined]),
    ).toEqual([
      ["/x.git/info/refs", true],
      ["/without-span", false],
      ["/v1/traces", false],
    ]);
  });

  test("does nothing, and loads nothing, without an endpoint", async () => {
    await using server = await startServer();
    await using script = startScript(SCRIPT, [server.url]);
    expect(await outcomeOf(script)).toMatchObject({ code: 0, stdout: "enabled false\n", stderr: "" });
    expect(server.requests.every(({ traceparent }) => traceparent === undefined)).toBe(true);
  });

  test("says once that nobody takes the traces, and once that nobody takes the metrics", async () => {
    await using server = await startServer();
    await using script = startScript(SCRIPT, [server.url], {
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: `${server.url}/nobody`, OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "1" },
    });
    const { code, stderr } = await outcomeOf(script);
    const said = stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
      .map(({ level, signal, reason }) => `${level} ${signal}: ${reason}`);
    expect({ code, said: said.toSorted() }).toEqual({
      code: 0,
      said: ["warn metrics: Not Found", "warn traces: Not Found"],
    });
    const asked = server.requests.map(({ url }) => url).filter((url) => url.startsWith("/nobody/"));
    expect(asked.toSorted()).toEqual(["/nobody/v1/metrics", "/nobody/v1/traces", "/nobody/v1/traces"]);
  });

  test("ends in time although nobody takes the trace", async () => {
    await using server = await startServer();
    await using script = startScript(SCRIPT, [server.url], {
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9" },
    });
    // Its last line before it ends what it began.
    await script.waitForLine(/^enabled true$/u);
    const startedAt = performance.now();
    expect(await script.exited).toMatchObject({ code: 0 });
    expect(performance.now() - startedAt).toBeLessThan(6_000);
  });
});
