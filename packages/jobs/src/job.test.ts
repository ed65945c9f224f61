import { describe, expect, test } from "vitest";
import { jobPriority, parseSyncJobData, PRIORITY_BANDS, retryDelayMs, type Trigger } from "./job.ts";

describe("parseSyncJobData()", () => {
  test("takes a key and nothing else", () => {
    expect(parseSyncJobData({ v: 1, target: "host/x" })).toEqual({ v: 1, target: "host/x" });
  });

  test.for([
    [null],
    [{}],
    [{ v: 2, target: "host/x" }],
    [{ v: 1, target: "" }],
    [{ v: 1, target: "x".repeat(8_193) }],
    [{ v: 1, target: "host/x", refs: [] }],
    ["host/x"],
  ])("refuses %j", ([data]) => {
    expect(parseSyncJobData(data)).toBeUndefined();
  });
});

describe("jobPriority()", () => {
  test("a band is served before the next one whatever a tenant has waiting", () => {
    const bands = Object.keys(PRIORITY_BANDS) as Trigger[];
    const [lowest, highest] = [
      bands.map((band) => jobPriority(band, 0)),
      bands.map((band) => jobPriority(band, 1e9)),
    ];
    expect(lowest).toEqual([100_000, 200_000, 300_000, 400_000]);
    expect(highest).toEqual([199_999, 299_999, 399_999, 499_999]);
  });

  test("stays whole and above 0, which the queue would serve first", () => {
    expect(jobPriority("person", -5)).toBe(100_000);
    expect(jobPriority("person", 1.9)).toBe(100_001);
  });
});

describe("retryDelayMs()", () => {
  test("doubles from 2 s, at most 15 min, whole milliseconds of full jitter", () => {
    const most = (attempt: number): number => retryDelayMs(attempt, () => 1);
    expect([1, 2, 3, 8, 9, 10, 50].map(most)).toEqual([
      2_000, 4_000, 8_000, 256_000, 512_000, 900_000, 900_000,
    ]);
    expect(retryDelayMs(3, () => 0)).toBe(0);
    expect(Number.isInteger(retryDelayMs(3, () => 0.333))).toBe(true);
  });
});
