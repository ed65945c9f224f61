/**
 * A program that has webhooks of its own, and asks for a sync when one of them says that something changed.
 *
 * It answers 202 once the hint is durable, and 503 while the queue is away: whoever sent the webhook tries again then.
 * `GET /jobs/ID` shows what became of it.
 */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createHash, timingSafeEqual } from "node:crypto";
import { createProducer, isProducerError } from "@gitsync/producer";

/** What this program knows to be a copy of what. Nothing of a request decides where is read or written. */
const COPIES: Readonly<Record<string, { readonly source: string; readonly target: string }>> = {
  docs: { source: "https://git.example.com/docs.git", target: "https://backup.example.com/docs.git" },
};

const token = process.env["MY_HOOK_TOKEN"] ?? "";
const producer = await createProducer({ queueUrl: process.env["GITSYNC_QUEUE_URL"] ?? "embedded:" });
const server = createServer((request, response) => {
  answer(request).then(
    ([status, body]) => send(response, status, body),
    (error: unknown) => {
      const away = isProducerError(error) && error.retryable;
      send(response, away ? 503 : 500, { error: away ? "try again" : "internal" });
    },
  );
});
server.listen(Number(process.env["PORT"] ?? 0), "127.0.0.1", () => {
  const address = server.address();
  process.stdout.write(`listens on ${typeof address === "object" ? address?.port : address}\n`);
});
process.once("SIGTERM", () => server.close(() => void producer.close()));

async function answer(request: IncomingMessage): Promise<readonly [status: number, body: unknown]> {
  const [, what = "", id = ""] = (request.url ?? "").split("/");
  if (!isAllowed(request.headers.authorization ?? "")) return [401, { error: "who are you?" }];
  if (request.method === "GET" && what === "jobs") {
    const job = await producer.job(id);
    return job === undefined
      ? [404, { error: "no such job" }]
      : [200, { state: job.state, error: job.error }];
  }
  const copy = what === "changed" && Object.hasOwn(COPIES, id) ? COPIES[id] : undefined;
  if (request.method !== "POST" || copy === undefined)
    return [404, { error: "nothing is copied from there" }];
  const { source, target } = copy;
  const sync = await producer.enqueueSync({
    source: { url: source },
    target: { url: target },
    trigger: "webhook",
    tenant: "my-program",
  });
  return [202, { job: sync.id, alreadyAskedFor: sync.coalesced }];
}

function isAllowed(authorization: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return token !== "" && timingSafeEqual(digest(authorization), digest(`Bearer ${token}`));
}

function send(response: ServerResponse, status: number, body: unknown): void {
  const headers = { "content-type": "application/json", ...(status === 503 && { "retry-after": "2" }) };
  response.writeHead(status, headers).end(JSON.stringify(body));
}
