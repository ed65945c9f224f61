import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { SecretReference } from "./config/fleet-config.ts";
import { SecretReader } from "./secret-reader.ts";
import { SecretRegistry } from "./secret-registry.ts";

let folder: string;
let secrets: SecretRegistry;
let now: number;
let reader: SecretReader;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gitsync-secret-"));
  secrets = new SecretRegistry();
  now = 0;
  reader = new SecretReader({
    env: { BOT_TOKEN: "from-the-environment", EMPTY: "", PATH: process.env["PATH"], OTHER_SECRET: "leaked" },
    secrets,
    now: () => now,
  });
});

afterEach(async () => await rm(folder, { recursive: true }));

const env = (name: string): SecretReference => ({ type: "env", name });
const fileOf = (name: string): SecretReference => ({ type: "file", path: join(folder, name) });
const command = (...argv: [string, ...string[]]): SecretReference => ({ type: "command", argv });
const value = async (reference: SecretReference): Promise<string> => (await reader.read(reference)).expose();

describe("SecretReader", () => {
  test("takes a secret from an environment variable", async () => {
    expect(await value(env("BOT_TOKEN"))).toBe("from-the-environment");
  });

  test("takes a file without the one newline at its end", async () => {
    await writeFile(join(folder, "token"), "  two\nlines\n\n");
    expect(await value(fileOf("token"))).toBe("  two\nlines\n");
  });

  test("takes all that a program prints, which gets no shell and no environment of ours", async () => {
    const script = 'process.stdout.write([process.argv[1], process.env.OTHER_SECRET, "end\\n"].join("|"))';
    expect(await value(command(process.execPath, "-e", script, "$HOME;`id`"))).toBe("$HOME;`id`||end");
  });

  test("scrubs what it read from every text, with the user name it is sent with", async () => {
    await reader.read(env("BOT_TOKEN"), "bot");
    const basic = Buffer.from("bot:from-the-environment").toString("base64");
    expect(secrets.scrub(`x from-the-environment ${basic} y`)).toBe("x [secret] [secret] y");
  });

  test("does not scrub what is no secret", async () => {
    await reader.readPublic(env("BOT_TOKEN"));
    expect(secrets.scrub("from-the-environment")).toBe("from-the-environment");
  });

  test("reads a file again each time, and scrubs its last two values", async () => {
    const values: string[] = [];
    for (const text of ["first", "second", "third"]) {
      await writeFile(join(folder, "token"), text);
      values.push(await value(fileOf("token")));
    }
    expect(values).toEqual(["first", "second", "third"]);
    expect(secrets.scrub("first second third")).toBe("first [secret] [secret]");
  });

  test("scrubs a value that was rotated away in one place while it lives in another", async () => {
    await writeFile(join(folder, "other"), "first");
    await reader.read(fileOf("other"));
    for (const text of ["first", "second", "third"]) {
      await writeFile(join(folder, "token"), text);
      await reader.read(fileOf("token"));
    }
    expect(secrets.scrub("first")).toBe("[secret]");
  });

  test("asks a program again after five minutes, after a refusal, and after it failed; not at the same time", async () => {
    const log = join(folder, "log");
    const script = join(folder, "program");
    await writeFile(
      script,
      `#!/bin/sh\necho x >> ${log}\nwc -l < ${log} | tr -d ' '\n[ ! -e ${folder}/broken ]\n`,
    );
    await chmod(script, 0o700);
    const program = command(script);
    expect(await Promise.all([value(program), value(program)])).toEqual(["1", "1"]);
    now = 5 * 60_000 - 1;
    expect(await value(program)).toBe("1");
    now += 1;
    expect(await value(program)).toBe("2");
    reader.forget(program);
    expect(await value(program)).toBe("3");
    reader.forget(program);
    await writeFile(join(folder, "broken"), "");
    await expect(value(program)).rejects.toMatchObject({ code: "SECRET_UNREADABLE" });
    await rm(join(folder, "broken"));
    expect(await value(program)).toBe("5");
  });

  test.for([
    ["a variable that is not set", env("NOWHERE"), "variable NOWHERE is not set"],
    ["an empty variable", env("EMPTY"), "variable EMPTY is empty"],
    ["no file", { type: "file", path: "/nonexistent/x" }, "/nonexistent/x cannot be read (ENOENT)"],
    ["a folder", { type: "file", path: "/" }, "file / cannot be read (EISDIR)"],
    ["an endless file", { type: "file", path: "/dev/zero" }, "/dev/zero is larger than 1048576 bytes"],
    ["no program", command("/nonexistent/p", "s3cret"), "/nonexistent/p could not be used (ENOENT)"],
    [
      "a program that fails",
      command("/bin/sh", "-c", "echo s3cret >&2; exit 3"),
      "/bin/sh ended with status 3",
    ],
    ["a program that prints nothing", command("/bin/sh", "-c", ":"), "/bin/sh is empty"],
  ] as const)("says what is wrong with %s, and no argument or output", async ([, reference, message]) => {
    const error: unknown = await reader.read(reference).then(undefined, (caught: unknown) => caught);
    expect(error).toMatchObject({ code: "SECRET_UNREADABLE", message: expect.stringContaining(message) });
    expect(String(error)).not.toContain("s3cret");
  });
});
