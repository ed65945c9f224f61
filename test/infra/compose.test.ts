import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { ROOT } from "../check/repository.ts";
import { composeCommand } from "../support/compose-command.ts";
import { startProcess } from "../support/process.ts";
import { describeWith } from "../support/requirements.ts";

const SECRETS = { GITSYNC_API_TOKEN: "canary-api", GITHUB_HOOK_SECRET: "canary-hook" };

interface Configured {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly restart?: string;
        readonly environment?: Readonly<Record<string, string>>;
        readonly ports?: readonly unknown[];
      }
    >
  >;
  readonly volumes: Readonly<Record<string, unknown>>;
}

describeWith(["docker-compose"], "docker compose config", () => {
  const configure = async (env: Readonly<Record<string, string>>) => {
    const [program = "", ...args] = composeCommand() ?? [];
    const file = join(ROOT, "infra/compose.yaml");
    await using compose = startProcess(program, [...args, "--file", file, "config"], { env });
    const { code } = await compose.exited;
    return { code, ...compose.output };
  };

  test("takes infra/compose.yaml whole", { timeout: 60_000 }, async () => {
    const outcome = await configure(SECRETS);
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    const { services, volumes } = parse(outcome.stdout) as Configured;
    expect(Object.keys(services).toSorted()).toEqual(["gateway", "jaeger", "redis", "worker"]);
    expect(Object.keys(volumes).toSorted()).toEqual(["mirrors", "redis"]);
    expect(services["gateway"]?.environment).toMatchObject({
      ...SECRETS,
      GITSYNC_QUEUE_URL: "redis://redis:6379",
    });
    expect(JSON.stringify(services["worker"])).not.toContain("canary");
    // A fleet that comes back after a crash or a reboot without its queue is none.
    expect(Object.values(services).map(({ restart }) => restart)).toEqual(
      Array.from({ length: 4 }, () => "unless-stopped"),
    );
    for (const name of ["gateway", "worker"]) {
      // Jaeger takes traces and answers 404 to metrics.
      const otel = Object.entries(services[name]?.environment ?? {}).filter(([key]) =>
        key.startsWith("OTEL"),
      );
      expect(otel).toEqual([["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://jaeger:4318/v1/traces"]]);
    }
  });

  test.for(Object.keys(SECRETS))(
    "says what is missing when %s is not set",
    { timeout: 60_000 },
    async (name) => {
      const others = Object.fromEntries(Object.entries(SECRETS).filter(([other]) => other !== name));
      const outcome = await configure(others);
      expect(outcome.code).not.toBe(0);
      expect(outcome.stderr).toContain("set it to a long random text");
    },
  );
});

test("the link to Jaeger asks for what Jaeger can answer", async () => {
  const text = await readFile(join(ROOT, "infra/README.md"), "utf8");
  const link = /http:\/\/127\.0\.0\.1:16686\/search\?[^'\s]*/u.exec(text)?.[0] ?? "";
  // Without a span of time Jaeger's page shows an error instead of traces.
  expect(Object.fromEntries(new URL(link).searchParams)).toEqual({
    service: "git-sync-gateway",
    operation: "webhook receive",
    lookback: "1h",
  });
});
