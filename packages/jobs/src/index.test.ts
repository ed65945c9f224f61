import { expect, test } from "vitest";
import * as api from "./index.ts";

test("the package exports what it says, by hand", () => {
  expect(Object.keys(api).toSorted()).toMatchInlineSnapshot(`
    [
      "ADHOC_KEEP_MS",
      "JOB_STATES",
      "MAX_ATTEMPTS",
      "MAX_REPORTS",
      "MAX_REPORT_REFS",
      "PRIORITY_BANDS",
      "ROUTE_STATES",
      "RUN_OUTCOMES",
      "SYNC_JOB_NAME",
      "adhocRequestSchema",
      "checkAdhocRequest",
      "condenseResult",
      "hostOf",
      "jobPriority",
      "laneOf",
      "nextDueAt",
      "parseSyncJobData",
      "retryDelayMs",
      "syncJobDataSchema",
      "targetKeyOf",
    ]
  `);
});
