/** The part of GitHub's API that gives installation tokens, as documented, on this machine. */

import { generateKeyPairSync, verify } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";

const APP_ID = 41;
const INSTALLATION_ID = 4242;

/** What was asked of the API. */
export interface TokenRequest {
  readonly repositories: readonly string[];
  readonly permissions: Readonly<Record<string, string>> | undefined;
}

/** How it answers instead of giving a token. */
export interface Refusal {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly message: string;
}

/** The API of one app with one installation. */
export interface GithubAppApi extends AsyncDisposable {
  /** Without a slash at its end. */
  readonly url: string;
  readonly appId: number;
  readonly installationId: number;
  /** PEM. */
  readonly privateKey: string;
  /** In the order they came in; only those that were signed by the app. */
  readonly requests: readonly TokenRequest[];
  /** Every next request is answered so; `undefined` gives tokens again. */
  refuse(refusal: Refusal | undefined): void;
  /** How long the next tokens last. One hour, unless said otherwise. */
  lastMs: number;
}

/** Serve until disposed. Tokens are `ghs_`, the number of the request, and the repository. */
export async function serveGithubApp(): Promise<GithubAppApi> {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const requests: TokenRequest[] = [];
  let refusal: Refusal | undefined;
  const server = createServer((request, response) => {
    const answer = (status: number, body: object, headers: Readonly<Record<string, string>> = {}): void => {
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(JSON.stringify(body));
    };
    void (async () => {
      const body = await text(request);
      if (!isSignedBy(publicKey, request)) return answer(401, { message: "Bad credentials" });
      const path = `/app/installations/${INSTALLATION_ID}/access_tokens`;
      if (request.method !== "POST" || request.url !== path) return answer(404, { message: "Not Found" });
      const asked = JSON.parse(body) as TokenRequest;
      requests.push(asked);
      if (refusal !== undefined) return answer(refusal.status, { message: refusal.message }, refusal.headers);
      answer(201, {
        token: `ghs_${requests.length}_${asked.repositories.join("+")}`,
        expires_at: new Date(Date.now() + api.lastMs).toISOString(),
      });
    })();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port was given");
  const api: GithubAppApi = {
    url: `http://127.0.0.1:${address.port}`,
    appId: APP_ID,
    installationId: INSTALLATION_ID,
    privateKey: privateKey.export({ type: "pkcs1", format: "pem" }).toString(),
    requests,
    refuse: (next) => {
      refusal = next;
    },
    lastMs: 60 * 60_000,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return api;
}

/** RFC 7519 and GitHub's own limits: RS256, issued by the app in the past, not good for more than ten minutes. */
function isSignedBy(publicKey: Parameters<typeof verify>[2], request: IncomingMessage): boolean {
  const [, header = "", claims = "", signature = ""] =
    /^Bearer ([\w-]+)\.([\w-]+)\.([\w-]+)$/u.exec(request.headers.authorization ?? "") ?? [];
  const signed = Buffer.from(`${header}.${claims}`);
  if (!verify("sha256", signed, publicKey, Buffer.from(signature, "base64url"))) return false;
  const { alg } = JSON.parse(Buffer.from(header, "base64url").toString()) as { alg: string };
  const { iat, exp, iss } = JSON.parse(Buffer.from(claims, "base64url").toString()) as Record<
    string,
    number | string
  >;
  const now = Date.now() / 1000;
  return (
    alg === "RS256" &&
    iss === String(APP_ID) &&
    Number(iat) <= now &&
    Number(exp) > now &&
    Number(exp) - now <= 600
  );
}
