import { expect, test } from "vitest";
import * as api from "./index.ts";

test("the package exports what it says, by hand", () => {
  expect(Object.keys(api).toSorted()).toMatchInlineSnapshot(`
    [
      "Notifier",
      "RotationWatch",
      "Sweeper",
      "createFleetCredentials",
      "createWorker",
      "startProbeServer",
    ]
  `);
});
