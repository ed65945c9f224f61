import { describe, expect, test } from "vitest";
import { createLogger, createSilentLogger } from "./logger.ts";
import { createShutdown } from "./shutdown.ts";

const quiet = { logger: createSilentLogger(), signals: [] };

describe("createShutdown()", () => {
  test("runs the stages last added first, one after the other, after the signal aborted", async () => {
    const order: string[] = [];
    const shutdown = createShutdown(quiet);
    shutdown.signal.addEventListener("abort", () => order.push("abort"));
    for (const name of ["database", "queue", "worker"]) {
      shutdown.add(name, async () => {
        order.push(`${name} begins`);
        await new Promise((resolve) => setImmediate(resolve));
        order.push(`${name} ends`);
      });
    }
    await shutdown.run("test");
    expect(order).toEqual([
      "abort",
      "worker begins",
      "worker ends",
      "queue begins",
      "queue ends",
      "database begins",
      "database ends",
    ]);
    expect(shutdown.signal.reason).toMatchObject({ name: "AbortError", message: "Shutting down: test" });
  });

  test("leaves a stage behind at its deadline, tells it so, and goes on", async () => {
    const lines: string[] = [];
    const logger = createLogger({ name: "test", destination: { write: (line) => lines.push(line) } });
    const shutdown = createShutdown({ logger, signals: [] });
    const ran: string[] = [];
    let told: AbortSignal | undefined;
    shutdown.add("last", () => void ran.push("last"));
    shutdown.add(
      "stuck",
      async (signal) => {
        told = signal;
        await new Promise(() => undefined);
      },
      50,
    );
    await shutdown.run("test");
    expect(ran).toEqual(["last"]);
    expect(told?.aborted).toBe(true);
    expect(lines.join("")).toContain(
      '"stage":"stuck","deadline_ms":50,"msg":"A stage of the shutdown took too long"',
    );
  });

  test("goes on after a stage that fails, whether it throws or rejects", async () => {
    const ran: string[] = [];
    const shutdown = createShutdown(quiet);
    shutdown.add("last", () => void ran.push("last"));
    shutdown.add("throws", () => {
      throw new Error("no");
    });
    shutdown.add("rejects", async () => Promise.reject(new Error("no")));
    await shutdown.run("test");
    expect(ran).toEqual(["last"]);
  });

  test("runs once, however often it is asked", async () => {
    let count = 0;
    const shutdown = createShutdown(quiet);
    shutdown.add("counted", () => void count++);
    await Promise.all([shutdown.run("a"), shutdown.run("b")]);
    await shutdown.run("c");
    expect(count).toBe(1);
  });

  test("does not run a stage that was taken out", async () => {
    const ran: string[] = [];
    const shutdown = createShutdown(quiet);
    const remove = shutdown.add("removed", () => void ran.push("removed"));
    remove();
    remove();
    await shutdown.run("test");
    expect(ran).toEqual([]);
  });
});
