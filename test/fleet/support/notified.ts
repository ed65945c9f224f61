/** A person's endpoint for notifications, as a real HTTP server that checks what it gets. */

import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Told {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface NotifiedPerson extends AsyncDisposable {
  readonly url: string;
  /** What was told and rightly signed, in order. */
  readonly told: readonly Told[];
  /** Requests to `/alive`. */
  readonly heartbeats: number;
  /** The `webhook-id` of each notification that came, whatever was answered. */
  readonly ids: readonly string[];
  /** What it answers from now on. Default: 204. */
  answer(status: number | ((body: string) => number)): void;
}

export async function notifiedPerson(key: string): Promise<NotifiedPerson> {
  const told: Told[] = [];
  const ids: string[] = [];
  let answer: (body: string) => number = () => 204;
  let heartbeats = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      if (request.url === "/alive") heartbeats += 1;
      const body = Buffer.concat(chunks).toString("utf8");
      const status = request.url === "/alive" ? 204 : answer(body);
      const header = (name: string): string => String(request.headers[name]);
      const signed = `${header("webhook-id")}.${header("webhook-timestamp")}.${body}`;
      const signature = createHmac("sha256", key).update(signed).digest("base64");
      if (request.method === "POST") ids.push(header("webhook-id"));
      const given = header("webhook-signature");
      if (status < 300 && request.method === "POST" && given === `v1,${signature}`)
        told.push(JSON.parse(body));
      response.writeHead(status).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // A server that listens on a port has an address of this kind.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    told,
    get heartbeats() {
      return heartbeats;
    },
    ids,
    answer: (next) => (answer = typeof next === "number" ? () => next : next),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
