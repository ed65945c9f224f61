import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as api from "./index.ts";
import * as schema from "./schema/index.ts";
import * as unstable from "./unstable.ts";
import { VERSION } from "./version.ts";

test("@gitsync/engine exports", () => {
  expect(Object.keys(api).toSorted()).toMatchInlineSnapshot(`
    [
      "SYNC_ERRORS",
      "StaticAuthProvider",
      "SyncError",
      "createClient",
      "createHttpClient",
      "isSyncError",
      "validatePlanRequest",
      "validateProbeRequest",
      "validateSyncRequest",
    ]
  `);
});

test("@gitsync/engine/unstable exports", () => {
  expect(Object.keys(unstable).toSorted()).toMatchInlineSnapshot(`
    [
      "REFUSALS",
      "createUnstableClient",
      "refusalOf",
      "refusalWithCode",
      "startMeasurement",
    ]
  `);
});

test("@gitsync/engine/schema exports", () => {
  expect(Object.keys(schema).toSorted()).toMatchInlineSnapshot(`
    [
      "batchSummarySchema",
      "bootstrapRequestSchema",
      "endpointSchema",
      "executionSummarySchema",
      "fetchRequestSchema",
      "fetchResultSchema",
      "frozen",
      "measurementSchema",
      "printPath",
      "probeRequestSchema",
      "probeResultSchema",
      "protocolModeSchema",
      "refInfoSchema",
      "refMappingSchema",
      "refResultSchema",
      "refScopeSchema",
      "serviceStatsSchema",
      "sideBytesSchema",
      "statsSchema",
      "syncCountsSchema",
      "syncPolicySchema",
      "syncRequestSchema",
      "syncResultSchema",
      "validateAgainst",
    ]
  `);
});

test("VERSION is that of the package", () => {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  expect(manifest).toMatchObject({ version: VERSION });
});
