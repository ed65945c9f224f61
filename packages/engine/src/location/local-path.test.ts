import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { liesIn } from "./local-path.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "local-path-")));
afterAll(() => rmSync(folder, { recursive: true }));

describe("liesIn()", () => {
  test("follows links on both sides and is not misled by a common beginning", () => {
    mkdirSync(join(folder, "allowed"));
    mkdirSync(join(folder, "allowed-not"));
    symlinkSync(join(folder, "allowed-not"), join(folder, "allowed", "out"));
    symlinkSync(join(folder, "allowed"), join(folder, "in"));
    const allowed = join(folder, "allowed");
    expect(liesIn(join(allowed, "new.git"), allowed)).toBe(true);
    expect(liesIn(allowed, allowed)).toBe(true);
    expect(liesIn(join(folder, "in", "new.git"), allowed)).toBe(true);
    expect(liesIn(join(allowed, "out", "new.git"), allowed)).toBe(false);
    expect(liesIn(join(allowed, "..", "allowed-not"), allowed)).toBe(false);
    expect(liesIn(join(folder, "allowed-not"), allowed)).toBe(false);
  });
});
