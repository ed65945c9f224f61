import { JOB_STATES } from "@gitsync/jobs";
import { test } from "vitest";
import { FLAGS } from "./flags.ts";

test("--state takes every state of a job", ({ expect }) => {
  expect(FLAGS.state.choices).toEqual(JOB_STATES);
});
