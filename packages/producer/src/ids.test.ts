import { expect, test } from "vitest";
import { newId, newToken } from "./ids.ts";

test("newId() makes UUIDv7s that sort by their time and are never the same", () => {
  const before = Date.now();
  const ids = Array.from({ length: 1_000 }, newId);
  for (const id of ids)
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/u);
  expect(new Set(ids).size).toBe(ids.length);
  const time = Number.parseInt((ids[0] ?? "").replaceAll("-", "").slice(0, 12), 16);
  expect(time).toBeGreaterThanOrEqual(before);
  expect(time).toBeLessThanOrEqual(Date.now());
});

test("newToken() never gives the same twice", () => {
  expect(new Set(Array.from({ length: 1_000 }, newToken)).size).toBe(1_000);
});
