import { expect, test } from "vitest";
import { Deadline } from "./deadline.ts";

test("Deadline gives the outcome that comes in time", async () => {
  expect(await new Deadline(1_000).within(Promise.resolve("ok"))).toBe("ok");
});

test("Deadline turns waiting too long and failing into QUEUE_UNAVAILABLE", async () => {
  const never = new Promise<never>(() => undefined);
  await expect(new Deadline(10).within(never)).rejects.toMatchObject({
    code: "QUEUE_UNAVAILABLE",
    retryable: true,
  });
  const cause = new Error("connection refused");
  await expect(new Deadline(10).within(Promise.reject(cause))).rejects.toMatchObject({
    code: "QUEUE_UNAVAILABLE",
    cause,
  });
});
