import { test } from "vitest";
import * as api from "./index.ts";

test("what the package exports", ({ expect }) => {
  expect(Object.keys(api).toSorted()).toMatchInlineSnapshot(`
    [
      "GatewayError",
      "IGNORED_REASONS",
      "PROBLEMS",
      "createGateway",
      "isLoopback",
      "parseListenAddress",
      "requireTokenBeyondLoopback",
      "sampleDelivery",
    ]
  `);
});
