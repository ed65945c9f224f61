/** What only smart HTTP does: redirects, credentials, certificates, proxies, waits, compressed questions. */

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { symlink } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { AuthProvider, ClientOptions, EndpointAuth, SyncResult } from "@gitsync/engine";
import { describe, expect, onTestFinished, test } from "vitest";
import { makeCertificates } from "../../support/certificates.ts";
import {
  startNginxGitServer,
  startNodeGitServer,
  type HttpIntercept,
  type NodeGitServer,
} from "../../support/git-server.ts";
import { noise } from "../../support/noise.ts";
import { commit, createRepository, fsck, refsOf, setRef } from "../../support/repository.ts";
import { describeWith } from "../../support/requirements.ts";
import { temporaryFolder, type TemporaryFolder } from "../../support/temporary-folder.ts";
import { failureOf, openClient } from "../two-sides.ts";

const SECRET = "canary-token";

interface Rig extends AsyncDisposable {
  readonly folder: TemporaryFolder;
  readonly server: NodeGitServer;
  readonly source: string;
  readonly target: string;
  /** From the server to a path; or to the server, with `push`. */
  mirror(options?: ClientOptions & MirrorOptions): Promise<SyncResult>;
}

interface MirrorOptions {
  readonly url?: string;
  readonly follow?: boolean;
  readonly push?: boolean;
}

