import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClient } from "../../client.ts";
import { isSyncError } from "../../errors.ts";
import type { EgressPolicy } from "../../options.ts";

/** Counts connections; nothing may ever reach it. */
let connections = 0;
let port = 0;
let server: Server;
/** Answers every request with a redirect to the canary. */
let redirecting: Server;
let redirectPort = 0;

beforeAll(async () => {
  server = createServer((_, response) => response.end()).on("connection", () => {
    connections += 1;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  port = (server.address() as AddressInfo).port;
  redirecting = createServer((request, response) => {
    response.writeHead(302, { location: `http://127.0.0.1:${port}${request.url ?? ""}` }).end();
  });
  redirecting.listen(0, "127.0.0.1");
  await once(redirecting, "listening");
  redirectPort = (redirecting.address() as AddressInfo).port;
});
afterAll(() => {
  for (const each of [server, redirecting]) {
    each.close();
    each.closeAllConnections();
  }
});

async function codeOf(url: string, egress: EgressPolicy, followInfoRefsRedirect = false): Promise<string> {
  const client = createClient({ egress });
  try {
    await client.probe({ source: { url, followInfoRefsRedirect } });
    return "reached";
  } catch (error) {
    if (isSyncError(error)) return error.code;
    throw error;
  } finally {
    await client.close();
  }
}

const PUBLIC: EgressPolicy = { addresses: "public", schemes: ["http", "https", "file"] };

describe("a guarded dispatcher", () => {
  test.for([
    "127.0.0.1",
    "localhost",
    "127.1",
    "0x7f.1",
    "2130706433",
    "[::ffff:127.0.0.1]",
    "0.0.0.0",
    "[::]",
  ])("never connects to this machine as %s", async (host) => {
    expect(await codeOf(`http://${host}:${port}/a.git`, PUBLIC)).toBe("EGRESS_DENIED");
    expect(connections).toBe(0);
  });

  test.for([false, true])(
    "nor by a redirect of an allowed server, followed for pushes: %s",
    async (follow) => {
      const egress = { ...PUBLIC, allow: [{ cidr: "127.0.0.0/8", ports: [redirectPort] }] };
      expect(await codeOf(`http://127.0.0.1:${redirectPort}/a.git`, egress, follow)).toBe("EGRESS_DENIED");
      expect(connections).toBe(0);
    },
  );

  test("nor over a scheme that is not allowed", async () => {
    expect(await codeOf(`http://127.0.0.1:${port}/a.git`, { addresses: "public" })).toBe("EGRESS_DENIED");
    expect(await codeOf("/srv/a.git", { addresses: "public" })).toBe("EGRESS_DENIED");
    expect(await codeOf("/srv/a.git", { ...PUBLIC, paths: ["/var/empty"] })).toBe("EGRESS_DENIED");
    expect(connections).toBe(0);
  });

  test("connects where the operator allows it", async () => {
    const egress = { ...PUBLIC, allow: [{ cidr: "127.0.0.1", ports: [port] }] };
    expect(await codeOf(`http://127.0.0.1:${port}/a.git`, egress)).toBe("NOT_A_REPOSITORY");
    expect(connections).toBe(1);
  });

  test("says that a server is not there, and not that it is forbidden", async () => {
    const closed = createServer().listen(0, "127.0.0.1");
    await once(closed, "listening");
    const gone = (closed.address() as AddressInfo).port;
    closed.close();
    await once(closed, "close");
    expect(await codeOf(`http://127.0.0.1:${gone}/a.git`, { addresses: "any" })).toBe("REMOTE_UNREACHABLE");
  });
});
