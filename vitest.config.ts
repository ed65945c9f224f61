/**
 * All tests of the repository: `unit` lies beside its source (or in `test/check`) and needs no server,
 * `integration` lies in `test/` and runs on real git, real Redis and real Postgres.
 */
import { defineConfig } from "vitest/config";

// Not "import": it would reach `require` inside CommonJS packages too, which then get a module instead of its exports.
const conditions = ["@gitsync/source", "node"];
const shared = {
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
};

export default defineConfig({
  test: {
    projects: [
      {
        ...shared,
        test: {
          name: "unit",
          include: ["packages/*/src/**/*.test.ts", "apps/*/src/**/*.test.ts", "test/check/**/*.test.ts"],
          testTimeout: 30_000,
          // Half the time of the whole suite was loading the same modules once per file. A unit test puts back what
          // it changes beyond itself: a variable of the environment, a fake clock.
          isolate: false,
        },
      },
      {
        ...shared,
        test: {
          name: "integration",
          include: ["test/**/*.test.ts"],
          exclude: ["test/check/**"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // Its default of a second is a limit on how busy a machine may be.
          expect: { poll: { timeout: 15_000 } },
          maxWorkers: 2,
          // After the unit tests, not among them: projects of one group have to share their number of workers.
          sequence: { groupOrder: 1 },
          globalSetup: ["test/support/requirements.ts"],
        },
      },
    ],
  },
});
