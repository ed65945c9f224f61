import { describe, test } from "vitest";
import { CliError } from "../cli-error.ts";
import { findCommand } from "./commands.ts";
import { parseArguments } from "./parse-arguments.ts";
import type { Invocation } from "./command.ts";

function parse(name: string, ...args: readonly string[]): Invocation {
  const command = findCommand(name);
  if (command === undefined) throw new TypeError(`no command ${name}`);
  return parseArguments(command, args);
}

describe("parseArguments()", () => {
  test("fills the slots that no flag filled, from left to right", ({ expect }) => {
    expect(parse("sync", "a", "b").positionals).toEqual({ source: "a", target: "b" });
    expect(parse("sync", "--source-url", "a", "b").positionals).toEqual({ source: "a", target: "b" });
    expect(parse("sync", "--target-url=b", "a").positionals).toEqual({ source: "a", target: "b" });
    expect(parse("sync", "--", "-a", "b").positionals).toEqual({ source: "-a", target: "b" });
  });

  test("reads switches, values, repeated lists and short flags", ({ expect }) => {
    const { flags } = parse(
      "sync",
      "a",
      "b",
      "--tags",
      "-v",
      "--map",
      "x:y",
      "--map=z:w",
      "--protocol",
      "v1",
    );
    expect(flags).toEqual({ tags: true, verbose: true, map: ["x:y", "z:w"], protocol: "v1" });
  });

  test("--help needs no arguments", ({ expect }) => {
    expect(parse("sync", "--help").flags).toEqual({ help: true });
  });

  test.for<readonly [args: readonly string[], message: string]>([
    [["a", "b", "--tagz"], "unknown flag --tagz; did you mean --tags?"],
    [["a", "b", "--have-ref=x"], "unknown flag --have-ref"],
    [["a", "b", "-x"], "unknown flag -x"],
    [["a"], "target is missing"],
    [[], "source is missing"],
    [["a", "b", "c"], 'unexpected argument "c": source and target are already set'],
    [
      ["--source-url", "a", "b", "https://u:secret@h/c"],
      'unexpected argument "https://h/c": source and target are already set',
    ],
    [["a", "b", "--tags=yes"], "flag --tags takes no value"],
    [["a", "b", "--map"], "flag --map needs a value: SRC:DST"],
    [["a", "b", "--map="], "flag --map needs a value: SRC:DST"],
    [
      ["a", "b", "--branch", "--json"],
      "flag --branch needs a value: A,B; one that begins with - is given as --branch=VALUE",
    ],
    [["a", "b", "--protocol", "v3"], "flag --protocol must be one of auto, v1, v2"],
    [["a", "b", "--protocol", "v1", "--protocol", "v2"], "flag --protocol was given twice"],
  ])("%j is refused", ([args, message], { expect }) => {
    expect(() => parse("sync", ...args)).toThrow(new CliError("USAGE", message, { command: "sync" }));
  });

  test("a message never repeats the value of a secret flag", ({ expect }) => {
    for (const args of [
      ["--source-token", "hunter2", "a", "b", "c"],
      ["--source-token=hunter2", "--nope"],
    ]) {
      expect(() => parse("sync", ...args)).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining("hunter2") }),
      );
    }
  });
});
