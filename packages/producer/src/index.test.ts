import { expect, test } from "vitest";
import * as api from "./index.ts";

test("the package exports what it says, by hand", () => {
  expect(Object.keys(api).toSorted()).toMatchInlineSnapshot(`
    [
      "ADHOC_POLICY",
      "BACKOFF_TYPE",
      "Lanes",
      "ProducerError",
      "SINGLE_LANE",
      "canonicalEndpoint",
      "createProducer",
      "isProducerError",
      "laneFor",
      "mirrorIdOf",
      "mirrorViews",
      "newId",
      "openRouteStore",
      "routeView",
      "targetKeyOfEndpoint",
      "unstoredRoute",
    ]
  `);
});
