/** What `infra/` says of the fleet is what the fleet takes. Needs no Docker: the file is read as Compose reads it. */

import { join } from "node:path";
import { COMMANDS } from "@gitsync/cli";
import { ENVIRONMENT, loadConfig, parseConfig } from "@gitsync/runtime";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { exists, readText, ROOT } from "./repository.ts";

interface Service {
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command?: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, unknown>>;
  readonly deploy?: { readonly replicas: number };
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, null>>;
}

let compose: Compose;
beforeAll(() => {
  compose = parse(readText("infra/compose.yaml"), { merge: true }) as Compose;
});

const ours = (): readonly (readonly [name: string, service: Service])[] =>
  Object.entries(compose.services).filter(([, { build }]) => build !== undefined);

describe("infra/compose.yaml", () => {
  test("is a gateway, two workers, Redis and Jaeger", () => {
    expect(Object.keys(compose.services)).toEqual(["redis", "jaeger", "gateway", "worker"]);
    expect(compose.services["worker"]?.deploy?.replicas).toBe(2);
  });

  test("runs commands that there are, with variables that are read", () => {
    const known = new Set([...ENVIRONMENT.map(({ name }) => name), ...secretsOf("infra/mirrors.yaml")]);
    for (const [name, { command = [], environment = {} }] of ours()) {
      expect(
        COMMANDS.map((each) => each.name),
        name,
      ).toContain(command[0]);
      expect(
        Object.keys(environment).filter((variable) => !known.has(variable)),
        name,
      ).toEqual([]);
      expect(environment["GITSYNC_QUEUE_URL"], name).toBe("redis://redis:6379");
    }
  });

  test("opens ports on loopback only, and names releases of other people's images", () => {
    for (const [name, { ports = [], image, build }] of Object.entries(compose.services)) {
      expect(
        ports.filter((port) => !port.startsWith("127.0.0.1:")),
        name,
      ).toEqual([]);
      if (build === undefined) expect(image, name).toMatch(/:\d+\.\d+/u);
    }
  });

  test("holds no secret: each comes from the caller's environment, or nothing starts", () => {
    const secrets = ours().flatMap(([, { environment = {} }]) =>
      Object.entries(environment).filter(([variable]) => /TOKEN|SECRET/u.test(variable)),
    );
    expect(secrets.map(([variable]) => variable).toSorted()).toEqual([
      "GITHUB_HOOK_SECRET",
      "GITSYNC_API_TOKEN",
    ]);
    for (const [variable, value] of secrets) expect(value).toMatch(new RegExp(`^\\$\\{${variable}:\\?`, "u"));
  });

  test("gives our processes no more than they need", () => {
    for (const [name, service] of ours()) {
      expect(service, name).toMatchObject({
        read_only: true,
        cap_drop: ["ALL"],
        security_opt: ["no-new-privileges:true"],
        init: true,
      });
    }
    expect(readText("infra/Dockerfile")).toMatch(/\nUSER node\n/u);
  });

  test("refers to services, volumes and files that there are", () => {
    for (const [name, { volumes = [], depends_on: needs = {}, build }] of Object.entries(compose.services)) {
      expect(
        Object.keys(needs).filter((other) => compose.services[other] === undefined),
        name,
      ).toEqual([]);
      for (const volume of volumes) {
        const [from = ""] = volume.split(":");
        if (from.startsWith("./")) expect(exists(`infra/${from.slice(2)}`), volume).toBe(true);
        else expect(compose.volumes, volume).toHaveProperty(from);
      }
      if (build !== undefined) expect(exists(build.dockerfile)).toBe(true);
    }
  });
});

describe("infra/mirrors.yaml", () => {
  test("is without faults, and its local targets lie in the volume that the workers share", async () => {
    const { config } = await loadConfig(join(ROOT, "infra/mirrors.yaml"));
    const targets = config.mirrors.flatMap(({ targets: all }) => all.map(({ url }) => url));
    const folders = config.egress.paths.map((path) => `${path}/`);
    expect(targets.filter((url) => !folders.some((folder) => url.startsWith(folder)))).toEqual([]);
    const shared = compose.services["worker"]?.volumes?.map((volume) => volume.split(":")[1]);
    expect(shared).toEqual(expect.arrayContaining([...config.egress.paths]));
  });

  test("the delivery of the README is about a repository of it", () => {
    const id = /"repository":\{"id":(\d+)\}/u.exec(readText("infra/README.md"))?.[1];
    const config = parseConfig(readText("infra/mirrors.yaml"), "infra/mirrors.yaml");
    expect(config.mirrors.map(({ source }) => source.repositoryId)).toContain(id);
  });
});

/** Variables that a mirrors file reads its secrets from. */
function secretsOf(path: string): readonly string[] {
  return [...readText(path).matchAll(/\{ env: (\w+) \}/gu)].map(([, name = ""]) => name);
}
