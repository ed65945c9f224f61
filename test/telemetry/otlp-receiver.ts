/** A collector of one test: takes spans over OTLP/HTTP in its JSON encoding and keeps them. */

import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { gunzipSync } from "node:zlib";

/** A span as it arrived, with what is needed to judge it. */
export interface ReceivedSpan {
  readonly service: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first span of a trace. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: "INTERNAL" | "SERVER" | "CLIENT" | "PRODUCER" | "CONSUMER" | "UNSPECIFIED";
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status: number;
  readonly startNanos: bigint;
  readonly endNanos: bigint;
}

export interface OtlpReceiver extends AsyncDisposable {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  /** Everything that was received, as text, for looking for what must not be there. */
  readonly raw: string;
  /** The spans so far, once they satisfy the condition. */
  waitFor(
    condition: (spans: readonly ReceivedSpan[]) => boolean,
    timeoutMs?: number,
  ): Promise<readonly ReceivedSpan[]>;
}

/** Start to listen on a free port of the loopback address. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const waiting = new Set<() => void>();
  let raw = "";
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      raw += body;
      if (request.url === "/v1/traces") spans.push(...decode(body));
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
      for (const look of waiting) look();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("no port was given");
  return {
    url: `http://127.0.0.1:${address.port}`,
    spans,
    get raw() {
      return raw;
    },
    waitFor: async (condition, timeoutMs = 20_000) => {
      const { promise, resolve, reject } = Promise.withResolvers<readonly ReceivedSpan[]>();
      const look = (): void => {
        if (condition(spans)) resolve(spans);
      };
      const timer = setTimeout(
        () => reject(new Error(`not received in time; received:\n${outline(spans)}`)),
        timeoutMs,
      );
      waiting.add(look);
      look();
      return promise.finally(() => {
        clearTimeout(timer);
        waiting.delete(look);
      });
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** One line per span, children below their parents: for messages. */
export function outline(spans: readonly ReceivedSpan[], parent = "", indent = ""): string {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  return spans
    .filter((span) => (parent === "" ? !ids.has(span.parentSpanId) : span.parentSpanId === parent))
    .toSorted((a, b) => Number(a.startNanos - b.startNanos))
    .map(
      (span) =>
        `${indent}${span.service} ${span.kind} ${span.name}\n${outline(spans, span.spanId, `${indent}  `)}`,
    )
    .join("");
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  return (request.headers["content-encoding"] === "gzip" ? gunzipSync(bytes) : bytes).toString("utf8");
}

interface OtlpAttribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly attributes?: readonly OtlpAttribute[];
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status?: { readonly code?: number };
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
}

interface OtlpTraces {
  readonly resourceSpans?: readonly {
    readonly resource?: { readonly attributes?: readonly OtlpAttribute[] };
    readonly scopeSpans?: readonly { readonly spans?: readonly OtlpSpan[] }[];
  }[];
}

/** SpanKind of the OTLP protocol. */
const KINDS = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"] as const;

function decode(body: string): readonly ReceivedSpan[] {
  const { resourceSpans = [] }: OtlpTraces = JSON.parse(body);
  return resourceSpans.flatMap(({ resource, scopeSpans = [] }) => {
    const service = resource?.attributes?.find(({ key }) => key === "service.name")?.value["stringValue"];
    return scopeSpans.flatMap(({ spans = [] }) =>
      spans.map((span) => received(typeof service === "string" ? service : "", span)),
    );
  });
}

function received(service: string, span: OtlpSpan): ReceivedSpan {
  return {
    service,
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId ?? "",
    name: span.name,
    kind: KINDS[span.kind] ?? "UNSPECIFIED",
    attributes: plain(span.attributes),
    links: span.links ?? [],
    status: span.status?.code ?? 0,
    startNanos: BigInt(span.startTimeUnixNano),
    endNanos: BigInt(span.endTimeUnixNano),
  };
}

function plain(attributes: readonly OtlpAttribute[] = []): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
