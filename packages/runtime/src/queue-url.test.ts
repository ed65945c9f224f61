import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { parseQueueUrl, printQueueUrl } from "./queue-url.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "gitsync-url-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe("parseQueueUrl()", () => {
  test.for([
    ["redis://localhost", "redis"],
    ["rediss://:pw@redis.example.com:6380/3", "redis"],
    ["postgres://u:pw@db.example.com/queue", "postgres"],
    ["postgresql://u:pw@[::1]:5433/queue?sslmode=require", "postgres"],
  ] as const)("reads %s", ([text, kind]) => {
    expect(parseQueueUrl(text, {})).toEqual({ kind, url: text });
  });

  test.for([
    "http://example.com",
    "amqp://u:hunter2@example.com",
    "redis:",
    "redis://",
    "localhost:6379",
    "redis://h/x",
  ])("refuses %s and says what it takes", (text) => {
    expect(() => parseQueueUrl(text, {})).toThrow(
      expect.objectContaining({
        code: "QUEUE_URL_INVALID",
        message: expect.stringMatching(
          /set GITSYNC_QUEUE_URL .* embedded:\[DIRECTORY\], redis:\/\/.*postgres:\/\//,
        ),
      }),
    );
    expect(() => parseQueueUrl(text, {})).not.toThrow(/hunter2/);
  });

  test("keeps the state of an ordinary user in the XDG state directory", () => {
    using _user = vi.spyOn(process, "getuid").mockReturnValue(1000);
    const env = { XDG_STATE_HOME: folder, HOME: "/home/someone" };
    expect(parseQueueUrl(undefined, env)).toEqual({
      kind: "embedded",
      directory: join(folder, "git-sync"),
    });
    expect(parseQueueUrl("embedded:", { ...env, XDG_STATE_HOME: "relative" })).toEqual({
      kind: "embedded",
      directory: "/home/someone/.local/state/git-sync",
    });
  });

  test("keeps root's state in /var/lib", () => {
    using _root = vi.spyOn(process, "getuid").mockReturnValue(0);
    for (const text of [undefined, "", "embedded:"]) {
      expect(parseQueueUrl(text, { XDG_STATE_HOME: folder })).toEqual({
        kind: "embedded",
        directory: "/var/lib/git-sync",
      });
    }
  });

  test("makes a named directory absolute", () => {
    expect(parseQueueUrl(`embedded:${folder}/a/../b`, {})).toEqual({
      kind: "embedded",
      directory: join(folder, "b"),
    });
  });

  test("refuses a directory inside a work tree, a linked work tree or a bare repository", () => {
    const places = {
      tree: join(folder, "tree"),
      linked: join(folder, "linked"),
      bare: join(folder, "bare.git"),
    };
    mkdirSync(join(places.tree, ".git"), { recursive: true });
    mkdirSync(places.linked);
    writeFileSync(join(places.linked, ".git"), "gitdir: elsewhere");
    for (const name of ["objects", "refs"]) mkdirSync(join(places.bare, name), { recursive: true });
    writeFileSync(join(places.bare, "HEAD"), "ref: refs/heads/main");
    symlinkSync(places.tree, join(folder, "link"));
    for (const place of [...Object.values(places), join(folder, "link")]) {
      for (const directory of [place, join(place, "not/yet/there")]) {
        expect(() => parseQueueUrl(`embedded:${directory}`, {})).toThrow(
          expect.objectContaining({
            code: "EMBEDDED_DIRECTORY_UNUSABLE",
            message: expect.stringContaining("repository"),
          }),
        );
      }
    }
  });
});

describe("printQueueUrl()", () => {
  test.for([
    ["redis://:hunter2@h:1/2", "redis://h:1/2"],
    ["postgres://u:hunter2@h/db?password=hunter2#hunter2", "postgres://u@h/db"],
  ] as const)("prints %s as %s", ([text, printed]) => {
    expect(printQueueUrl(parseQueueUrl(text, {}))).toBe(printed);
  });
});
