import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { main } from "./main.ts";

/** Run `git-sync` on streams that may be full. */
async function runOn(
  full: { readonly stdout?: boolean; readonly stderr?: boolean },
  ...args: readonly string[]
) {
  const written = { stdout: "", stderr: "" };
  const stream = (name: keyof typeof written): Writable =>
    new Writable({
      write: (chunk, _encoding, done) => {
        if (full[name]) return done(Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC" }));
        written[name] += String(chunk);
        return done();
      },
    });
  const { promise: status, resolve } = Promise.withResolvers<number>();
  await main({
    argv: ["node", "git-sync", ...args],
    env: {},
    stdout: stream("stdout"),
    stderr: stream("stderr"),
    cwd: () => "/",
    exit: resolve,
    on: () => undefined,
  });
  return { status: await status, ...written };
}

test("a result that cannot be written fails the command, and it is said", async () => {
  expect(await runOn({ stdout: true }, "version")).toEqual({
    status: 1,
    stdout: "",
    stderr: "error: Cannot write the result to standard output: ENOSPC: no space left [OUTPUT_LOST]\n",
  });
});

test("what cannot be written to standard error ends nothing", async () => {
  expect(await runOn({ stderr: true }, "bogus", "--json")).toMatchObject({
    status: 2,
    stdout: expect.stringContaining('"USAGE"'),
  });
});
