import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { canonicalEndpoint, targetKeyOfEndpoint } from "./canonical-endpoint.ts";

let folder = "";
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "gitsync-endpoint-")));
  mkdirSync(join(folder, "real"));
  symlinkSync(join(folder, "real"), join(folder, "link"));
  writeFileSync(join(folder, "odd:name"), "");
});
afterAll(() => rmSync(folder, { recursive: true }));

const canonical = (url: string): string => canonicalEndpoint({ url }, "target").url;

describe("canonicalEndpoint()", () => {
  test("a local path, its file:// URL, a relative path and one through a link are one", () => {
    const real = pathToFileURL(join(folder, "real", "new", "backup.git")).href;
    const spellings = [
      join(folder, "real/new/backup.git"),
      join(folder, "link/new/backup.git/"),
      join(folder, "real/../link/new/backup.git"),
      relative(process.cwd(), join(folder, "link/new/backup.git")),
      pathToFileURL(join(folder, "link/new/backup.git")).href,
    ];
    expect(spellings.map(canonical)).toEqual(spellings.map(() => real));
    expect(targetKeyOfEndpoint({ url: real })).toBe(real.replace(/\.git$/u, ""));
  });

  test("a colon before the first slash is another host, unless such a file exists", () => {
    expect(canonical("git@host.test:a/b.git")).toBe("git@host.test:a/b.git");
    expect(canonical(join(folder, "odd:name"))).toBe(pathToFileURL(join(folder, "odd:name")).href);
  });

  test("other URLs stay as they are", () => {
    expect(canonical("https://Host.test/A.git")).toBe("https://Host.test/A.git");
    expect(
      canonicalEndpoint({ url: "ssh://git@host.test/a", followInfoRefsRedirect: true }, "source"),
    ).toEqual({
      url: "ssh://git@host.test/a",
      followInfoRefsRedirect: true,
    });
  });

  test.for([
    ["https://user:hunter2@host.test/a"],
    ["https://hunter2@host.test/a"],
    ["ssh://git:hunter2@host.test/a"],
    ["https://"],
    ["file://other-host/a"],
    ["a\0b"],
  ] as const)("refuses %j, without repeating it", ([url]) => {
    const thrown = (() => {
      try {
        return canonical(url);
      } catch (error) {
        return error;
      }
    })();
    expect(thrown).toMatchObject({ code: "REQUEST_INVALID", details: { field: "target.url" } });
    expect(String(thrown)).not.toContain("hunter2");
  });
});
