/** Rules about every source file and every package that no other tool knows. */

import { describe, expect, test } from "vitest";
import { exists, filesOf, readText, workspaces } from "./repository.ts";

const sources = filesOf("packages/**/*.{ts,js}", "apps/**/*.{ts,js,html,css}", "test/**/*.ts", "*.ts");

describe("sources", () => {
  test("leave no work for later in a comment", () => {
    const unfinished = new RegExp(
      ["TO" + "DO", "FIX" + "ME", "XX" + "X"].map((word) => `\\b${word}\\b`).join("|"),
      "u",
    );
    const found = sources.flatMap((path) =>
      readText(path)
        .split("\n")
        .flatMap((line, index) => (unfinished.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
    );
    expect(found).toEqual([]);
  });

  test("re-export by name, never everything", () => {
    expect(sources.filter((path) => /^export \* /mu.test(readText(path)))).toEqual([]);
  });

  test("lie in folders that say what they are about", () => {
    const vague = /(?:^|\/)(?:utils?|helpers?|common|misc|types)(?:\/|\.ts$)/u;
    expect(sources.filter((path) => vague.test(path))).toEqual([]);
  });
});

test("every public parser of the protocol can be fuzzed", () => {
  const exported = [...readText("packages/protocol/src/index.ts").matchAll(/(?<!type )\b(\w+)(?=[,} ])/gu)];
  const parsers = exported
    .map(([, name = ""]) => name)
    .filter((name) =>
      /^(decode|parse|read|index|apply)[A-Z]|(Decoder|Reader|Session|Server|Indexer|Verifier|Lines)$/u.test(
        name,
      ),
    );
  expect(parsers.length).toBeGreaterThan(45);
  const fuzzed = filesOf("packages/protocol/fuzz/*.ts").map(readText).join("\n");
  expect(parsers.filter((name) => !new RegExp(`\\b${name}\\b`, "u").test(fuzzed))).toEqual([]);
});

describe.for(workspaces().map(({ folder, manifest }) => ({ folder, ...manifest })))(
  "$folder",
  (workspace) => {
    test("has the source of everything that it exports", () => {
      const targets = Object.values(workspace.exports ?? {}).flatMap((entry) =>
        typeof entry === "string" ? [entry] : [entry["@gitsync/source"] ?? "a source"],
      );
      expect(targets.filter((target) => !exists(`${workspace.folder}/${target}`))).toEqual([]);
    });

    test("has the same version as its siblings", () => {
      expect(workspace.version).toBe(workspaces()[0]?.manifest.version);
    });
  },
);

test.for(
  workspaces()
    .filter(({ manifest }) => manifest.private !== true)
    .map(({ folder, manifest }) => ({ folder, name: manifest.name })),
)(
  "$folder has a README of at most 80 lines beside its examples, that begins with its name",
  ({ folder, name }) => {
    const readme = `${folder}/README.md`;
    expect(exists(readme), `${readme} exists`).toBe(true);
    const lines = readText(readme).split("\n");
    expect(lines[0]).toBe(`# ${name}`);
    const prose = readText(readme)
      .replaceAll(/^```[\s\S]*?^```\n/gmu, "")
      .split("\n");
    expect(prose.length).toBeLessThanOrEqual(80);
  },
);
