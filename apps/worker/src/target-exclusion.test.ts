import { targetKeyOf } from "@gitsync/jobs";
import { expect, test } from "vitest";
import { TargetExclusion } from "./target-exclusion.ts";

const target = targetKeyOf("https://target.test/a");

test("TargetExclusion stops who is there and lets the next in once it has left", async () => {
  const exclusion = new TargetExclusion();
  const [first, second] = [new AbortController(), new AbortController()];
  const leaveFirst = await exclusion.enter(target, first);
  const order: string[] = [];
  const entering = exclusion.enter(target, second).then((leave) => {
    order.push("entered");
    return leave;
  });
  expect(first.signal.reason).toBe("lock-lost");
  order.push("left");
  leaveFirst();
  (await entering)();
  expect(order).toEqual(["left", "entered"]);
  expect(second.signal.aborted).toBe(false);
});

test("TargetExclusion lets other targets pass", async () => {
  const exclusion = new TargetExclusion();
  const first = new AbortController();
  await exclusion.enter(target, first);
  const leave = await exclusion.enter(targetKeyOf("https://target.test/b"), new AbortController());
  leave();
  expect(first.signal.aborted).toBe(false);
});
