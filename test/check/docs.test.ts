/** The documents lead somewhere and stay short. */

import { posix } from "node:path";
import { describe, expect, test } from "vitest";
import { exists, filesOf, readText } from "./repository.ts";

const documents = filesOf(
  "*.md",
  "docs/**/*.md",
  "infra/**/*.md",
  "packages/*/README.md",
  "apps/*/README.md",
  "test/**/*.md",
);

describe("README.md", () => {
  test("has at most 160 lines", () => {
    expect(readText("README.md").split("\n").length).toBeLessThanOrEqual(160);
  });

  test("names no npm script that is not there", () => {
    const { scripts } = JSON.parse(readText("package.json")) as { scripts: Record<string, string> };
    const named = documents.flatMap((path) =>
      [...readText(path).matchAll(/npm run ([a-z:]+)(?! -w)\b/gu)].map(([, name]) => name),
    );
    expect(named.filter((name) => name === undefined || !(name in scripts))).toEqual([]);
  });
});

describe("documents", () => {
  test.for(documents)("%s: every link leads to a file, every anchor to a heading", (path) => {
    const broken = linksOf(readText(path)).filter((link) => {
      const [file = "", anchor] = link.split("#");
      const target = file === "" ? path : posix.join(posix.dirname(path), decodeURIComponent(file));
      if (!exists(target)) return true;
      return anchor !== undefined && !anchorsOf(readText(target)).has(anchor);
    });
    expect(broken).toEqual([]);
  });

  test("docs/README.md links every page in docs", () => {
    const linked = new Set(linksOf(readText("docs/README.md")).map((link) => posix.join("docs", link)));
    const pages = filesOf("docs/**/*.md").filter((path) => path !== "docs/README.md");
    expect(pages.filter((path) => !linked.has(path))).toEqual([]);
  });
});

describe("docs/protocol.md", () => {
  const [, table = ""] = readText("docs/protocol.md").split(/^## Rules .*$/mu);
  const rules = [...table.matchAll(/^\| [^|]+ \| `([^`|]+)` \| `([^`|]+)` \|$/gmu)].map(
    ([, title = "", file = ""]) => ({
      title,
      path: file.startsWith("test/") ? file : `packages/protocol/src/${file}`,
    }),
  );

  test("every line of the table of rules names one test", () => {
    const lines = table.split("\n").filter((line) => /^\| (?!\*\*|Rule )/u.test(line));
    expect(lines.length).toBe(rules.length);
  });

  test("every rule names a test that its file holds", () => {
    expect(rules.length).toBeGreaterThan(60);
    const missing = rules.filter(({ title, path }) => !exists(path) || !titlesOf(readText(path)).has(title));
    expect(missing).toEqual([]);
  });

  test("every test that is named for its rule is in the table", () => {
    const listed = new Set(rules.map(({ title, path }) => `${path}: ${title}`));
    const held = filesOf("packages/protocol/src/**/*-rules.test.ts").flatMap((path) =>
      [...readText(path).matchAll(/^ *test\(\s*"([^"\n]+)"/gmu)].map(([, title]) => `${path}: ${title}`),
    );
    expect(held.length).toBeGreaterThan(20);
    expect(held.filter((test) => !listed.has(test))).toEqual([]);
  });
});

/** What may be a title: every string that begins and ends on one line. */
function titlesOf(source: string): Set<string> {
  return new Set(
    [...source.matchAll(/"([^"\n]*)"|`([^`\n]*)`/gu)].map(([, plain, template]) => plain ?? template ?? ""),
  );
}

/** Relative links and images of a Markdown text, outside code. */
function linksOf(markdown: string): string[] {
  const prose = markdown.replaceAll(/^```[\s\S]*?^```/gmu, "").replaceAll(/`[^`\n]*`/gu, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/gu)]
    .map(([, link = ""]) => link)
    .filter((link) => !/^[a-z]+:/u.test(link));
}

/** The anchors that a forge gives to headings. */
function anchorsOf(markdown: string): Set<string> {
  const headings = markdown.replaceAll(/^```[\s\S]*?^```/gmu, "").matchAll(/^#{1,6} (.+)$/gmu);
  return new Set(
    [...headings].map(([, title = ""]) =>
      title
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}
