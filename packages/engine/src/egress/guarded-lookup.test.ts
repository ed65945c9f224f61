import type { LookupAddress } from "node:dns";
import { createServer } from "node:net";
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { isSyncError } from "../errors.ts";
import { addressPolicy } from "./address-policy.ts";
import { resolveGuarded, type Resolver } from "./guarded-lookup.ts";
import { connectGuarded } from "./guarded-socket.ts";

const PUBLIC = addressPolicy({ addresses: "public" });

/** A resolver that answers so, one answer per look-up. */
function resolver(...answers: readonly (readonly string[] | Error)[]): Resolver & { asked: number } {
  const resolve = (...[, , callback]: Parameters<Resolver>): void => {
    const answer = answers[Math.min(resolve.asked, answers.length - 1)] ?? [];
    resolve.asked += 1;
    if (answer instanceof Error) return callback(answer, []);
    callback(
      null,
      answer.map((address): LookupAddress => ({ address, family: address.includes(":") ? 6 : 4 })),
    );
  };
  resolve.asked = 0;
  return resolve;
}

async function codeOf(run: Promise<unknown>): Promise<string> {
  const outcome: unknown = await run.catch((error: unknown) => error);
  if (isSyncError(outcome)) return outcome.code;
  return outcome instanceof Error ? outcome.message : String(outcome);
}

describe("resolveGuarded()", () => {
  test("gives an address only when every address of the name is allowed", async () => {
    expect(await resolveGuarded("x", 22, PUBLIC, resolver(["1.1.1.1", "2606:4700::1"]))).toBe("1.1.1.1");
    for (const addresses of [["127.0.0.1"], ["1.1.1.1", "10.0.0.1"], ["1.1.1.1", "::1"], []]) {
      expect(await codeOf(resolveGuarded("x", 22, PUBLIC, resolver(addresses)))).toBe("EGRESS_DENIED");
    }
  });

  test("looks up and judges in one step, so a name that changes its mind gains nothing", async () => {
    const turning = resolver(["1.1.1.1"], ["127.0.0.1"]);
    const first = await resolveGuarded("x", 22, PUBLIC, turning);
    expect([first, turning.asked]).toEqual(["1.1.1.1", 1]);
    expect(await codeOf(resolveGuarded("x", 22, PUBLIC, turning))).toBe("EGRESS_DENIED");
  });

  test("takes a failed look-up for a refusal and not for leave", async () => {
    expect(await codeOf(resolveGuarded("x", 22, PUBLIC, resolver(new Error("SERVFAIL"))))).toBe("SERVFAIL");
  });

  test.for(["127.0.0.1", "127.1", "2130706433", "::1", "::ffff:127.0.0.1"])(
    "judges the literal %s as the address that it is",
    async (literal) => {
      expect(await codeOf(resolveGuarded(literal, 22, PUBLIC))).toBe("EGRESS_DENIED");
    },
  );
});

describe("connectGuarded()", () => {
  test("never reaches this machine unless it is allowed", async () => {
    let connections = 0;
    const server = createServer((socket) => {
      connections += 1;
      socket.destroy();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const to = (hostname: string, allow = false): Promise<unknown> =>
      connectGuarded(
        {
          hostname,
          port,
          timeoutMs: 5_000,
          policy: allow
            ? addressPolicy({ addresses: "public", allow: [{ cidr: "127.0.0.0/8", ports: [port] }] })
            : PUBLIC,
        },
        new AbortController().signal,
      );
    for (const hostname of ["127.0.0.1", "localhost", "127.1", "2130706433", "::ffff:127.0.0.1", "0"]) {
      expect(await codeOf(to(hostname))).toBe("EGRESS_DENIED");
    }
    expect(connections).toBe(0);
    await to("127.0.0.1", true);
    await expect.poll(() => connections).toBe(1);
    server.close();
  });

  test("ends with its signal's reason", async () => {
    const reason = new Error("enough");
    const aborted = connectGuarded(
      { hostname: "127.0.0.1", port: 9, timeoutMs: 5_000, policy: () => true },
      AbortSignal.abort(reason),
    );
    expect(await codeOf(aborted)).toBe("enough");
  });
});
