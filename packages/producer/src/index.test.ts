import { expect, test } from "vitest";
import * as api from "./index.ts";

test("the package exports what it says, by hand", () => {
  expect(Object.keys(api).toSorted()).toMatchInlineSnapshot(`
    [
      "ADHOC_POLICY",
      "BACKOFF_TYPE",
      "BEAT_MS",
      "Deadline",
      "Heartbeat",
      "Lanes",
      "PRODUCER_ERRORS",
      "ProducerError",
      "SILENT_MS",
      "SINGLE_LANE",
      "WAITING_REASONS",
      "canonicalEndpoint",
      "createProducer",
      "definitionDigest",
      "giveHint",
      "hookHealth",
      "isProducerError",
      "laneFor",
      "mirrorIdOf",
      "mirrorViews",
      "newId",
      "openFleetStore",
      "openRouteStore",
      "readFleetFigures",
      "routeView",
      "targetKeyOfEndpoint",
      "unstoredRoute",
    ]
  `);
});