async function openRig(): Promise<Rig> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(temporaryFolder("http"));
  const source = await createRepository(folder.join("source.git"));
  const target = await createRepository(folder.join("target.git"));
  await commit(source, "refs/heads/main", { a: "1" });
  const server = stack.use(await startNodeGitServer(folder.path));
  const owned = stack.move();
  return {
    folder,
    server,
    source,
    target,
    async mirror({ url = `${server.url}/source.git`, follow = false, push = false, ...options } = {}) {
      const client = openClient({ egress: { addresses: "any" }, ...options });
      try {
        return await client.replicate(
          push
            ? { source: { url: source }, target: { url: `${server.url}/target.git` } }
            : { source: { url, followInfoRefsRedirect: follow }, target: { url: target } },
        );
      } finally {
        await client.close();
      }
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Gives one answer after the other, the last one for ever. */
function provide(...answers: readonly EndpointAuth[]): AuthProvider & { asked: number } {
  return {
    asked: 0,
    authFor() {
      this.asked += 1;
      return Promise.resolve(answers[Math.min(this.asked, answers.length) - 1] ?? {});
    },
  };
}

/** The tail of a listing's address, as it was asked for. */
const tail = ({ path, query }: { readonly path: string; readonly query: string }): string =>
  `${path}?${query}`;

describe("a redirect", () => {
  const STATUSES = [301, 302, 303, 307, 308];

  test.for(STATUSES)(
    "%i of a listing within the origin is followed for good, with the credentials",
    async (status) => {
      await using rig = await openRig();
      await symlink(rig.source, rig.folder.join("moved.git"));
      rig.server.intercept(({ path, query }) =>
        path.startsWith("/source.git/") && query !== ""
          ? { type: "redirect", status, location: `/moved.git/info/refs?${query}` }
          : undefined,
      );
      await rig.mirror({ auth: provide({ token: SECRET }) });
      expect(await refsOf(rig.target)).toEqual(await refsOf(rig.source));
      const [first, ...others] = rig.server.requests;
      expect(first?.path).toBe("/source.git/info/refs");
      expect(others.map(({ path }) => path)).toEqual([
        "/moved.git/info/refs",
        "/moved.git/git-upload-pack",
        "/moved.git/git-upload-pack",
      ]);
      expect(others.every(({ headers }) => headers["authorization"] !== undefined)).toBe(true);
    },
  );

  test.for(STATUSES)(
    "%i of a listing to another origin gets no secret, and requests stay where they were",
    async (status) => {
      await using rig = await openRig();
      await using other = await startNodeGitServer(rig.folder.path);
      rig.server.intercept((request) =>
        request.isListing
          ? { type: "redirect", status, location: `${other.url}${tail(request)}` }
          : undefined,
      );
      await rig.mirror({ auth: provide({ token: SECRET, bearerToken: SECRET }) });
      expect(other.requests.map(({ method }) => method)).toEqual(["GET"]);
      expect(JSON.stringify(other.requests)).not.toMatch(/canary|authorization/u);
      expect(rig.server.requests.map(({ method }) => method)).toEqual(["GET", "POST", "POST"]);
    },
  );

  test.for(STATUSES)(
    "%i of a request with a body is refused, and the body is not sent again",
    async (status) => {
      await using rig = await openRig();
      await using other = await startNodeGitServer(rig.folder.path);
      for (const push of [false, true]) {
        const isForPush = `/git-${push ? "receive" : "upload"}-pack`;
        rig.server.intercept((request) =>
          request.path.endsWith(isForPush)
            ? { type: "redirect", status, location: `${other.url}${request.path}` }
            : undefined,
        );
        expect((await failureOf(rig.mirror({ push, auth: provide({ token: SECRET }) }))).code).toBe(
          "REDIRECT_REFUSED",
        );
      }
      expect(other.requests).toEqual([]);
      expect((await refsOf(rig.target)).size).toBe(0);
    },
  );

  test("to an address that is not allowed is not connected to", async () => {
    await using rig = await openRig();
    await using inside = await startNodeGitServer(rig.folder.path);
    const egress = {
      addresses: "public",
      schemes: ["http", "file"],
      allow: [{ cidr: "127.0.0.1/32", ports: [rig.server.port] }],
    } as const;
    for (const host of ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0x7f.1", "2130706433", "127.1"]) {
      rig.server.intercept((request) => ({
        type: "redirect",
        location: `http://${host}:${inside.port}${tail(request)}`,
      }));
      expect((await failureOf(rig.mirror({ egress }))).code).toBe("EGRESS_DENIED");
    }
    expect(inside.requests).toEqual([]);
  });

  test("in a circle is given up after three", async () => {
    await using rig = await openRig();
    rig.server.intercept((request) => ({ type: "redirect", location: tail(request) }));
    expect((await failureOf(rig.mirror())).code).toBe("REDIRECT_REFUSED");
    expect(rig.server.requests).toHaveLength(4);
  });
});

describe("credentials over HTTP", () => {
  const wants =
    (token: string, where: (path: string, isListing: boolean) => boolean): HttpIntercept =>
    ({ headers, path, isListing }) =>
      where(path, isListing) &&
      headers["authorization"] !== `Basic ${Buffer.from(`git:${token}`).toString("base64")}`
        ? { type: "answer", status: 401, headers: { "www-authenticate": 'Basic realm="git"' } }
        : undefined;
  const STREAMED = { memoryBytes: 1_024 };

  test("that the listing has just shown to be good are not tried again before a streamed push", async () => {
    await using rig = await openRig();
    await commit(rig.source, "refs/heads/main", { big: noise(200_000) });
    rig.server.intercept(wants("good", () => true));
    await rig.mirror({ push: true, limits: STREAMED, auth: provide({ token: "good" }) });
    expect(rig.server.requests.map(({ method }) => method)).toEqual(["GET", "POST"]);
  });

  test("that a push wants and its listing does not are asked for before the pack is sent", async () => {
    await using rig = await openRig();
    await commit(rig.source, "refs/heads/main", { big: noise(200_000) });
    rig.server.intercept(wants("good", (path) => path.endsWith("/git-receive-pack")));
    const auth = provide({}, { token: "good" });
    await rig.mirror({ push: true, limits: STREAMED, auth });
    await rig.server.idle();
    expect(rig.server.requests.map(({ status, requestBytes }) => [status, requestBytes < 10])).toEqual([
      [200, true],
      [401, true],
      [200, true],
      [200, false],
    ]);
    expect(await refsOf(rig.target)).toEqual(await refsOf(rig.source));
  });

  test("that nobody has end a streamed push before the source's pack is sent anywhere", async () => {
    await using rig = await openRig();
    await commit(rig.source, "refs/heads/main", { big: noise(200_000) });
    rig.server.intercept(wants("good", (path) => path.endsWith("/git-receive-pack")));
    expect((await failureOf(rig.mirror({ push: true, limits: STREAMED }))).code).toBe("AUTH_REQUIRED");
    await rig.server.idle();
    expect(rig.server.requests.every(({ requestBytes }) => requestBytes < 10)).toBe(true);
  });

  test("that ran out between the listing and the push are renewed, and the push is made once", async () => {
    await using rig = await openRig();
    rig.server.intercept((request) => wants(request.isListing ? "old" : "new", () => true)(request));
    const auth: AuthProvider = {
      authFor: (_endpoint, _role, _signal, challenge) =>
        Promise.resolve({ token: challenge === undefined ? "old" : "new" }),
    };
    await rig.mirror({ push: true, auth });
    expect(rig.server.requests.map(({ method, status }) => `${method} ${status}`).slice(0, 3)).toEqual([
      "GET 200",
      "POST 401",
      "POST 200",
    ]);
    expect(await refsOf(rig.target)).toEqual(await refsOf(rig.source));
  });
});

describe("credentials that end while a streamed push is under way", () => {
  const STREAMED = { memoryBytes: 1_024 };
  const renewing: AuthProvider = {
    authFor: (_endpoint, _role, _signal, challenge) =>
      Promise.resolve({ token: challenge === undefined ? "old" : "new" }),
  };
  const authorized = ({ headers }: Parameters<HttpIntercept>[0], token: string): boolean =>
    headers["authorization"] === `Basic ${Buffer.from(`git:${token}`).toString("base64")}`;
  const REFUSAL = {
    type: "answer",
    status: 401,
    headers: { "www-authenticate": 'Basic realm="git"' },
  } as const;

  test.for([
    ["for everything", false],
    ["for pushes only", true],
  ] as const)("%s are renewed, and the pack is sent once more", async ([, listingTakesOld]) => {
    await using rig = await openRig();
    await commit(rig.source, "refs/heads/main", { big: noise(200_000) });
    let hasEnded = false;
    rig.server.intercept((request) => {
      const isTaken = hasEnded
        ? authorized(request, "new") || (listingTakesOld && request.isListing)
        : request.isListing;
      hasEnded ||= !request.isListing;
      return isTaken ? undefined : REFUSAL;
    });
    await rig.mirror({ push: true, limits: STREAMED, auth: renewing });
    await rig.server.idle();
    expect(await refsOf(rig.target)).toEqual(await refsOf(rig.source));
    const packs = rig.server.requests.filter(({ requestBytes }) => requestBytes > 1_000);
    expect(packs.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  test("and that nobody can renew end the run, with the pack sent no second time", async () => {
    await using rig = await openRig();
    await commit(rig.source, "refs/heads/main", { big: noise(200_000) });
    rig.server.intercept((request) => (request.isListing ? undefined : REFUSAL));
    const failure = await failureOf(
      rig.mirror({ push: true, limits: STREAMED, auth: provide({ token: "old" }) }),
    );
    expect(failure).toMatchObject({ code: "AUTH_DENIED", details: { side: "target", status: 401 } });
    await rig.server.idle();
    expect(rig.server.requests.filter(({ requestBytes }) => requestBytes > 1_000).length).toBeLessThan(2);
    expect((await refsOf(rig.target)).size).toBe(0);
  });
});

describe("a busy server", () => {
  test.for([429, 503])("that answers %i with a short Retry-After is waited for", async (status) => {
    await using rig = await openRig();
    const answered: string[] = [];
    rig.server.intercept(({ method, path }) => {
      answered.push(`${method} ${path}`);
      const isFirst = answered.filter((each) => each === `${method} ${path}`).length === 1;
      return isFirst ? { type: "answer", status, headers: { "retry-after": "0" } } : undefined;
    });
    await rig.mirror();
    expect(await refsOf(rig.target)).toEqual(await refsOf(rig.source));
    expect(answered.slice(0, 2)).toEqual(["GET /source.git/info/refs", "GET /source.git/info/refs"]);
  });

  test.for([
    ["3600", 3_600_000],
    [new Date(Date.now() + 86_400_000_000).toUTCString(), 3_600_000],
    ["-1", undefined],
    ["1e309", undefined],
    ["soon", undefined],
    ["99999999999999999999", undefined],
  ] as const)("that asks for %j ends the run with that wait in it", async ([header, retryAfterMs]) => {
    await using rig = await openRig();
    rig.server.intercept(() => ({ type: "answer", status: 429, headers: { "retry-after": header } }));
    const failure = await failureOf(rig.mirror());
    expect(failure).toMatchObject({ code: "RATE_LIMITED", class: "rate-limited" });
    expect(failure.retryAfterMs).toBe(retryAfterMs);
    expect(rig.server.requests).toHaveLength(1);
  });

  test("that never has time is asked four times and no more", async () => {
    await using rig = await openRig();
    rig.server.intercept(() => ({ type: "answer", status: 429, headers: { "retry-after": "0" } }));
    expect((await failureOf(rig.mirror())).code).toBe("RATE_LIMITED");
    expect(rig.server.requests).toHaveLength(4);
  });

  test("that answers 503 to a push is not sent it again by itself", async () => {
    await using rig = await openRig();
    rig.server.intercept(({ path }) =>
      path.endsWith("/git-receive-pack")
        ? { type: "answer", status: 503, headers: { "retry-after": "0" } }
        : undefined,
    );
    expect((await failureOf(rig.mirror({ push: true }))).code).toBe("REMOTE_UNAVAILABLE");
    const pushes = rig.server.requests.filter(({ path }) => path.endsWith("/git-receive-pack"));
    // What was complete is sent once more, after listings have shown that nothing was applied.
    expect(pushes.length).toBeLessThanOrEqual(2);
  });
});

describe("a long question", () => {
  async function openLong(): Promise<Rig> {
    const rig = await openRig();
    for (let index = 0; index < 60; index += 1) {
      const id = await commit(rig.source, `refs/heads/b${index}`, { [`f${index}`]: String(index) });
      await setRef(rig.source, `refs/tags/t${index}`, id);
    }
    await rig.mirror();
    await commit(rig.source, "refs/heads/main", { a: "2" });
    await commit(rig.source, "refs/heads/b0", { f0: "2" });
    rig.server.forgetRequests();
    return rig;
  }

  test("is sent compressed, and stock git reads it", async () => {
    await using rig = await openLong();
    await rig.mirror();
    expect(await refsOf(rig.target, "refs/heads")).toEqual(await refsOf(rig.source, "refs/heads"));
    const compressed = rig.server.requests.filter(({ headers }) => headers["content-encoding"] === "gzip");
    expect(compressed.length).toBeGreaterThan(0);
    expect(compressed.every(({ service }) => service === "git-upload-pack")).toBe(true);
  });

  test.for([400, 415])(
    "is sent plain to a server that answers %i, and so are those after it",
    async (status) => {
      await using rig = await openLong();
      rig.server.intercept(({ headers }) =>
        headers["content-encoding"] === undefined ? undefined : { type: "answer", status },
      );
      await rig.mirror();
      expect(await refsOf(rig.target, "refs/heads")).toEqual(await refsOf(rig.source, "refs/heads"));
      expect(rig.server.requests.filter(({ headers }) => headers["content-encoding"])).toHaveLength(1);
    },
  );
});

describe("an HTTP proxy", () => {
  interface Proxy extends AsyncDisposable {
    readonly url: string;
    readonly asked: readonly IncomingMessage[];
  }

  /** Makes tunnels to wherever it is asked to; `status` refuses. */
  async function startProxy(status = 200): Promise<Proxy> {
    const asked: IncomingMessage[] = [];
    const server = createServer((_request, response) => response.writeHead(500).end());
    server.on("connect", (request, socket) => {
      asked.push(request);
      socket.on("error", () => undefined);
      if (status !== 200) return void socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`);
      const [host, port] = (request.url ?? "").split(":");
      const onward = connect(Number(port), host, () => {
        socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
        onward.pipe(socket).pipe(onward);
      }).on("error", () => socket.destroy());
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port was given");
    return {
      url: `http://127.0.0.1:${address.port}`,
      asked,
      [Symbol.asyncDispose]: async () => {
        server.close();
        server.closeAllConnections();
        await Promise.resolve();
      },
    };
  }

  test("of the configuration is used for both sides, and its credentials are for it alone", async () => {
    await using rig = await openRig();
    await using proxy = await startProxy();
    const settings = { url: proxy.url, username: "ann", token: SECRET };
    await rig.mirror({ egress: { addresses: "any", proxy: settings } });
    await rig.mirror({ egress: { addresses: "any", proxy: settings }, push: true });
    expect(proxy.asked.length).toBeGreaterThanOrEqual(2);
    for (const { url, headers } of proxy.asked) {
      expect(url).toBe(`127.0.0.1:${rig.server.port}`);
      expect(headers["proxy-authorization"]).toBe(`Basic ${Buffer.from(`ann:${SECRET}`).toString("base64")}`);
    }
    expect(JSON.stringify(rig.server.requests.map(({ headers }) => headers))).not.toMatch(/proxy-auth/iu);
  });

  test("is told the address that was judged, and not asked for one that is forbidden", async () => {
    await using rig = await openRig();
    await using proxy = await startProxy();
    const url = `http://localhost:${rig.server.port}/source.git`;
    const egress = { addresses: "public", schemes: ["http", "file"], proxy: { url: proxy.url } } as const;
    expect((await failureOf(rig.mirror({ url, egress }))).code).toBe("EGRESS_DENIED");
    expect(proxy.asked).toEqual([]);
    const allow = [{ cidr: "127.0.0.0/8" }, { cidr: "::1/128" }];
    await rig.mirror({ url, egress: { ...egress, allow } });
    const asked = new Set(proxy.asked.map((request) => request.url));
    expect([...asked].every((each) => each?.startsWith("127.0.0.1:") || each?.startsWith("[::1]:"))).toBe(
      true,
    );
    expect(asked.size).toBeGreaterThan(0);
  });

  test.for([403, 407, 502])("that answers %i is told apart from the server", async (status) => {
    await using rig = await openRig();
    await using proxy = await startProxy(status);
    const failure = await failureOf(
      rig.mirror({ egress: { addresses: "any", proxy: { url: proxy.url, token: SECRET } } }),
    );
    expect(failure).toMatchObject({ code: "PROXY_REFUSED", details: { status } });
    expect(JSON.stringify([failure.message, failure.details])).not.toContain(SECRET);
    expect(rig.server.requests).toEqual([]);
  });

  test("of the environment is not used", async () => {
    await using rig = await openRig();
    await using proxy = await startProxy();
    const names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];
    const variables = {
      NODE_USE_ENV_PROXY: "1",
      ...Object.fromEntries(names.map((name) => [name, proxy.url])),
    };
    withEnvironment(variables);
    await rig.mirror();
    expect(proxy.asked).toEqual([]);
    expect(rig.server.requests.length).toBeGreaterThan(0);
  });
});

/** Variables of this process until the test ends. */
function withEnvironment(variables: Readonly<Record<string, string>>): void {
  const before = { ...process.env };
  Object.assign(process.env, variables);
  onTestFinished(() => {
    for (const name of Object.keys(variables)) {
      const value = before[name];
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });
}

describeWith(["nginx"], "connections", () => {
  test("serve all reads of a client one after the other", async () => {
    await using rig = await openRig();
    await using nginx = await startNginxGitServer({ root: rig.folder.path });
    const client = openClient();
    for (const content of ["1", "2"]) {
      await commit(rig.source, "refs/heads/main", { a: content });
      await client.sync({ source: { url: `${nginx.url}/source.git` }, target: { url: rig.target } });
    }
    const requests = await nginx.requests();
    expect(requests.map(({ method }) => method)).toEqual(["GET", "POST", "POST", "GET", "POST", "POST"]);
    expect(new Set(requests.map(({ connection }) => connection)).size).toBe(1);
    await client.close();
  });
});

describeWith(["nginx", "openssl"], "TLS", () => {
  test("believes no certificate of an unknown authority, whatever the environment says", async () => {
    await using rig = await openRig();
    const tls = await makeCertificates(rig.folder, "tls");
    await using nginx = await startNginxGitServer({ root: rig.folder.path, tls });
    const url = `${nginx.tlsUrl}/source.git`;
    withEnvironment({ NODE_TLS_REJECT_UNAUTHORIZED: "0" });
    const failure = await failureOf(rig.mirror({ url, auth: provide({ token: SECRET }) }));
    expect(failure).toMatchObject({ code: "TLS_UNTRUSTED", retryable: false });
    expect(await nginx.requests()).toEqual([]);
    await rig.mirror({ url, egress: { addresses: "any", ca: readFileSync(tls.authority, "utf8") } });
    expect(await refsOf(rig.target)).toEqual(await refsOf(rig.source));
    await rig.mirror({ url, auth: provide({ skipTlsVerify: true }) });
  });

  test("carries many bytes both ways", async () => {
    await using rig = await openRig();
    const tls = await makeCertificates(rig.folder, "tls");
    await using nginx = await startNginxGitServer({ root: rig.folder.path, tls });
    await commit(rig.source, "refs/heads/many", { big: noise(12_000_000) });
    const client = openClient({ egress: { addresses: "any", ca: readFileSync(tls.authority, "utf8") } });
    onTestFinished(() => client.close());
    await client.replicate({
      source: { url: `${nginx.tlsUrl}/source.git` },
      target: { url: `${nginx.tlsUrl}/target.git` },
    });
    expect(await refsOf(rig.target)).toEqual(await refsOf(rig.source));
    await fsck(rig.target);
  });

  test("resumes a session that the server offered", async () => {
    await using folder = temporaryFolder("sessions");
    const tls = await makeCertificates(folder, "tls");
    const resumed: boolean[] = [];
    const server = createTlsServer(
      { key: readFileSync(tls.key), cert: readFileSync(tls.certificate) },
      (socket) => {
        resumed.push(socket.isSessionReused());
        socket.once("data", () =>
          socket.end("HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"),
        );
        socket.on("error", () => {});
      },
    ).listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("not a port");
    const client = openClient({ egress: { addresses: "any", ca: readFileSync(tls.authority, "utf8") } });
    onTestFinished(() => client.close());
    const source = { url: `https://127.0.0.1:${address.port}/a.git` };
    for (let n = 0; n < 2; n += 1) {
      expect((await failureOf(client.probe({ source }))).code).toBe("NOT_FOUND");
    }
    expect(resumed).toEqual([false, true]);
  });

  test("shows the certificate that a server asks for", async () => {
    await using rig = await openRig();
    const tls = await makeCertificates(rig.folder, "tls");
    const ours = await makeCertificates(rig.folder, "ours", "git-sync");
    const strangers = await makeCertificates(rig.folder, "strangers", "git-sync");
    await using nginx = await startNginxGitServer({
      root: rig.folder.path,
      tls,
      clientAuthority: ours.authority,
    });
    const url = `${nginx.tlsUrl}/source.git`;
    const egress = { addresses: "any", ca: readFileSync(tls.authority, "utf8") } as const;
    const withCertificate = ({ certificate, key }: typeof ours): AuthProvider =>
      provide({
        clientCertificate: { certificate: readFileSync(certificate, "utf8"), key: readFileSync(key, "utf8") },
      });
    expect((await failureOf(rig.mirror({ url, egress }))).class).toBe("permanent");
    expect((await failureOf(rig.mirror({ url, egress, auth: withCertificate(strangers) }))).class).toBe(
      "permanent",
    );
    expect((await refsOf(rig.target)).size).toBe(0);
    await rig.mirror({ url, egress, auth: withCertificate(ours) });
    expect(await refsOf(rig.target)).toEqual(await refsOf(rig.source));
  });
});
